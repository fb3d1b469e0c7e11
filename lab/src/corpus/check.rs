//! Whether a corpus is what it says: its files unchanged, its truths true as far as samples can tell.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use detector::{Observation, Signal};
use serde::Serialize;

use super::manifest::{Entry, Manifest};
use super::read::{self, ReadError};
use super::truth::{Leaked, Truth};
use super::{Trace, digest};
use crate::stats;

/// Raised whenever a key of the result changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// A leak below this difficulty may hide in the noise, so its growth proves nothing.
const STANDS_OUT: f64 = 4.0;
/// What moves by less, in deviations of what is left, is noise.
const NOISE: f64 = 4.0;
/// What moves by less, as a share of its level, nobody would call growth.
const LITTLE: f64 = 0.02;

/// What is wrong with a corpus.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// See [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Traces that were read.
    pub traces: usize,
    /// How many of them leak.
    pub leaks: usize,
    /// Whether there is a manifest; without one, checksums prove nothing.
    pub has_manifest: bool,
    /// What makes a score on this corpus worthless.
    pub errors: Vec<Finding>,
    /// What a person should look at.
    pub warnings: Vec<Finding>,
}

/// Something about a trace or a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The trace or the file.
    pub what: String,
    /// What is wrong with it.
    pub why: String,
}

/// Checks every file of a folder, and finds everything that is wrong at once.
pub fn folder(folder: &Path) -> Result<Checked, ReadError> {
    let mut checked = Checked {
        schema_version: SCHEMA_VERSION,
        traces: 0,
        leaks: 0,
        has_manifest: false,
        errors: Vec::new(),
        warnings: Vec::new(),
    };
    let names = read::names(folder)?;
    match Manifest::of(folder) {
        Ok(Some(manifest)) => {
            checked.has_manifest = true;
            let there = names.keys().map(String::as_str).collect();
            checked.errors.extend(files(folder, &manifest, &there));
        }
        Ok(None) => {}
        Err(error) => checked.error(super::manifest::FILE, error.to_string()),
    }
    let labels = super::labels::read(&folder.join("labels.csv"))?;
    for path in names.values() {
        match read::one(folder, path, &labels, false) {
            Ok(trace) => checked.trace(&trace),
            Err(error) => checked.error(&path.display().to_string(), crate::error_chain(&error)),
        }
    }
    Ok(checked)
}

/// What of a folder is not what its manifest lists.
pub fn files(folder: &Path, manifest: &Manifest, there: &BTreeSet<&str>) -> Vec<Finding> {
    let listed: BTreeSet<&str> = manifest.traces.iter().map(|one| one.name.as_str()).collect();
    let error = |what: &str, why: String| Finding { what: what.to_owned(), why };
    let unlisted = there.difference(&listed);
    let mut errors: Vec<Finding> =
        unlisted.map(|name| error(name, "is not in the manifest".to_owned())).collect();
    for entry in &manifest.traces {
        let Entry { name, file, trace_sha256, truth_sha256, .. } = entry;
        if Path::new(file).components().count() != 1 {
            errors
                .push(error(name, format!("the manifest names a file outside the folder: {file}")));
            continue;
        }
        let truth = format!("{name}.truth.yaml");
        for (file, sum) in [(file, trace_sha256), (&truth, truth_sha256)] {
            let why = match fs::read(folder.join(file)) {
                Ok(bytes) if digest::of_bytes(&bytes) == *sum => continue,
                Ok(_) => "is not what the manifest lists: its checksum differs".to_owned(),
                Err(error) => format!("cannot be read: {error}"),
            };
            errors.push(error(file, why));
        }
    }
    errors
}

impl Checked {
    fn error(&mut self, what: &str, why: impl Into<String>) {
        self.errors.push(Finding { what: what.to_owned(), why: why.into() });
    }

