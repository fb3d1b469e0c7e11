//! The journal: everything that happened in a run, as JSON Lines, written as it happens.
//!
//! Each line is one [`Record`]; the first is the header. A `drill` line begins a drill, and what
//! follows belongs to it. A program that is killed leaves at most its last line torn.

mod host;
mod read;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use detector::{Assessment, Observation};
use serde::{Deserialize, Serialize};

pub use host::Host;
pub use read::{DrillJournal, Journal, JournalError, read};

use crate::admin::Exchange;
use crate::drill::Drill;
use crate::event::{Event, GroundTruth, Verdict};

/// The form of the lines; grows when an old reader would misread a new journal.
pub const SCHEMA_VERSION: u32 = 2;

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The first line.
    Header(Header),
    /// A drill begins; times are counted from here.
    Drill {
        /// When, RFC 3339.
        started_at: String,
        /// The text of its file.
        text: String,
        /// What was made of it, defaults included.
        settings: Box<Drill>,
    },
    /// The service is up.
    Service {
        /// When.
        t_seconds: f64,
        /// Its process.
        pid: u32,
        /// Its address.
        address: String,
    },
    /// A look at the service.
    Sample(Observation),
    /// A look that failed.
    Unseen {
        /// When.
        t_seconds: f64,
        /// Why.
        reason: String,
    },
    /// The detector changed its mind.
    Assessment(Assessment),
    /// Something happened.
    Event {
        /// When.
        t_seconds: f64,
        /// What.
        #[serde(flatten)]
        event: Event,
    },
    /// The service was asked to do something.
    Request {
        /// When it had answered.
        t_seconds: f64,
        /// What was asked and answered.
        #[serde(flatten)]
        exchange: Exchange,
    },
    /// What really leaked.
    GroundTruth(GroundTruth),
    /// The end of a drill.
    Verdict(Verdict),
}

/// Who ran what, when and where.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The form of the lines.
    pub schema_version: u32,
    /// The version of this program.
    pub leaklab_version: String,
    /// When the run began, RFC 3339.
    pub started_at: String,
    /// The machine.
    pub host: Host,
}

impl Header {
    /// This program, now, here.
    pub fn now() -> Self {
        Self {
            schema_version: SCHEMA_VERSION,
            leaklab_version: env!("CARGO_PKG_VERSION").to_owned(),
            started_at: timestamp(),
            host: Host::this(),
        }
    }
}

/// Now, RFC 3339, UTC, whole seconds.
pub fn timestamp() -> String {
    humantime::format_rfc3339_seconds(SystemTime::now()).to_string()
}

/// `journals/drill-20260102T030405Z.jsonl`: where a run is kept unless the user says otherwise.
pub fn default_path() -> PathBuf {
    let stamp: String = timestamp().chars().filter(char::is_ascii_alphanumeric).collect();
    PathBuf::from(format!("journals/drill-{stamp}.jsonl"))
}

/// A journal that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the journal {path}")]
pub struct WriteError {
    path: String,
    source: io::Error,
}

/// Writes a journal, line by line.
#[derive(Debug)]
pub struct Writer {
    file: File,
    path: PathBuf,
}

impl Writer {
    /// Creates the file, with its folder, and writes the header. A file that is there already is
    /// not touched: it may be the record of another run.
    pub fn create(path: &Path) -> Result<Self, WriteError> {
        let failed = |source| WriteError { path: path.display().to_string(), source };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        let file = File::options().write(true).create_new(true).open(path).map_err(failed)?;
        let mut writer = Self { file, path: path.to_owned() };
        writer.write(&Record::Header(Header::now()))?;
        Ok(writer)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes one line, in one piece.
    pub fn write(&mut self, record: &Record) -> Result<(), WriteError> {
        let failed = |source| WriteError { path: self.path.display().to_string(), source };
        let mut line = serde_json::to_string(record).map_err(|error| failed(error.into()))?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).map_err(failed)
    }
}
