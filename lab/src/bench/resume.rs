//! What detectors said, kept in a file as it comes, so that a run that was killed goes on where it
//! was: JSON lines, one for each trace and detector.
//!
//! A line holds for one detector with its options, in one version of leaklab, and one trace to the
//! byte; whatever else it is asked for is judged anew. Outcomes are not kept: they follow.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::Said;

/// The longest line that is read; a detector that says more on one trace is asked again.
const LONGEST_LINE_BYTES: u64 = 16 * 1024 * 1024;

/// A line of the file.
#[derive(Deserialize, Serialize)]
struct Line {
    /// The detector, its options, and the version of leaklab.
    detector: String,
    /// The checksum of the trace.
    trace_sha256: String,
    /// What it said.
    said: Said,
}

/// A file that cannot be gone on with.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// The system refused.
    #[error("cannot read or write {path}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is something else.
    #[error("{path}:{line}: not a line of `leaklab bench --resume`; give a new file")]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// What was said before, and where what is said now is added.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    said: HashMap<(String, String), Said>,
    file: Mutex<File>,
}

impl Kept {
    /// Opens a file that a run left, or a new one. A last line without its end was being written
    /// when the run was killed, and is dropped.
    pub fn open(path: &Path) -> Result<Self, ResumeError> {
        let failed = |source| ResumeError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(path).map_err(failed)?;
        let mut lines = BufReader::new(&file);
        let (mut said, mut whole) = (HashMap::new(), 0_u64);
        for line in 1.. {
            let mut text = Vec::new();
            let limit = LONGEST_LINE_BYTES;
            lines.by_ref().take(limit).read_until(b'\n', &mut text).map_err(failed)?;
            if text.last() != Some(&b'\n') && (text.len() as u64) < limit {
                break;
            }
            let foreign = |source| ResumeError::Foreign { path: path.to_owned(), line, source };
            let one: Line = serde_json::from_slice(&text).map_err(foreign)?;
            said.insert((one.detector, one.trace_sha256), one.said);
            whole += text.len() as u64;
        }
        file.set_len(whole).map_err(failed)?;
        Ok(Self { path: path.to_owned(), said, file: Mutex::new(file) })
    }

    /// What a detector said of a trace.
    pub fn said(&self, detector: &str, trace_sha256: &str) -> Option<&Said> {
        self.said.get(&(detector.to_owned(), trace_sha256.to_owned()))
    }

    /// How much is kept from before.
    pub fn len(&self) -> usize {
        self.said.len()
    }

    /// Whether nothing is.
    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// Adds what a detector said of a trace, in one write.
    pub fn add(&self, detector: &str, trace_sha256: &str, said: &Said) -> Result<(), ResumeError> {
        let failed = |source| ResumeError::Io { path: self.path.clone(), source };
        let (detector, trace_sha256) = (detector.to_owned(), trace_sha256.to_owned());
        let line = Line { detector, trace_sha256, said: said.clone() };
        let mut bytes = serde_json::to_vec(&line).map_err(io::Error::from).map_err(failed)?;
        bytes.push(b'\n');
        self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(&bytes).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use detector::{Signal, State};

    use super::*;
    use crate::bench::Change;

    fn said(t_seconds: f64) -> Said {
        let (signal, state) = (Signal::RssBytes, State::Leaking);
        let change = Change { t_seconds, signal, state, cause: Some("entries".into()) };
        Said { changes: vec![change], failure: Some("ended by signal 9".into()) }
    }

    #[test]
    fn what_was_kept_is_there_to_the_bit_and_a_torn_line_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("kept.jsonl");
        // A number that decimal digits do not tell.
        let odd = said(0.1 + 0.2 + 1e9 / 7.0);
        let kept = Kept::open(&path).unwrap();
        kept.add("a", "1", &odd).unwrap();
        kept.add("a", "2", &said(2.0)).unwrap();
        drop(kept);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 5]).unwrap();
        let kept = Kept::open(&path).unwrap();
        assert_eq!((kept.said("a", "1"), kept.said("a", "2"), kept.len()), (Some(&odd), None, 1));
        kept.add("a", "2", &said(2.0)).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert_eq!(Kept::open(&path).unwrap().len(), 2);
    }

    #[test]
    fn another_file_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        std::fs::write(&path, "buy milk\nand bread").unwrap();
        let refused = Kept::open(&path).unwrap_err().to_string();
        assert!(refused.contains("notes.txt:1: not a line of"), "{refused}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "buy milk\nand bread");
    }
}
