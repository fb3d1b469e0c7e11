//! Lines of at most 1 MiB, counted.

use std::io::{self, BufRead, Read};

use super::Problem;

/// Longest line, in bytes; a header of 10,000 labelled gauges fits.
const LONGEST_LINE: usize = 1 << 20;

/// Reads line after line into a buffer that is used again.
pub struct Lines {
    text: Box<dyn BufRead>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    pub fn new(text: Box<dyn BufRead>) -> Self {
        Self { text, line: Vec::new(), number: 0 }
    }

    /// The number of the line at hand, from 1.
    pub fn number(&self) -> u64 {
        self.number.max(1)
    }

    /// The line at hand.
    pub fn line(&self) -> &[u8] {
        &self.line
    }

    /// The line at hand with its line break, given one if it is the last and has none.
    pub fn ended(&mut self) -> &[u8] {
        if self.line.last() != Some(&b'\n') {
            self.line.push(b'\n');
        }
        &self.line
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
                return Ok(Ok(true));
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
}
