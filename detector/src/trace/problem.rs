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
    #[error("looks like {0}; traces are CSV with a header, `t_seconds` first")]
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
}

/// Everything that is wrong with one line, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        Ok(())
    }
}
