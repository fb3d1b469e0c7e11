//! What can be wrong with a trace: where it is, and what to do about it.

use std::fmt;
use std::io;

/// A trace that cannot be read, or not as a trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The file is not there, or not ours to read.
    #[error("cannot open {name}")]
    Unopened {
        /// The file.
        name: String,
        /// The refusal.
        source: io::Error,
    },
    /// The input fails in the middle (a truncated gzip file, a disk error).
    #[error("{name}:{line}: cannot be read to its end")]
    Broken {
        /// The file.
        name: String,
        /// The line after which it fails.
        line: u64,
        /// The failure.
        source: io::Error,
    },
    /// Several lines that are not as agreed.
    #[error("{}", joined(.0))]
    Several(Vec<Self>),
    /// JSON that is cut off, or of another shape.
    #[error("{name}: cannot be read as the answer of Prometheus to a range query")]
    Json {
        /// The file.
        name: String,
        /// What is wrong, and where.
        source: serde_json::Error,
    },
    /// What is wrong is no matter of one line.
    #[error("{name}: {problems}")]
    Whole {
        /// The file.
        name: String,
        /// All that is wrong.
        problems: Problems,
    },
    /// A line that is not as agreed.
    #[error("{name}:{line}: {problems}")]
    Bad {
        /// The file.
        name: String,
        /// The line, from 1, of the decompressed text.
        line: u64,
        /// All that is wrong with this line.
        problems: Problems,
    },
}

/// One thing that is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No header.
    #[error("is empty; expected a header, `t_seconds` first")]
    Empty,
    /// Another format.
    #[error(
        "looks like {0}; a trace is CSV with a header, `t_seconds` first, OpenMetrics text, or the \
         JSON of a Prometheus range query"
    )]
    OtherFormat(&'static str),
    /// The first column is another.
    #[error("the first column is `{0}`; expected `t_seconds`")]
    NoTime(String),
    /// A column without a name.
    #[error("column {0} has no name; name it or remove it")]
    Nameless(usize),
    /// Two columns of one name.
    #[error("column {second} repeats the name `{name}` of column {first}; rename one")]
    Duplicate {
        /// The name.
        name: String,
        /// Its first column, from 1.
        first: usize,
        /// The column that repeats it.
        second: usize,
    },
    /// A cell that is no text.
    #[error("column {0} is not UTF-8; save the file as UTF-8")]
    NotUtf8(usize),
    /// More or fewer cells than names.
    #[error("has {found} cells; the header names {expected} columns")]
    Ragged {
        /// Names in the header.
        expected: usize,
        /// Cells in the row.
        found: usize,
    },
    /// A cell that is no number.
    #[error(
        "{column} is `{cell}`; expected a decimal number, or an empty cell where it is missing"
    )]
    NotANumber {
        /// The column's name.
        column: String,
        /// What stands there, cut to a readable length.
        cell: String,
    },
    /// A number below zero.
    #[error("{column} is {cell}; expected zero or more, or an empty cell where it is missing")]
    Negative {
        /// The column's name.
        column: String,
        /// What stands there.
        cell: String,
    },
    /// A row without a time.
    #[error("t_seconds is missing")]
    TimeMissing,
    /// Time stands still or falls.
    #[error("t_seconds {0} does not come after {1}; sort the rows and drop the duplicates")]
    TimeNotRising(String, String),
    /// A line without an end.
    #[error("is longer than 1 MiB; is this a text file?")]
    TooLong,
    /// A quote that does not end on its line.
    #[error("a quote is not closed on its line")]
    OpenQuote,
    /// A line that is none of the text format.
    #[error("{what} in `{excerpt}`; by its first line this is OpenMetrics or Prometheus text")]
    Exposition {
        /// What is wrong.
        what: &'static str,
        /// Enough of the line to find it.
        excerpt: String,
    },
    /// A sample of a scrape.
    #[error(
        "`{0}` has no timestamp; one scrape is no trace: export with timestamps (promtool tsdb \
         dump-openmetrics), or record with `detector check PID --metrics URL --trace FILE`"
    )]
    NoTimestamp(String),
    /// Text goes on after its end.
    #[error("something follows `# EOF`; it ends the text, remove it where texts were joined")]
    AfterEof,
    /// Milliseconds with a fraction, or of the wrong half century.
    #[error(
        "the timestamp {0} looks like seconds, but without `# EOF` at the end this is Prometheus \
         text, whose timestamps are milliseconds; is the file cut off?"
    )]
    NotMilliseconds(String),
    /// Seconds three thousand years ahead.
    #[error(
        "the timestamp {0} looks like milliseconds, but by its `# EOF` this is OpenMetrics, whose \
         timestamps are seconds; divide them by 1000, or remove `# EOF`"
    )]
    NotSeconds(String),
    /// Time stands still or falls within a series.
    #[error("time {now} of {series} does not come after {before}; sort the samples of each series")]
    SampleNotLater {
        /// The series.
        series: String,
        /// The time, as it stands there.
        now: String,
        /// The time before it.
        before: String,
    },
    /// More than fits.
    #[error("holds more than 5 million samples; query fewer series, a longer step or less time")]
    TooManySamples,
    /// Prometheus says why there is no answer.
    #[error("Prometheus answers with an error: {0}")]
    Refused(String),
    /// JSON of something else.
    #[error("is JSON, and no answer of Prometheus to a query: it has no `resultType` and `result`")]
    NotAnAnswer,
    /// One instant.
    #[error(
        "is a {0}, which holds one instant; ask /api/v1/query_range, or /api/v1/query with a range \
         such as process_resident_memory_bytes[6h]"
    )]
    NotARange(String),
    /// A series that an expression made.
    #[error(
        "series {0} has no name, because the query computes it; query the metric itself, or name \
         it: label_replace(EXPRESSION, \"__name__\", \"rss_bytes\", \"\", \"\")"
    )]
    NoName(usize),
    /// A problem of one sample of the JSON.
    #[error("series {series}, value {value}: {problem}")]
    At {
        /// The series, from 1.
        series: usize,
        /// Its value, from 1.
        value: usize,
        /// The problem.
        problem: Box<Self>,
    },
    /// Nothing at all.
    #[error("holds no samples; does the metric exist, and was it there in that range of time?")]
    NoSamples,
    /// Nothing to judge.
    #[error(
        "no metric is a resource to judge; known are process_resident_memory_bytes, \
         container_memory_rss, process_open_fds, process_threads, go_goroutines, gauges of heaps, \
         and names such as rss_bytes; name one so: label_replace(METRIC, \"__name__\", \
         \"rss_bytes\", \"\", \"\")"
    )]
    NoResource,
    /// Several processes.
    #[error(
        "holds several entities: `{label}` is {values} in {metric}{}; a trace is of one process, \
         select it, for example {example}",
        more(*metrics)
    )]
    Entities {
        /// The label that tells them apart.
        label: String,
        /// Its first values.
        values: String,
        /// The first metric that has several.
        metric: String,
        /// How many metrics do.
        metrics: usize,
        /// A selector of one of them.
        example: String,
    },
    /// A signal that several series tell.
    #[error("{metric} is there several times: {sets}; select one, for example {example}")]
    Repeated {
        /// The metric.
        metric: String,
        /// The labels that tell them apart.
        sets: String,
        /// A selector of one of them.
        example: String,
    },
}

fn more(metrics: usize) -> String {
    if metrics > 1 { format!(" and {} more metrics", metrics - 1) } else { String::new() }
}

/// Everything that is wrong with one line, or with the whole, at least one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&joined(&self.0))
    }
}

fn joined(all: &[impl fmt::Display]) -> String {
    all.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
