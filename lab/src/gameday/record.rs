//! The record of a game day that is on: a file, so that `start` and `answer` can be hours apart.
//!
//! It does not say what leaks. Whoever runs its seed through this program knows it all the same: this is a
//! game, not a vault.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::scenario::Level;

/// Raised whenever a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// The kernel counts the start of a process from that of the machine, and our own time is in whole seconds.
const START_ERROR_SECONDS: f64 = 2.0;

/// A game day that is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    schema_version: u32,
    /// The service, `http://host:port`.
    pub url: String,
    /// What the scenario is drawn from.
    pub seed: u64,
    /// How hard it is.
    pub level: Level,
    /// Opens the seal.
    pub key: String,
    /// When it began, in seconds since the epoch.
    pub started_seconds: u64,
}

/// Why a record cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// There is no place for it.
    #[error(
        "no place for the record of the game day: neither XDG_STATE_HOME nor HOME is set; give --record FILE"
    )]
    NoPlace,
    /// It cannot be read or written.
    #[error("cannot {what} {}", .path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// It is no record.
    #[error("{} is no record of a game day; remove it and start anew", .path.display())]
    NotOne {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: serde_json::Error,
    },
    /// No game day is on.
    #[error("no game day is on ({} does not exist); begin one with `leaklab gameday start`", .0.display())]
    None(PathBuf),
}

impl Record {
    /// One that begins now.
    pub fn new(url: String, seed: u64, level: Level, key: String) -> Self {
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self {
            schema_version: SCHEMA_VERSION,
            url,
            seed,
            level,
            key,
            started_seconds: started.as_secs(),
        }
    }

    /// How long it has been on.
    pub fn elapsed(&self) -> Duration {
        let started = SystemTime::UNIX_EPOCH + Duration::from_secs(self.started_seconds);
        started.elapsed().unwrap_or_default()
    }

    /// Whether a service that started then, in seconds since the epoch, was not there when the day began.
    pub fn is_before(&self, start_seconds: f64) -> bool {
        start_seconds > self.started_seconds as f64 + START_ERROR_SECONDS
    }

    /// Where it is kept: among the state of this user, by the XDG base directory specification.
    pub fn default_path() -> Result<PathBuf, RecordError> {
        let set =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        Ok(state.ok_or(RecordError::NoPlace)?.join("leaklab/gameday.json"))
    }

    /// Reads it.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = fs::read_to_string(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => RecordError::None(path.to_owned()),
            _ => RecordError::Io { what: "read", path: path.to_owned(), source },
        })?;
        serde_json::from_str(&text)
            .map_err(|source| RecordError::NotOne { path: path.to_owned(), source })
    }

    /// Writes it, whole or not at all, for this user alone.
    pub fn write(&self, path: &Path) -> Result<(), RecordError> {
        let failed = |source| RecordError::Io { what: "write", path: path.to_owned(), source };
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(failed)?;
        let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
        serde_json::to_writer_pretty(&file, self).map_err(|error| failed(error.into()))?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Removes it.
    pub fn remove(path: &Path) -> Result<(), RecordError> {
        fs::remove_file(path).map_err(|source| RecordError::Io {
            what: "remove",
            path: path.to_owned(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_as_it_was_written_and_nothing_else_passes_for_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deeper/gameday.json");
        assert!(matches!(Record::read(&path), Err(RecordError::None(_))));
        let record =
            Record::new("http://localhost:8080".to_owned(), 7, Level::Hard, "k".to_owned());
        record.write(&path).expect("written");
        assert_eq!(Record::read(&path).expect("read"), record);
        fs::write(&path, "{}").expect("written");
        assert!(matches!(Record::read(&path), Err(RecordError::NotOne { .. })));
        Record::remove(&path).expect("removed");
        assert!(matches!(Record::read(&path), Err(RecordError::None(_))));
    }
}
