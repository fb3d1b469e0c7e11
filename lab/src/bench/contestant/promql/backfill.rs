//! The corpus as blocks of Prometheus: made by `promtool`, one trace after the other in time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::PromqlError;
use super::expression::longest_seconds;
use super::metrics::{Writer, names};
use crate::bench::Corpus;
use crate::corpus::Trace;

/// The longest block that promtool makes, from 2 h in powers of 3: so few passes over the text.
const BLOCK_SECONDS: u64 = 39_366 * 3_600;
/// A block's beginning, long before any Prometheus: what one that runs now adds of its own is not there.
const BEGIN_SECONDS: u64 = BLOCK_SECONDS;
/// What Prometheus looks back for a sample, and as much again.
const LEAST_GAP_SECONDS: u64 = 600;
/// The last second at which a trace may begin: 2024.
const LAST_SECONDS: u64 = 1_704_067_200;

/// Where each trace is.
#[derive(Debug)]
pub struct Backfilled {
    /// Time 0 of each trace, by its name, in seconds after 1970.
    pub origins: BTreeMap<String, u64>,
    /// The metrics that there are.
    pub metrics: BTreeSet<String>,
    /// From the end of a trace to the next.
    pub gap_seconds: u64,
    /// A time after the last trace.
    pub end_seconds: u64,
}

/// Writes the traces into `data`, of every metric whose name stands in the rules' text.
pub fn backfill(
    corpus: &dyn Corpus,
    rules: &str,
    labels: &BTreeMap<String, String>,
    directory: &Path,
) -> Result<Backfilled, PromqlError> {
    // What recording rules look back comes on top of what the alert does.
    let ranges = if rules.contains("record:") { 4 } else { 2 };
    let gap = LEAST_GAP_SECONDS.max(ranges * longest_seconds(rules));
    let text = directory.join("corpus.om");
    let failed = |source| PromqlError::Io { path: text.clone(), source };
    let file = File::create(&text).map_err(failed)?;
    let mut writer = Writer::new(BufWriter::new(file), Some(words(rules)), labels);
    let at = lay(corpus, gap, |trace, origin| writer.trace(trace, origin).map_err(failed))?;
    let metrics = writer.finish().map_err(failed)?;
    if !metrics.is_empty() {
        create_blocks(&text, &directory.join("data"))?;
    }
    fs::remove_file(&text).map_err(failed)?;
    Ok(Backfilled { metrics, ..at })
}

/// Lays the traces one after the other, and tells `each` with its time 0.
pub fn lay(
    corpus: &dyn Corpus,
    gap_seconds: u64,
    mut each: impl FnMut(&Trace, u64) -> Result<(), PromqlError>,
) -> Result<Backfilled, PromqlError> {
    let mut origins = BTreeMap::new();
    let mut origin = BEGIN_SECONDS + gap_seconds;
    for index in 0..corpus.len() {
        let trace = corpus.trace(index);
        let first = trace.observations.first().map_or(0.0, |seen| seen.t_seconds.min(0.0));
        let last = trace.observations.last().map_or(0.0, |seen| seen.t_seconds.max(0.0));
        origin += (-first) as u64;
        if origin > LAST_SECONDS {
            return Err(PromqlError::TooLong { traces: index, of: corpus.len() });
        }
        each(&trace, origin)?;
        let end = origin + last as u64 + gap_seconds;
        origins.insert(trace.name, origin);
        // On a whole minute, so that evaluations fall on round instants.
        origin = end.next_multiple_of(60);
    }
    Ok(Backfilled { origins, metrics: BTreeSet::new(), gap_seconds, end_seconds: origin })
}

/// Makes blocks of `OpenMetrics` text.
pub fn create_blocks(text: &Path, data: &Path) -> Result<(), PromqlError> {
    let hours = BLOCK_SECONDS / 3_600;
    promtool(
        &["tsdb", "create-blocks-from", "openmetrics", &format!("--max-block-duration={hours}h")],
        &[text.to_owned(), data.to_owned()],
    )
}

/// Runs `promtool`; what it says goes into the error if it fails.
pub fn promtool(args: &[&str], paths: &[PathBuf]) -> Result<(), PromqlError> {
    let output = Command::new("promtool")
        .args(args)
        .args(paths)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| PromqlError::NoProgram { program: "promtool", source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    // It numbers what it finds; the first few lines say where and what.
    let said: Vec<&str> = lines.filter(|line| !line.starts_with("BLOCK")).take(8).collect();
    Err(PromqlError::Promtool { what: args[..2].join(" "), said: said.join("; ") })
}

/// Every word of a text: among them are the metrics that it names.
fn words(text: &str) -> BTreeSet<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    text.split(|c| !is_word(c)).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Says which metrics a rule may ask for.
pub fn known() -> String {
    names().join(", ")
}

/// What the copy of a rule file is called.
pub fn copy_name(index: usize) -> String {
    format!("{index}.rules.yml")
}

/// Copies the rule files to where the server reads them, under names of its own.
pub fn copy_rules(texts: &[String], directory: &Path) -> Result<(), PromqlError> {
    let put = |name: String, text: &str| {
        let path = directory.join(name);
        let written = File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|source| PromqlError::Io { path, source })
    };
    for (index, text) in texts.iter().enumerate() {
        put(copy_name(index), text)?;
    }
    let config = "global: {evaluation_interval: 1m}\nrule_files: ['*.rules.yml']\n";
    put("prometheus.yml".into(), config)
}
