//! A corpus as a folder: `NAME.csv.gz` and `NAME.truth.yaml` for each trace, `manifest.json` with
//! their checksums, and `README.md`, the data card.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use detector::Signal;
use flate2::{Compression, Crc, GzBuilder};
use serde::Serialize;

use super::{GENERATOR_VERSION, Recipe, Trace, card};

/// Raised whenever a key of the manifest changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// Why a corpus could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Traces of another corpus would be taken for this one's.
    #[error("{0} is not empty; give a folder that is, or that does not exist")]
    NotEmpty(PathBuf),
    /// The system refused.
    #[error("cannot write {path}")]
    Io {
        /// What was being written.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
}

/// What is in a corpus, and where it comes from.
#[derive(Debug, Serialize)]
struct Manifest {
    schema_version: u32,
    generator: String,
    generator_version: u32,
    licence: &'static str,
    seed: u64,
    half: &'static str,
    traces: Vec<Entry>,
}

/// One trace of a corpus.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    family: String,
    leaks: bool,
    samples: usize,
    /// CRC-32 of the compressed trace.
    trace_crc32: String,
    /// CRC-32 of the truth.
    truth_crc32: String,
}

/// Generates every trace of a recipe into a folder that is new or empty.
pub fn corpus(recipe: &Recipe, folder: &Path) -> Result<(), WriteError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| WriteError::Io { path, source }
    };
    fs::create_dir_all(folder).map_err(failed(folder))?;
    if fs::read_dir(folder).map_err(failed(folder))?.next().is_some() {
        return Err(WriteError::NotEmpty(folder.to_owned()));
    }
    let put = |name: String, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(failed(&path))
    };
    let mut entries = Vec::with_capacity(recipe.traces);
    for index in 0..recipe.traces {
        let trace = recipe.trace(index);
        let (samples, truth) = (compressed(&trace).map_err(failed(folder))?, trace.truth.to_yaml());
        entries.push(Entry {
            family: trace.truth.family.clone(),
            leaks: trace.truth.leak.is_some(),
            samples: trace.observations.len(),
            trace_crc32: crc32(&samples),
            truth_crc32: crc32(truth.as_bytes()),
            name: trace.name.clone(),
        });
        put(format!("{}.csv.gz", trace.name), &samples)?;
        put(format!("{}.truth.yaml", trace.name), truth.as_bytes())?;
    }
    let manifest = Manifest {
        schema_version: SCHEMA_VERSION,
        generator: format!("leaklab {}", env!("CARGO_PKG_VERSION")),
        generator_version: GENERATOR_VERSION,
        licence: "CC0-1.0",
        seed: recipe.seed,
        half: recipe.half.name(),
        traces: entries,
    };
    let json = serde_json::to_vec_pretty(&manifest).map_err(io::Error::from);
    put("manifest.json".into(), &json.map_err(failed(folder))?)?;
    put("README.md".into(), card::text(recipe).as_bytes())
}

/// The trace as CSV, compressed; the same trace gives the same bytes.
fn compressed(trace: &Trace) -> io::Result<Vec<u8>> {
    let mut packed = GzBuilder::new().write(Vec::new(), Compression::fast());
    packed.write_all(csv(trace).as_bytes())?;
    packed.finish()
}

/// The trace as CSV: numbers only, so nothing needs quotes; what is missing is an empty cell.
pub fn csv(trace: &Trace) -> String {
    let has =
        |signal: &Signal| trace.observations.iter().any(|seen| seen.signals.contains_key(signal));
    let signals: Vec<Signal> = Signal::ALL.into_iter().filter(has).collect();
    let starts = trace.observations.iter().any(|seen| seen.start_seconds.is_some());
    let requests = trace.observations.iter().any(|seen| seen.requests_total.is_some());
    let mut text = String::from("t_seconds");
    for (there, name) in [(starts, "start_seconds"), (requests, "requests_total")] {
        if there {
            text.extend([",", name]);
        }
    }
    text.extend(signals.iter().flat_map(|signal| [",", signal.name()]));
    text.push('\n');
    for seen in &trace.observations {
        let head = [(starts, seen.start_seconds), (requests, seen.requests_total)];
        let head = head.into_iter().filter(|(there, _)| *there).map(|(_, value)| value);
        let cells = signals.iter().map(|signal| seen.signals.get(signal).copied());
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", seen.t_seconds);
        for cell in head.chain(cells) {
            text.push(',');
            if let Some(value) = cell {
                let _ = write!(text, "{value}");
            }
        }
        text.push('\n');
    }
    text
}

fn crc32(bytes: &[u8]) -> String {
    let mut crc = Crc::new();
    crc.update(bytes);
    format!("{:08x}", crc.sum())
}
