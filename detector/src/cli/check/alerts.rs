//! `-a`: what asks for attention, to standard error and to a log that stays.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Where alerts are logged, where nothing names it.
pub const DEFAULT_LOG: &str = "detector-check.log";

/// A log that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the log {}", path.display())]
pub struct LogNotWritten {
    path: PathBuf,
    source: io::Error,
}

/// Tells of changes and warnings; bounded by the number of intervals, and of changes of state.
#[derive(Debug)]
pub struct Alerts {
    target: String,
    log: Option<(PathBuf, File)>,
}

impl Alerts {
    /// Adds to `log`, which is made if it is not there; without one nobody is alerted.
    pub fn open(target: String, log: Option<&Path>) -> Result<Self, LogNotWritten> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            let path = path.to_owned();
            file.map(|file| (path.clone(), file)).map_err(|source| LogNotWritten { path, source })
        };
        Ok(Self { target, log: log.map(open).transpose()? })
    }

    /// One line of something that asks for attention.
    pub fn alert(&mut self, what: &str) -> Result<(), LogNotWritten> {
        if self.log.is_some() {
            eprintln!("ALERT {}: {what}", self.target);
        }
        self.write("ALERT", what)
    }

    /// One line for the log alone.
    pub fn note(&mut self, what: &str) -> Result<(), LogNotWritten> {
        self.write("info", what)
    }

    fn write(&mut self, level: &str, what: &str) -> Result<(), LogNotWritten> {
        let Some((path, file)) = &mut self.log else { return Ok(()) };
        let now = humantime::format_rfc3339_seconds(SystemTime::now());
        let written = writeln!(file, "{now} {level} {}: {what}", self.target);
        written.map_err(|source| LogNotWritten { path: path.clone(), source })
    }
}
