//! A corpus as a folder: `NAME.csv.gz` and `NAME.truth.yaml` for each trace, `manifest.json` with
//! their checksums, and `README.md`, the data card.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use detector::Signal;
use flate2::{Compression, GzBuilder};

use super::manifest::{self, Entry, Manifest};
use super::{GENERATOR_VERSION, Half, Recipe, Trace, card, digest};

/// Why a corpus could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Traces of another corpus would be taken for this one's.
    #[error("{0} is not empty; give a folder that is, or that does not exist")]
    NotEmpty(PathBuf),
    /// Two traces want to be one file.
    #[error("there are two traces called `{0}`; names must differ")]
    Twice(String),
    /// The system refused.
    #[error("cannot write {path}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
}

/// Where a corpus comes from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// How it was made: generated, recorded, imported, injected.
    pub made: &'static str,
    /// Under which licence it may be used.
    pub licence: String,
    /// The seed of what was drawn.
    pub seed: u64,
    /// The version of the generated series, where they are generated.
    pub generator_version: Option<u32>,
    /// Whether the traces are compressed.
    pub packed: bool,
}

/// A corpus that is being written, into a folder that was new or empty.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    origin: Origin,
    entries: Vec<Entry>,
}

impl Folder {
    /// Makes the folder.
    pub fn create(path: &Path, origin: Origin) -> Result<Self, WriteError> {
        let failed = |source| WriteError::Io { path: path.to_owned(), source };
        fs::create_dir_all(path).map_err(failed)?;
        if fs::read_dir(path).map_err(failed)?.next().is_some() {
            return Err(WriteError::NotEmpty(path.to_owned()));
        }
        Ok(Self { path: path.to_owned(), origin, entries: Vec::new() })
    }

    /// Writes a trace and its truth; it belongs to this half.
    pub fn put(&mut self, trace: &Trace, half: Half) -> Result<(), WriteError> {
        if self.entries.iter().any(|entry| entry.name == trace.name) {
            return Err(WriteError::Twice(trace.name.clone()));
        }
        let text = csv(trace).into_bytes();
        let failed = |source| WriteError::Io { path: self.path.clone(), source };
        let (file, samples) = if self.origin.packed {
            (format!("{}.csv.gz", trace.name), compressed(&text).map_err(failed)?)
        } else {
            (format!("{}.csv", trace.name), text)
        };
        let truth = trace.truth.to_yaml();
        self.file(&file, &samples)?;
        self.file(&format!("{}.truth.yaml", trace.name), truth.as_bytes())?;
        self.entries.push(Entry {
            name: trace.name.clone(),
            family: trace.truth.family.clone(),
            leaks: trace.truth.leak.is_some(),
            half: half.name().to_owned(),
            samples: trace.observations.len(),
            file,
            trace_sha256: digest::of_bytes(&samples),
            truth_sha256: digest::of_bytes(truth.as_bytes()),
        });
        Ok(())
    }

    /// Writes the manifest, and the card. Traces are listed by name, in whatever order they came.
    pub fn finish(mut self, card: &str) -> Result<(), WriteError> {
        self.entries.sort_by(|a, b| a.name.cmp(&b.name));
        let manifest = Manifest {
            schema_version: manifest::SCHEMA_VERSION,
            generator: format!("leaklab {}", env!("CARGO_PKG_VERSION")),
            generator_version: self.origin.generator_version,
            made: self.origin.made.to_owned(),
            licence: self.origin.licence.clone(),
            seed: self.origin.seed,
            traces: std::mem::take(&mut self.entries),
        };
        let json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from);
        let failed = |source| WriteError::Io { path: self.path.clone(), source };
        self.file(manifest::FILE, &json.map_err(failed)?)?;
        self.file("README.md", card.as_bytes())
    }

    fn file(&self, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
        let path = self.path.join(name);
        fs::write(&path, bytes).map_err(|source| WriteError::Io { path, source })
    }
}

/// Generates every trace of a recipe into a folder that is new or empty.
pub fn corpus(recipe: &Recipe, folder: &Path) -> Result<(), WriteError> {
    let origin = Origin {
        made: "generated",
        licence: "CC0-1.0".into(),
        seed: recipe.seed,
        generator_version: Some(GENERATOR_VERSION),
        packed: true,
    };
    let mut folder = Folder::create(folder, origin)?;
    for index in 0..recipe.traces {
        folder.put(&recipe.trace(index), recipe.half)?;
    }
    folder.finish(&card::generated(recipe))
}

/// The same bytes give the same bytes.
fn compressed(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::fast());
    packed.write_all(text)?;
    packed.finish()
}

/// The trace as CSV; what is missing is an empty cell.
pub fn csv(trace: &Trace) -> String {
    let has =
        |signal: &Signal| trace.observations.iter().any(|seen| seen.signals.contains_key(signal));
    let signals: Vec<Signal> = Signal::ALL.into_iter().filter(has).collect();
    let gauges: BTreeSet<&str> =
        trace.observations.iter().flat_map(|seen| seen.gauges.keys().map(String::as_str)).collect();
    let starts = trace.observations.iter().any(|seen| seen.start_seconds.is_some());
    let requests = trace.observations.iter().any(|seen| seen.requests_total.is_some());
    let mut text = String::from("t_seconds");
    for (there, name) in [(starts, "start_seconds"), (requests, "requests_total")] {
        if there {
            text.extend([",", name]);
        }
    }
    text.extend(signals.iter().flat_map(|signal| [",", signal.name()]));
    for gauge in &gauges {
        // Names carry labels, and labels quotes.
        let _ = write!(text, ",\"{}\"", gauge.replace('"', "\"\""));
    }
    text.push('\n');
    for seen in &trace.observations {
        let head = [(starts, seen.start_seconds), (requests, seen.requests_total)];
        let head = head.into_iter().filter(|(there, _)| *there).map(|(_, value)| value);
        let cells = signals.iter().map(|signal| seen.signals.get(signal).copied());
        let counted = gauges.iter().map(|gauge| seen.gauges.get(*gauge).copied());
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", seen.t_seconds);
        for cell in head.chain(cells).chain(counted) {
            text.push(',');
            if let Some(value) = cell {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
    }
    text
}
