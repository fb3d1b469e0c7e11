//! Which gauge grows with the memory: the cause, or nothing where it cannot be told.
//!
//! Names mean nothing here. A gauge explains a signal if the signal is a multiple of it plus a
//! constant, before the onset as well as after it: a gauge that follows load or time rose before
//! the leak began and fits badly.

use std::collections::BTreeMap;

use crate::blocks::{Block, Blocks};
use crate::observation::Signal;
use crate::stats;

/// Share of the signal's variance that a cause must explain.
const LEAST_EXPLAINED: f64 = 0.95;

/// Gauges whose unexplained share is within this factor of the best are as good as it.
const AS_GOOD: f64 = 4.0;

/// Below this unexplained share no gauge is better than another: what remains is that gauge and
/// memory were not read in the same instant.
const EXPLAINED_FULLY: f64 = 0.002;

/// Bytes per unit from which a gauge counts things; below, it counts the bytes themselves.
const LEAST_BYTES_PER_ENTRY: f64 = 8.0;

/// Descriptors, threads, ... per unit from which a gauge counts things, of which each has at least
/// a share in one; below, it counts bytes that these take.
const LEAST_COUNT_PER_ENTRY: f64 = 1.0 / 8.0;

/// Rises for their size that differ by less are the same.
const SAME_RISE: f64 = 0.02;

/// Fewest blocks on which gauge and signal can be compared.
const LEAST_BLOCKS: usize = 8;

/// A gauge that explains the growth.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Cause {
    pub(crate) gauge: String,
    /// Growth of the signal per unit of the gauge.
    pub(crate) per_entry: f64,
}

#[derive(Debug)]
struct Candidate<'a> {
    name: &'a str,
    per_entry: f64,
    /// Whether a unit of it is a thing, rather than a byte of one.
    counts_things: bool,
    /// Share of the signal's variance that it leaves.
    unexplained: f64,
    /// Its rise as a share of where it ended: 1 for a gauge that came from nothing.
    own_rise: f64,
}

/// Finds the gauge that explains what was `seen` of a signal, in blocks of one `level`.
///
/// Among gauges that explain it alike, one that counts things goes before one that counts bytes,
/// and then the one that rose most for its size. If two remain that nothing tells apart, there
/// is no cause.
pub(crate) fn find(
    signal: Signal,
    seen: &[Block],
    level: usize,
    gauges: &BTreeMap<String, Blocks>,
) -> Option<Cause> {
    let least_per_entry =
        if signal.is_bytes() { LEAST_BYTES_PER_ENTRY } else { LEAST_COUNT_PER_ENTRY };
    let mut candidates: Vec<Candidate<'_>> = gauges
        .iter()
        .filter_map(|(name, gauge)| {
            compare(name, seen, &gauge.level(level, f64::MIN), least_per_entry)
        })
        .filter(|candidate| candidate.unexplained <= 1.0 - LEAST_EXPLAINED)
        .collect();
    let best = candidates.iter().map(|c| c.unexplained).reduce(f64::min)?;
    candidates.retain(|c| c.unexplained <= (best * AS_GOOD).max(EXPLAINED_FULLY));
    candidates.sort_by(|a, b| {
        let rank = |c: &Candidate<'_>| (!c.counts_things, -c.own_rise);
        let (a, b) = (rank(a), rank(b));
        a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let (first, rest) = candidates.split_first()?;
    let tie = rest.iter().any(|other| {
        other.counts_things == first.counts_things
            && (other.own_rise - first.own_rise).abs() < SAME_RISE
    });
    (!tie).then(|| Cause { gauge: first.name.to_owned(), per_entry: first.per_entry })
}

fn compare<'a>(
    name: &'a str,
    seen: &[Block],
    gauge: &[Block],
    least_per_entry: f64,
) -> Option<Candidate<'a>> {
    let (x, y) = joined(gauge, seen);
    if x.len() < LEAST_BLOCKS {
        return None;
    }
    let (_, per_entry, error) = stats::least_squares(&x, &y);
    let mean = y.iter().sum::<f64>() / y.len() as f64;
    let variance: f64 = y.iter().map(|y| (y - mean).powi(2)).sum();
    let (first, last) = (*x.first()?, *x.last()?);
    (per_entry > 0.0 && variance > 0.0 && last > first).then(|| Candidate {
        name,
        per_entry,
        counts_things: per_entry >= least_per_entry,
        unexplained: error / variance,
        own_rise: (last - first) / last,
    })
}

/// The values of two series in the blocks that both have.
pub(crate) fn joined(a: &[Block], b: &[Block]) -> (Vec<f64>, Vec<f64>) {
    let mut other = b.iter().peekable();
    let pairs = a.iter().filter_map(|block| {
        while other.next_if(|candidate| candidate.index < block.index).is_some() {}
        other
            .next_if(|candidate| candidate.index == block.index)
            .map(|found| (block.mid, found.mid))
    });
    pairs.unzip()
}
