//! Traces: recorded runs as CSV, read one row at a time and written the same way.
//!
//! A header, `t_seconds` first, then named columns; an empty cell is a missing value; gaps are
//! allowed. Names of signals, `start_seconds` (identity of the run: a change is a restart) and
//! `requests_total` have their meaning, every other column is a gauge. Memory is constant
//! however long the trace. What is not as agreed is refused with its file and line.

mod cells;
mod columns;
mod input;
mod problem;
mod row;
mod writer;

use std::fmt;
use std::io::Read;
use std::path::Path;

pub use columns::Columns;
pub use problem::{Problem, Problems, TraceError};
pub use writer::TraceWriter;

use crate::Observation;
use cells::Cells;

/// Reads a trace, row by row.
pub struct Trace {
    name: String,
    cells: Cells,
    columns: Columns,
    previous_seconds: Option<f64>,
    start_seconds: Option<f64>,
    broken: bool,
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
        let mut cells = match input::text(bytes) {
            Ok(text) => Cells::new(text),
            Err(source) => {
                return Err(TraceError::Broken { name, line: 1, source });
            }
        };
        let columns = match cells.advance() {
            Ok(Ok(true)) => Columns::parse(&cells),
            Ok(Ok(false)) => Err(Problem::Empty.into()),
            Ok(Err(problem)) => Err(problem.into()),
            Err(source) => {
                return Err(TraceError::Broken { name, line: 1, source });
            }
        };
        match columns {
            Ok(columns) => {
                let (previous_seconds, start_seconds, broken) = (None, None, false);
                Ok(Self { name, cells, columns, previous_seconds, start_seconds, broken })
            }
            Err(problems) => Err(TraceError::Bad { name, line: cells.line_number(), problems }),
        }
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The name for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn observation(&mut self) -> Result<Observation, Problems> {
        let mut seen = self.columns.observation(&self.cells, self.previous_seconds)?;
        self.previous_seconds = Some(seen.t_seconds);
        // A run goes on until another begins, whether or not each row repeats its identity.
        self.start_seconds = seen.start_seconds.or(self.start_seconds);
        seen.start_seconds = self.start_seconds;
        Ok(seen)
    }
}

/// A row that is refused is an error, and the rows after it can still be read; input that breaks
/// is the last item.
impl Iterator for Trace {
    type Item = Result<Observation, TraceError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let seen = match self.cells.advance() {
            Ok(Ok(false)) => return None,
            Ok(Ok(true)) => self.observation(),
            Ok(Err(problem)) => Err(problem.into()),
            Err(source) => {
                self.broken = true;
                let line = self.cells.line_number();
                return Some(Err(TraceError::Broken { name: self.name.clone(), line, source }));
            }
        };
        let (name, line) = (&self.name, self.cells.line_number());
        Some(seen.map_err(|problems| TraceError::Bad { name: name.clone(), line, problems }))
    }
}

#[cfg(test)]
mod tests;
