//! `OpenMetrics` and Prometheus text whose samples have timestamps, line by line.
//!
//! The two are one grammar and two units: `OpenMetrics` counts seconds and ends with `# EOF`,
//! Prometheus text counts milliseconds and does not. A timestamp that is likelier in the other
//! unit is refused, because a slope that is wrong a thousandfold looks like any other.

use std::io::{self, BufRead};

use super::Problem;
use super::dump::{Dump, Series};
use super::lines::Lines;
use crate::source::exposition::{LineReader, Sample, excerpt};

/// As seconds: September 2001. As milliseconds: twelve days after the epoch.
const SECONDS_FROM: f64 = 1e9;

/// As seconds: the year 5138. As milliseconds: March 1973.
const MILLISECONDS_FROM: f64 = 1e11;

/// Bad lines that are listed before giving up; more of them say nothing new.
const MOST_BAD_LINES: usize = 20;

/// Why a text was not read.
pub enum Failure {
    /// Lines that are not as agreed, with their numbers.
    Bad(Vec<(u64, Problem)>),
    /// The input ends there with an error.
    Broken(u64, io::Error),
}

/// All of the text.
pub fn read(text: Box<dyn BufRead>) -> Result<Dump, Failure> {
    let mut reader =
        Reader { lines: LineReader::default(), dump: Dump::default(), stamps: Stamps::default() };
    let mut lines = Lines::new(text);
    let mut bad = Vec::new();
    while bad.len() < MOST_BAD_LINES {
        let advanced = lines.advance().map_err(|error| Failure::Broken(lines.number(), error))?;
        let read = match advanced {
            Ok(true) => reader.take_in(lines.line(), lines.number()),
            Ok(false) => break,
            Err(problem) => Err(problem),
        };
        bad.extend(read.err().map(|problem| (lines.number(), problem)));
    }
    let Reader { mut dump, stamps, .. } = reader;
    if bad.is_empty() {
        bad.extend(stamps.settle(&mut dump).err());
    }
    if bad.is_empty() { Ok(dump) } else { Err(Failure::Bad(bad)) }
}

struct Reader {
    lines: LineReader,
    dump: Dump,
    stamps: Stamps,
}

impl Reader {
    fn take_in(&mut self, line: &[u8], number: u64) -> Result<(), Problem> {
        let not_text = || Problem::Exposition {
            what: "expected UTF-8",
            excerpt: excerpt(&String::from_utf8_lossy(line)),
        };
        let line = std::str::from_utf8(line).map_err(|_| not_text())?.trim();
        if self.stamps.ended {
            return Err(Problem::AfterEof);
        }
        if line == "# EOF" {
            self.stamps.ended = true;
            return Ok(());
        }
        let wrong = |what| Problem::Exposition { what, excerpt: excerpt(line) };
        match self.lines.read(line).map_err(wrong)? {
            Some(sample) => self.sample(sample, number),
            None => Ok(()),
        }
    }

    fn sample(&mut self, sample: Sample<'_>, line: u64) -> Result<(), Problem> {
        let Some(timestamp) = sample.timestamp else {
            return Err(Problem::NoTimestamp(excerpt(&sample.series_name())));
        };
        self.stamps.see(timestamp, line);
        let labels = sample.labels.into_iter();
        let labels = labels.map(|(name, value)| (name.to_owned(), value.into_owned())).collect();
        let series = Series { metric: sample.name.to_owned(), labels };
        let number = self.dump.number(series, sample.kind);
        self.dump.push(number, timestamp, sample.value)
    }
}

/// What decides the unit of the timestamps, which is known at the end.
#[derive(Default)]
struct Stamps {
    ended: bool,
    first: Option<(f64, u64)>,
    /// The first that is no whole number, and so no millisecond.
    fraction: Option<(f64, u64)>,
}

impl Stamps {
    fn see(&mut self, timestamp: f64, line: u64) {
        self.first.get_or_insert((timestamp, line));
        if timestamp.fract() != 0.0 {
            self.fraction.get_or_insert((timestamp, line));
        }
    }

    /// Brings the times to seconds.
    fn settle(self, dump: &mut Dump) -> Result<(), (u64, Problem)> {
        let milliseconds = |(timestamp, _): &(f64, u64)| *timestamp >= MILLISECONDS_FROM;
        let seconds = |first: &(f64, u64)| first.0 >= SECONDS_FROM && !milliseconds(first);
        if self.ended {
            return match self.first.filter(milliseconds) {
                Some((timestamp, line)) => Err((line, Problem::NotSeconds(timestamp.to_string()))),
                None => Ok(()),
            };
        }
        if let Some((timestamp, line)) = self.fraction.or(self.first.filter(seconds)) {
            return Err((line, Problem::NotMilliseconds(timestamp.to_string())));
        }
        for sample in &mut dump.samples {
            sample.t_seconds /= 1000.0;
        }
        dump.notes.push("no `# EOF`: Prometheus text, timestamps in milliseconds".to_owned());
        Ok(())
    }
}
