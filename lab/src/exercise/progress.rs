//! Which exercises were passed: one small file in the state directory of the user.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::journal::timestamp;

/// Rises when a field changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;
/// Labs of which an earlier run is remembered.
const MOST_LABS: usize = 16;

/// How far somebody is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    schema_version: u32,
    /// When each exercise was passed first, UTC, by name.
    passed: BTreeMap<String, String>,
    /// When the run of the service began that a check saw which then was not passed, seconds
    /// since the epoch, by exercise and address.
    #[serde(default)]
    seen_start_seconds: BTreeMap<String, f64>,
}

/// Why progress is not known, or not kept.
#[derive(Debug, thiserror::Error)]
pub enum ProgressError {
    /// There is no place for it.
    #[error("neither XDG_STATE_HOME nor HOME is set, so progress has no place")]
    NoHome,
    /// It cannot be read.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is not what we wrote.
    #[error("{} is not a record of progress (begin anew with `leaklab exercise --reset`)", .0.display())]
    Foreign(PathBuf, #[source] Option<serde_json::Error>),
    /// It cannot be written.
    #[error("cannot write {}", .0.display())]
    Unwritable(PathBuf, #[source] io::Error),
}

impl Default for Progress {
    fn default() -> Self {
        let schema_version = SCHEMA_VERSION;
        Self { schema_version, passed: BTreeMap::new(), seen_start_seconds: BTreeMap::new() }
    }
}

impl Progress {
    /// Where it is kept: `leaklab/exercises.json` in `$XDG_STATE_HOME`, by default `~/.local/state`.
    pub fn default_path() -> Result<PathBuf, ProgressError> {
        // As the specification has it, a relative path is no place.
        let set =
            |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
        Ok(state.ok_or(ProgressError::NoHome)?.join("leaklab/exercises.json"))
    }

    /// Reads it; where there is none, nothing was passed yet.
    pub fn read(path: &Path) -> Result<Self, ProgressError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(ProgressError::Unreadable(path.to_owned(), error)),
        };
        let progress: Self = serde_json::from_str(&text)
            .map_err(|error| ProgressError::Foreign(path.to_owned(), Some(error)))?;
        if progress.schema_version == SCHEMA_VERSION {
            Ok(progress)
        } else {
            Err(ProgressError::Foreign(path.to_owned(), None))
        }
    }

    /// Writes it beside the old one and puts it in its place, so that nobody reads half of it.
    pub fn write(&self, path: &Path) -> Result<(), ProgressError> {
        self.try_write(path).map_err(|error| ProgressError::Unwritable(path.to_owned(), error))
    }

    fn try_write(&self, path: &Path) -> io::Result<()> {
        let directory = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(directory)?;
        let mut file = NamedTempFile::new_in(directory)?;
        serde_json::to_writer_pretty(&mut file, self)?;
        file.write_all(b"\n")?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    /// Forgets everything.
    pub fn reset(path: &Path) -> Result<(), ProgressError> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ProgressError::Unwritable(path.to_owned(), error))
            }
            _ => Ok(()),
        }
    }

    /// When the exercise was passed first.
    pub fn passed_at(&self, name: &str) -> Option<&str> {
        self.passed.get(name).map(String::as_str)
    }

    /// The start of the run that an earlier check of the exercise saw at this lab.
    pub fn earlier_start_seconds(&self, name: &str, url: &str) -> Option<f64> {
        self.seen_start_seconds.get(&sighting(name, url)).copied()
    }

    /// Keeps what came of a check. The first run that was seen is remembered until the exercise
    /// is passed, so that a later check can tell that the service has been started again.
    pub fn note(&mut self, name: &str, url: &str, passed: bool, start_seconds: Option<f64>) {
        let seen = sighting(name, url);
        if passed {
            self.seen_start_seconds.remove(&seen);
            self.passed.entry(name.to_owned()).or_insert_with(timestamp);
        } else if let Some(start_seconds) = start_seconds {
            if self.seen_start_seconds.len() >= MOST_LABS * super::EXERCISES.len() {
                self.seen_start_seconds.clear();
            }
            self.seen_start_seconds.entry(seen).or_insert(start_seconds);
        }
    }
}

fn sighting(name: &str, url: &str) -> String {
    format!("{name} at {url}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_is_kept_and_can_be_forgotten() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("not/there/yet.json");
        let mut progress = Progress::read(&path).expect("none is no error");
        progress.note("cache", "http://lab", true, None);
        progress.write(&path).expect("written");
        let read = Progress::read(&path).expect("read");
        assert_eq!(read, progress);
        assert!(read.passed_at("cache").is_some() && read.passed_at("line").is_none());
        Progress::reset(&path).expect("reset");
        Progress::reset(&path).expect("reset again");
        assert_eq!(Progress::read(&path).expect("none"), Progress::default());
    }

    #[test]
    fn the_first_run_that_was_seen_is_remembered_until_the_exercise_is_passed() {
        let mut progress = Progress::default();
        progress.note("oom", "http://lab", false, Some(1.0));
        progress.note("oom", "http://lab", false, Some(2.0));
        assert_eq!(progress.earlier_start_seconds("oom", "http://lab"), Some(1.0));
        assert_eq!(progress.earlier_start_seconds("oom", "http://other"), None);
        progress.note("oom", "http://lab", true, Some(2.0));
        assert_eq!(progress.earlier_start_seconds("oom", "http://lab"), None);
    }

    #[test]
    fn a_file_that_is_no_progress_is_refused_with_a_way_out_and_left_alone() {
        let directory = tempfile::tempdir().expect("a folder");
        let path = directory.path().join("exercises.json");
        for foreign in ["", "{", "[]", r#"{"schema_version": 2, "passed": {}}"#] {
            fs::write(&path, foreign).expect("written");
            let refused = Progress::read(&path).expect_err("refused");
            assert!(refused.to_string().contains("--reset"), "{refused}");
            assert_eq!(fs::read_to_string(&path).expect("there"), foreign);
        }
    }
}