    fn trace(&mut self, trace: &Trace) {
        self.traces += 1;
        let span = trace.observations.first().zip(trace.observations.last());
        let Some((first, last)) = span else {
            self.error(&trace.name, "has no samples");
            return;
        };
        let (begin, end) = (first.t_seconds, last.t_seconds);
        let Some(leak) = &trace.truth.leak else {
            if let Some(why) = grows_at_the_end(trace, begin, end) {
                self.warnings.push(Finding { what: trace.name.clone(), why });
            }
            return;
        };
        self.leaks += 1;
        let outside = |t: f64| t < begin || t > end;
        let within = format!("the trace goes from {begin} to {end}");
        if outside(leak.onset_seconds) {
            self.error(&trace.name, format!("`onset_seconds` is {}; {within}", leak.onset_seconds));
            return;
        }
        if let Some(fixed) = leak.fixed_seconds.filter(|fixed| outside(*fixed)) {
            self.error(&trace.name, format!("`fixed_seconds` is {fixed}; {within}"));
            return;
        }
        if let Some(why) = does_not_grow(trace, leak, end) {
            self.error(&trace.name, why);
        }
    }
}

/// Why a leak does not show on the signal that its numbers are of; none if it does.
///
/// In the time that it leaks, the last tenth must be above the first, in one run of the process at
/// least: a restart takes back what it had grown.
fn does_not_grow(trace: &Trace, leak: &Leaked, end: f64) -> Option<String> {
    let has = |signal: &&Signal| trace.observations.iter().any(|o| o.signals.contains_key(signal));
    // A list of labels names every signal of memory, whichever the trace has.
    let Some(&signal) = leak.signals.iter().find(has) else {
        let names: Vec<&str> = leak.signals.iter().map(|signal| signal.name()).collect();
        return Some(format!("has none of the signals that it leaks on ({})", names.join(", ")));
    };
    let until = leak.fixed_seconds.unwrap_or(end);
    let leaking = |seen: &&Observation| (leak.onset_seconds..=until).contains(&seen.t_seconds);
    let leaking: Vec<&Observation> = trace.observations.iter().filter(leaking).collect();
    let runs = leaking.chunk_by(|a, b| a.start_seconds == b.start_seconds);
    let grown = runs.filter_map(|run| {
        let values: Vec<f64> = run.iter().filter_map(|o| o.signals.get(&signal).copied()).collect();
        let tenth = (values.len() / 10).max(1);
        let first = stats::median(&mut values.get(..tenth)?.to_vec())?;
        let last = stats::median(&mut values[values.len() - tenth..].to_vec())?;
        (values.len() > 1).then_some(last - first)
    });
    let most = grown.fold(f64::NEG_INFINITY, f64::max);
    if most == f64::NEG_INFINITY {
        return Some(format!("has no two samples of {signal} while it leaks"));
    }
    let known = leak.growth > 0.0 && leak.residual_sd > 0.0;
    let hides = known && leak.difficulty() < STANDS_OUT;
    (most <= 0.0 && !hides).then(|| {
        let by = crate::quantity::amount(signal, -most);
        format!("is labelled a leak and does not grow: {signal} ends {by} below where it began")
    })
}

/// Where a trace that is said not to leak still rises at its end, quarter by quarter of its second
/// half, once what is benign has settled.
fn grows_at_the_end(trace: &Trace, begin: f64, end: f64) -> Option<String> {
    let Truth { settles_seconds, .. } = trace.truth;
    let from = settles_seconds.unwrap_or(begin).max(f64::midpoint(begin, end));
    Signal::ALL.into_iter().find_map(|signal| {
        let late = trace.observations.iter().filter(|seen| seen.t_seconds >= from);
        let values: Vec<f64> = late.filter_map(|o| o.signals.get(&signal).copied()).collect();
        let quarter = values.len() / 4;
        if quarter < 8 {
            return None;
        }
        let quarters: Vec<&[f64]> = values.chunks(quarter).take(4).collect();
        let levels: Vec<f64> =
            quarters.iter().filter_map(|values| stats::median(&mut values.to_vec())).collect();
        let noise = quarters.iter().map(|values| stats::deviation(values.iter().copied()));
        let noise = noise.fold(0.0, f64::max);
        let (first, last) = (levels.first()?, levels.last()?);
        let rise = last - first;
        let rises = levels.windows(2).all(|pair| pair[1] > pair[0]);
        (rises && rise > NOISE * noise && rise > LITTLE * last).then(|| {
            format!(
                "is labelled no_leak and {signal} still rises at its end, by {} over its last {}",
                crate::quantity::amount(signal, rise),
                crate::quantity::seconds((end - from).round())
            )
        })
    })
}

#[cfg(test)]
mod tests;
