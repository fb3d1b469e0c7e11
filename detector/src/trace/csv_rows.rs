//! The rows of a CSV trace, one at a time, in constant memory.

use std::io::BufRead;

use super::cells::Cells;
use super::columns::Columns;
use super::lines::Lines;
use super::{Problem, Problems, TraceError};
use crate::Observation;

/// Reads row after row.
pub struct CsvRows {
    name: String,
    cells: Cells,
    pub columns: Columns,
    previous_seconds: Option<f64>,
    start_seconds: Option<f64>,
    broken: bool,
}

impl CsvRows {
    /// Reads the header.
    pub fn new(name: String, text: Box<dyn BufRead>) -> Result<Self, TraceError> {
        let mut cells = Cells::new(Lines::new(text));
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
impl Iterator for CsvRows {
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
