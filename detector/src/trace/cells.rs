//! Lines, and the cells of a line: CSV whose every record is one line of at most 1 MiB.
//!
//! Numbers need no line breaks within quotes, and without them every message has the true line.

use std::io::{self, BufRead, Read};

use super::Problem;

/// Longest line, in bytes; a header of 10,000 labelled gauges fits.
const LONGEST_LINE: usize = 1 << 20;

/// Reads lines and splits them, in buffers that are used again.
pub struct Cells {
    text: Box<dyn BufRead>,
    splitter: csv_core::Reader,
    line: Vec<u8>,
    unquoted: Vec<u8>,
    ends: Vec<usize>,
    count: usize,
    number: u64,
}

impl Cells {
    pub fn new(text: Box<dyn BufRead>) -> Self {
        Self {
            text,
            splitter: csv_core::Reader::new(),
            line: Vec::new(),
            unquoted: Vec::new(),
            ends: Vec::new(),
            count: 0,
            number: 0,
        }
    }

    /// The number of the line at hand, from 1.
    pub fn line_number(&self) -> u64 {
        self.number.max(1)
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
        loop {
            self.line.clear();
            let most = LONGEST_LINE as u64 + 1;
            if self.text.by_ref().take(most).read_until(b'\n', &mut self.line)? == 0 {
                return Ok(Ok(false));
            }
            self.number += 1;
            if self.line.len() > LONGEST_LINE {
                self.skip_line()?;
                return Ok(Err(Problem::TooLong));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(self.split().map(|()| true));
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        if self.line.last() != Some(&b'\n') {
            self.text.skip_until(b'\n')?;
        }
        self.line = Vec::new();
        Ok(())
    }

    fn split(&mut self) -> Result<(), Problem> {
        if self.line.last() != Some(&b'\n') {
            self.line.push(b'\n');
        }
        // No cell grows by unquoting, and no line has more cells than bytes.
        self.unquoted.resize(self.line.len(), 0);
        self.ends.resize(self.line.len(), 0);
        self.splitter.reset();
        let (result, _, _, count) =
            self.splitter.read_record(&self.line, &mut self.unquoted, &mut self.ends);
        self.count = count;
        match result {
            csv_core::ReadRecordResult::Record => Ok(()),
            _ => Err(Problem::OpenQuote),
        }
    }
}
