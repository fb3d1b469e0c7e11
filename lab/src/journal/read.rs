//! Reads a journal back, drill by drill.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use detector::{Assessment, Observation};

use super::{Header, Record, SCHEMA_VERSION};
use crate::drill::Drill;
use crate::event::{Event, GroundTruth, Verdict};

/// The longest line that is read; a sample takes about 2 KiB.
const LONGEST_LINE_BYTES: u64 = 4 * 1024 * 1024;

/// Why a file is no journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read.
    #[error("cannot read the journal {path}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// A line that is none of ours, and not the last.
    #[error("{path}:{line}: not a line of a journal")]
    BadLine {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The first line is no header.
    #[error("{path}: no journal of `leaklab drill`: the first line is no header")]
    NoHeader {
        /// The file.
        path: String,
    },
    /// It is of another time.
    #[error(
        "{path}: schema_version {found}, and this leaklab reads {SCHEMA_VERSION}; use the leaklab that wrote it ({by})"
    )]
    OtherVersion {
        /// The file.
        path: String,
        /// Its form.
        found: u32,
        /// Who wrote it.
        by: String,
    },
    /// Something of a drill before any drill.
    #[error("{path}:{line}: belongs to no drill")]
    Stray {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
    },
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct Journal {
    /// Who, when, where.
    pub header: Header,
    /// Its drills, in order.
    pub drills: Vec<DrillJournal>,
    /// Whether the last line was cut off, as by a kill.
    pub torn: bool,
}

/// One drill of a run; times are in seconds since it began.
#[derive(Clone, Debug, PartialEq)]
pub struct DrillJournal {
    /// The drill.
    pub drill: Drill,
    /// What was seen.
    pub samples: Vec<Observation>,
    /// What the detector said.
    pub assessments: Vec<Assessment>,
    /// What happened.
    pub events: Vec<(f64, Event)>,
    /// What really leaked.
    pub ground_truth: GroundTruth,
    /// The end; absent if the run was cut off.
    pub verdict: Option<Verdict>,
}

impl DrillJournal {
    fn new(drill: Drill) -> Self {
        Self {
            drill,
            samples: Vec::new(),
            assessments: Vec::new(),
            events: Vec::new(),
            ground_truth: GroundTruth::default(),
            verdict: None,
        }
    }

    /// When the last thing of this drill happened.
    pub fn last_seconds(&self) -> f64 {
        let sample = self.samples.last().map_or(0.0, |sample| sample.t_seconds);
        self.events.last().map_or(sample, |(t, _)| t.max(sample))
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Sample(observation) => self.samples.push(observation),
            Record::Assessment(assessment) => self.assessments.push(assessment),
            Record::Event { t_seconds, event } => self.events.push((t_seconds, event)),
            Record::GroundTruth(truth) => self.ground_truth = truth,
            Record::Verdict(verdict) => self.verdict = Some(verdict),
            // Kept in the journal for people; no report speaks of them.
            Record::Header(_)
            | Record::Drill { .. }
            | Record::Service { .. }
            | Record::Unseen { .. }
            | Record::Request { .. } => {}
        }
    }
}

/// Reads a journal; a torn last line is tolerated and noted.
pub fn read(path: &Path) -> Result<Journal, JournalError> {
    let name = path.display().to_string();
    let unreadable = |source| JournalError::Unreadable { path: name.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    let mut lines = Lines { reader: BufReader::new(file), number: 0 };
    let Line::Whole(first) = lines.next(&name)? else {
        return Err(JournalError::NoHeader { path: name });
    };
    let Record::Header(header) = *first else {
        return Err(JournalError::NoHeader { path: name });
    };
    if header.schema_version != SCHEMA_VERSION {
        let (found, by) = (header.schema_version, header.leaklab_version);
        return Err(JournalError::OtherVersion { path: name, found, by });
    }
    let mut journal = Journal { header, drills: Vec::new(), torn: false };
    loop {
        match lines.next(&name)? {
            Line::Whole(record) => match (*record, journal.drills.last_mut()) {
                (Record::Drill { settings, .. }, _) => {
                    journal.drills.push(DrillJournal::new(*settings));
                }
                (record, Some(drill)) => drill.take(record),
                (_, None) => return Err(JournalError::Stray { path: name, line: lines.number }),
            },
            Line::Torn => journal.torn = true,
            Line::End => return Ok(journal),
        }
    }
}

struct Lines<R> {
    reader: R,
    number: usize,
}

enum Line {
    Whole(Box<Record>),
    /// Without a line end: the writer was stopped within it.
    Torn,
    End,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self, path: &str) -> Result<Line, JournalError> {
        let mut line = Vec::new();
        let mut bounded = self.reader.by_ref().take(LONGEST_LINE_BYTES);
        let unreadable = |source| JournalError::Unreadable { path: path.to_owned(), source };
        bounded.read_until(b'\n', &mut line).map_err(unreadable)?;
        if line.is_empty() {
            return Ok(Line::End);
        }
        self.number += 1;
        if line.last() != Some(&b'\n') && (line.len() as u64) < LONGEST_LINE_BYTES {
            return if self.number == 1 {
                Err(JournalError::NoHeader { path: path.to_owned() })
            } else {
                Ok(Line::Torn)
            };
        }
        match serde_json::from_slice(&line) {
            Ok(record) => Ok(Line::Whole(Box::new(record))),
            Err(_) if self.number == 1 => Err(JournalError::NoHeader { path: path.to_owned() }),
            Err(source) => {
                Err(JournalError::BadLine { path: path.to_owned(), line: self.number, source })
            }
        }
    }
}
