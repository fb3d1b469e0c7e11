//! Reads a folder of traces with their truth: `NAME.truth.yaml` beside each trace, or one
//! `labels.csv` for all, or, if the caller says so, none because nothing leaks.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use detector::trace::{Trace as Reader, TraceError};
use detector::{Observation, Signal};

use super::truth::{BadTruth, Truth};
use super::{Trace, labels};
use crate::faults::Faults;

/// Why a folder is no corpus.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refused.
    #[error("cannot read {path}")]
    Io {
        /// What was being read.
        path: PathBuf,
        /// Why it could not be.
        source: io::Error,
    },
    /// Nothing there is a trace.
    #[error("{0} holds no NAME.csv or NAME.csv.gz")]
    Empty(PathBuf),
    /// A trace without a truth.
    #[error(
        "{0} has neither a NAME.truth.yaml nor a line in labels.csv; write one, or say \
         --leak-free if none of the traces leaks"
    )]
    NoTruth(PathBuf),
    /// A trace that is none.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// A truth that is none.
    #[error("{path}")]
    Truth {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: BadTruth,
    },
    /// A list of labels that is none.
    #[error("{path}: {what}")]
    Labels {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
}

/// Reads every trace of a folder, in the order of the names; or tells all that is wrong with them.
pub fn folder(folder: &Path, leak_free: bool) -> Result<Vec<Trace>, Faults> {
    let told = |error: ReadError| vec![crate::error_chain(&error)];
    let known = labels::read(&folder.join("labels.csv")).and_then(|of| Ok((of, names(folder)?)));
    let (labels, files) = match known {
        Ok(known) => known,
        Err(error) => return Faults::check(told(error)).map(|()| Vec::new()),
    };
    let (mut traces, mut faults) = (Vec::new(), Vec::new());
    for path in files.values() {
        match one(folder, path, &labels, leak_free) {
            Ok(trace) => traces.push(trace),
            Err(error) => faults.extend(told(error)),
        }
    }
    Faults::check(faults).map(|()| traces)
}

/// The traces of a folder by their names: their files.
pub fn names(folder: &Path) -> Result<BTreeMap<String, PathBuf>, ReadError> {
    let failed = |source| ReadError::Io { path: folder.to_owned(), source };
    let mut names = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if let Some(name) = trace_name(&path) {
            names.insert(name, path);
        }
    }
    if names.is_empty() { Err(ReadError::Empty(folder.to_owned())) } else { Ok(names) }
}

/// Reads one of the traces, with its own truth or that of the list.
pub fn one(
    folder: &Path,
    path: &Path,
    labels: &BTreeMap<String, Truth>,
    leak_free: bool,
) -> Result<Trace, ReadError> {
    let name = trace_name(path).ok_or_else(|| ReadError::Empty(path.to_owned()))?;
    let observations: Vec<Observation> = Reader::open(path)?.collect::<Result<_, _>>()?;
    let sidecar = folder.join(format!("{name}.truth.yaml"));
    let mut truth = if sidecar.exists() {
        truth(&sidecar)?
    } else if let Some(label) = labels.get(&name) {
        label.clone()
    } else if leak_free {
        Truth { family: "leak_free".into(), ..Truth::default() }
    } else {
        return Err(ReadError::NoTruth(path.to_owned()));
    };
    complete(&mut truth, &observations);
    Ok(Trace { name, truth, observations })
}

/// Reads a truth.
pub fn truth(path: &Path) -> Result<Truth, ReadError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
    Truth::parse(&text).map_err(|source| ReadError::Truth { path: path.to_owned(), source })
}

/// `NAME` of `NAME.csv` and `NAME.csv.gz`; `labels.csv` is one only with a truth of its own, else a list of them.
fn trace_name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let name = file.strip_suffix(".csv.gz").or_else(|| file.strip_suffix(".csv"))?;
    (name != "labels" || labels::is_trace(path)).then(|| name.to_owned())
}

/// What the samples tell that the truth left out.
pub fn complete(truth: &mut Truth, observations: &[Observation]) {
    let gaps = observations.windows(2).map(|pair| pair[1].t_seconds - pair[0].t_seconds);
    if truth.interval_seconds == 0.0 {
        truth.interval_seconds = gaps.fold(f64::INFINITY, f64::min);
    }
    let percent =
        observations.iter().any(|seen| seen.signals.contains_key(&Signal::MemoryUsedPercent));
    if truth.limit.is_none() && percent {
        truth.limit = Some(100.0);
    }
    // A label list does not say when what is benign comes to rest: the end is the latest.
    if truth.leak.is_none() && truth.family == labels::NO_LEAK {
        truth.settles_seconds = observations.last().map(|seen| seen.t_seconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Half, Recipe, write};

    #[test]
    fn a_corpus_that_was_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = Recipe { seed: 5, half: Half::Tune, traces: 54 };
        write::corpus(&recipe, dir.path()).unwrap();
        let mut expected: Vec<Trace> = (0..54).map(|index| recipe.trace(index)).collect();
        expected.sort_by(|a, b| a.name.cmp(&b.name));
        assert_eq!(folder(dir.path(), false).unwrap(), expected);
    }

    #[test]
    fn a_trace_without_a_truth_is_refused_unless_it_is_said_to_be_leak_free() {
        let dir = tempfile::tempdir().unwrap();
        let csv = "t_seconds,memory_used_percent\n0,50\n60,51\n";
        fs::write(dir.path().join("a.csv"), csv).unwrap();
        fs::write(dir.path().join("b.csv"), "t_seconds,memory_used_percent\n0,high\n").unwrap();
        let refused = folder(dir.path(), false).unwrap_err().to_string();
        assert!(refused.contains("a.csv has neither") && refused.contains("b.csv"), "{refused}");
        fs::remove_file(dir.path().join("b.csv")).unwrap();
        let read = folder(dir.path(), true).unwrap();
        assert_eq!((read[0].truth.limit, read[0].truth.leak.is_none()), (Some(100.0), true));
    }
}
