//! A corpus on the user's own Prometheus: its blocks to be put there, and the question whether they are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use super::PromqlError;
use super::backfill::{Backfilled, create_blocks, lay};
use super::metrics::{Writer, marker};
use super::server::Server;
use crate::bench::Corpus;
use crate::corpus::digest;

/// Between two traces, whatever the rules are; a rule may look back half as far.
const GAP_SECONDS: u64 = 2 * 86_400;

/// Writes blocks of every metric of the corpus into a folder that is empty or not there.
pub fn blocks(
    corpus: &dyn Corpus,
    labels: &BTreeMap<String, String>,
    folder: &Path,
) -> Result<Backfilled, PromqlError> {
    let failed = |source| PromqlError::Io { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        return Err(PromqlError::NotEmpty(folder.to_owned()));
    }
    // Beside the blocks: it is as large as they are, and a temporary directory may be small.
    let text = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    let file = File::create(text.path()).map_err(failed)?;
    let out = BufWriter::new(file);
    let at = write(corpus, &sha256(corpus), labels, failed, out)?;
    create_blocks(text.path(), folder)?;
    Ok(at)
}

/// Where the traces are on a server that was given these blocks; refused if it was not.
pub fn find(
    corpus: &dyn Corpus,
    labels: &BTreeMap<String, String>,
    server: &Server,
) -> Result<Backfilled, PromqlError> {
    // Only its metrics and times are wanted; nothing is written that could fail.
    let unfailing = |source| PromqlError::Io { path: "a sink".into(), source };
    let sha256 = sha256(corpus);
    let at = write(corpus, &sha256, labels, unfailing, io::sink())?;
    let query = format!("sum_over_time({}[{}s])", marker(labels, &sha256), at.end_seconds);
    let expected: u64 = at.origins.values().sum();
    match server.value(&query, at.end_seconds)? {
        // Whole numbers below 2^53, so the sum is exact.
        Some(sum) if sum as u64 == expected => Ok(at),
        found => Err(PromqlError::OtherCorpus {
            url: server.url().to_owned(),
            what: if found.is_some() { "only a part of" } else { "nothing of" },
        }),
    }
}

fn write(
    corpus: &dyn Corpus,
    sha256: &str,
    labels: &BTreeMap<String, String>,
    failed: impl Fn(io::Error) -> PromqlError,
    out: impl io::Write,
) -> Result<Backfilled, PromqlError> {
    let mut writer = Writer::new(out, None, labels);
    let at = lay(corpus, GAP_SECONDS, |trace, origin| {
        writer.mark(sha256, origin).map_err(&failed)?;
        writer.trace(trace, origin).map_err(&failed)
    })?;
    Ok(Backfilled { metrics: writer.finish().map_err(&failed)?, ..at })
}

fn sha256(corpus: &dyn Corpus) -> String {
    let each = (0..corpus.len()).map(|index| digest::of_trace(&corpus.trace(index)));
    let sums: Vec<String> = each.collect();
    digest::of_corpus(sums.iter().map(String::as_str))
}
