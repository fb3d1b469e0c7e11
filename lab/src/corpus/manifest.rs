//! The list of what is in a corpus, `manifest.json`: names, checksums, halves, and where it comes
//! from.

use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Half, digest};

/// The name of the file.
pub const FILE: &str = "manifest.json";

/// Raised whenever a key of the manifest changes its meaning.
pub const SCHEMA_VERSION: u32 = 2;

/// What is in a corpus, and where it comes from.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What made it, with its version.
    pub generator: String,
    /// The version of the generated series, where they are generated.
    pub generator_version: Option<u32>,
    /// How it was made: generated, recorded, imported, injected.
    pub made: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// The seed of what was drawn: the series, or which half each trace falls into.
    pub seed: u64,
    /// One per trace.
    pub traces: Vec<Entry>,
}

/// One trace of a corpus.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The name.
    pub name: String,
    /// The kind of leak, or of what looks like one.
    pub family: String,
    /// Whether it leaks.
    pub leaks: bool,
    /// Whether detectors may be tuned on it (`tune`) or are judged by it (`test`).
    pub half: String,
    /// Rows.
    pub samples: usize,
    /// The file of the samples.
    pub file: String,
    /// Checksum of that file.
    pub trace_sha256: String,
    /// Checksum of the truth.
    pub truth_sha256: String,
}

/// A manifest that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BadManifest {
    /// The system refused.
    #[error("cannot be read: {0}")]
    Io(io::Error),
    /// It is something else.
    #[error("is no manifest: {0}")]
    Foreign(serde_json::Error),
    /// It is of another form.
    #[error(
        "has schema_version {0}, and this leaklab reads {SCHEMA_VERSION}; make the corpus anew"
    )]
    OtherVersion(u64),
}

impl Manifest {
    /// The half that a trace belongs to.
    pub fn half_of(&self, name: &str) -> Option<&str> {
        self.traces.iter().find(|entry| entry.name == name).map(|entry| entry.half.as_str())
    }

    /// The manifest of a folder; none if it has none.
    pub fn of(folder: &Path) -> Result<Option<Self>, BadManifest> {
        let bytes = match fs::read(folder.join(FILE)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(BadManifest::Io(error)),
        };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(BadManifest::Foreign)?;
        // The version first: another one may have other keys.
        match value.get("schema_version").and_then(serde_json::Value::as_u64) {
            Some(version) if version != u64::from(SCHEMA_VERSION) => {
                Err(BadManifest::OtherVersion(version))
            }
            _ => serde_json::from_value(value).map(Some).map_err(BadManifest::Foreign),
        }
    }
}

/// The half that a trace falls into which was not generated: drawn from the seed and its name, so
/// that it stays there whatever else is recorded.
pub fn half(seed: u64, name: &str) -> Half {
    let sum = digest::of_bytes(format!("{seed}\n{name}").as_bytes());
    let even = sum.bytes().next().is_some_and(|digit| digit.is_ascii_digit() && digit < b'8');
    if even { Half::Tune } else { Half::Test }
}
