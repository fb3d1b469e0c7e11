//! What each detector said of each trace, as JSON Lines: when does my rule fire?

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use detector::{Signal, State};
use serde::Serialize;

use super::Judged;
use super::contestant::Contestant;

/// A state line, and whose it is.
#[derive(Serialize)]
struct Line<'a> {
    trace: &'a str,
    detector: &'a str,
    t_seconds: f64,
    signal: Signal,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", path.display())]
pub struct NotWritten {
    path: PathBuf,
    source: io::Error,
}

/// The file that they go to, open.
#[derive(Debug)]
pub struct Lines {
    path: PathBuf,
    file: File,
}

impl Lines {
    /// Creates the file; a path that leads nowhere is told before anything is judged.
    pub fn create(path: &Path) -> Result<Self, NotWritten> {
        let path = path.to_owned();
        match File::create(&path) {
            Ok(file) => Ok(Self { path, file }),
            Err(source) => Err(NotWritten { path, source }),
        }
    }

    /// Writes them, trace by trace.
    pub fn write(self, contestants: &[Contestant], judged: &[Judged]) -> Result<(), NotWritten> {
        let Self { path, file } = self;
        write(BufWriter::new(file), contestants, judged)
            .map_err(|source| NotWritten { path, source })
    }
}

fn write(mut out: impl Write, contestants: &[Contestant], judged: &[Judged]) -> io::Result<()> {
    for one in judged {
        for (contestant, outcome) in contestants.iter().zip(&one.outcomes) {
            for change in outcome.iter().flat_map(|(changes, _)| changes) {
                let line = Line {
                    trace: &one.trace.name,
                    detector: contestant.name(),
                    t_seconds: change.t_seconds,
                    signal: change.signal,
                    state: change.state,
                    cause: change.cause.as_deref(),
                };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}
