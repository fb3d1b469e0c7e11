//! Traces: recorded runs, read as one row per instant.
//!
//! A trace is CSV, which this crate also writes: a header, `t_seconds` first, then named columns;
//! an empty cell is a missing value; gaps are allowed. Names of signals, `start_seconds` (identity
//! of the run: a change is a restart) and `requests_total` have their meaning, every other column
//! is a gauge. It is read one row at a time, in constant memory however long it is.
//!
//! What monitoring systems export is read too, within bounds on its size because all of it must be
//! there before it is rows: `OpenMetrics` or Prometheus text with timestamps, and the JSON of a
//! Prometheus range query. The content tells the format, and gzip is read transparently. What is
//! not as agreed is refused with its place.

mod cells;
mod columns;
mod csv_rows;
mod dump;
mod format;
mod input;
mod lines;
mod meaning;
mod openmetrics;
mod pivot;
mod problem;
mod prometheus_json;
mod row;
mod writer;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

pub use columns::Columns;
pub use problem::{Problem, Problems, TraceError};
pub use writer::TraceWriter;

use crate::Observation;
use csv_rows::CsvRows;
use dump::Dump;
use format::Format;
use input::Bounded;
use openmetrics::Failure;
use pivot::Pivot;

/// Reads a trace, row by row.
pub struct Trace {
    name: String,
    notes: Vec<String>,
    rows: Rows,
}

/// Rows as they come, or rows of what has been read to its end.
enum Rows {
    Csv(Box<CsvRows>),
    Pivot(Pivot),
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Trace {
    /// Opens a file, plain or gzip; `-` is standard input.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let name = if input::is_stdin(path) { "stdin".into() } else { path.display().to_string() };
        match input::open(path) {
            Ok(bytes) => Self::read(name, bytes),
            Err(source) => Err(TraceError::Unopened { name, source }),
        }
    }

    /// Reads a trace from bytes, plain or gzip; `name` is for messages.
    pub fn read(name: String, bytes: Box<dyn Read>) -> Result<Self, TraceError> {
        let (format, text) = match input::text(bytes).and_then(format::recognise) {
            Ok(recognised) => recognised,
            Err(source) => return Err(TraceError::Broken { name, line: 1, source }),
        };
        let dump = match format {
            Format::Csv => {
                let rows = Rows::Csv(Box::new(CsvRows::new(name.clone(), text)?));
                return Ok(Self { name, notes: Vec::new(), rows });
            }
            Format::Exposition => text_dump(&name, text)?,
            Format::Json => json_dump(&name, text)?,
        };
        match Pivot::new(dump) {
            Ok((pivot, notes)) => Ok(Self { name, notes, rows: Rows::Pivot(pivot) }),
            Err(problems) => Err(TraceError::Whole { name, problems }),
        }
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        match &self.rows {
            Rows::Csv(rows) => &rows.columns,
            Rows::Pivot(pivot) => &pivot.columns,
        }
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a reader should know of how series were taken for columns, one line each.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether all of it has been read and found sound, so that no row can fail.
    pub fn is_sound(&self) -> bool {
        matches!(self.rows, Rows::Pivot(_))
    }
}

fn text_dump(name: &str, text: Box<dyn BufRead>) -> Result<Dump, TraceError> {
    let bounded = Bounded::new(text);
    let failed = bounded.failed.clone();
    let bad = |(line, problem): (u64, Problem)| TraceError::Bad {
        name: name.to_owned(),
        line,
        problems: problem.into(),
    };
    openmetrics::read(Box::new(BufReader::new(bounded))).map_err(|failure| match failure {
        Failure::Bad(lines) => TraceError::Several(lines.into_iter().map(bad).collect()),
        Failure::Broken(line, error) => {
            let source = failed.take().unwrap_or(error);
            TraceError::Broken { name: name.to_owned(), line, source }
        }
    })
}

fn json_dump(name: &str, text: Box<dyn BufRead>) -> Result<Dump, TraceError> {
    let bounded = Bounded::new(text);
    let failed = bounded.failed.clone();
    let name = name.to_owned();
    let answer = match prometheus_json::parse(BufReader::new(bounded)) {
        Ok(answer) => answer,
        Err(source) => {
            let broken =
                |source: io::Error| TraceError::Broken { name: name.clone(), line: 1, source };
            return Err(failed
                .take()
                .map_or(TraceError::Json { name: name.clone(), source }, broken));
        }
    };
    prometheus_json::dump(answer).map_err(|problems| TraceError::Whole { name, problems })
}

/// A row that is refused is an error, and the rows after it can still be read; input that breaks
/// is the last item.
impl Iterator for Trace {
    type Item = Result<Observation, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.rows {
            Rows::Csv(rows) => rows.next(),
            Rows::Pivot(rows) => rows.next().map(Ok),
        }
    }
}

#[cfg(test)]
mod tests;
