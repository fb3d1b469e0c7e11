//! The cells of a line: CSV whose every record is one line.
//!
//! Numbers need no line breaks within quotes, and without them every message has the true line.

use std::io;

use super::Problem;
use super::lines::Lines;

/// Splits lines, in buffers that are used again.
pub struct Cells {
    lines: Lines,
    splitter: csv_core::Reader,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
}

impl Cells {
    pub fn new(lines: Lines) -> Self {
        Self {
            lines,
            splitter: csv_core::Reader::new(),
            unquoted: Vec::new(),
            ends: Vec::new(),
            count: 0,
        }
    }

    /// The number of the line at hand, from 1.
    pub fn line_number(&self) -> u64 {
        self.lines.number()
    }

    /// How many cells the line at hand has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The cells of the line at hand, unquoted.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).take(self.count).map(|(start, end)| &self.unquoted[start..*end])
    }

    /// Goes on to the next line that is not blank; `false` at the end.
    pub fn advance(&mut self) -> io::Result<Result<bool, Problem>> {
        Ok(match self.lines.advance()? {
            Ok(true) => self.split().map(|()| true),
            ended => ended,
        })
    }

    fn split(&mut self) -> Result<(), Problem> {
        let line = self.lines.ended();
        // No cell grows by unquoting, and no line has more cells than bytes.
        self.unquoted.resize(line.len(), 0);
        self.ends.resize(line.len(), 0);
        self.splitter.reset();
        let (result, _, _, count) =
            self.splitter.read_record(line, &mut self.unquoted, &mut self.ends);
        self.count = count;
        match result {
            csv_core::ReadRecordResult::Record => Ok(()),
            _ => Err(Problem::OpenQuote),
        }
    }
}
