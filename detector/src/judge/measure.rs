//! What a stretch of blocks is measured by: whether what it rose by matters, and for how long it
//! has to have risen.

use super::{Growth, level_before, since, slope_of, span_seconds};
use crate::blocks::{Block, Blocks};
use crate::explain::Explanation;
use crate::stats;

/// Growth matters from this share of the level that it started from...
const MATERIAL_SHARE: f64 = 0.02;

/// ...or, of memory that the allocator's own figure does not see growing, from this share: its
/// slack and fragmentation settle at some share of what is in use, while it is used.
const MATERIAL_SHARE_UNSEEN: f64 = 0.2;

/// ...and from this many standard deviations of what the explanation leaves unexplained...
const MATERIAL_DEVIATIONS: f64 = 4.0;

/// ...and from this many of the units in which the series is seen to be counted.
const MATERIAL_QUANTA: f64 = 5.0;

/// The allocator's figure sees growth if it grew by at least this share of it.
pub(crate) const SEEN_SHARE: f64 = 0.5;

/// Fewest blocks of the allocator's figure on which it can be a witness.
const LEAST_WITNESS_BLOCKS: usize = 3;

/// Growth is looked at for this share of the time that is left until the limit.
const URGENCY: f64 = 0.1;

/// Blocks before the onset from which on growth can be urgent.
const LEAST_CALM: usize = 10;

/// How long growth must have lasted to be called a leak.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_field_names, reason = "each is a bare number of seconds")]
pub(crate) struct Evidence {
    /// However urgent it is.
    pub(crate) shortest_seconds: f64,
    /// If it is not urgent.
    pub(crate) usual_seconds: f64,
    /// If it was not preceded by a calm: nobody knows then what the level is at rest.
    pub(crate) longest_seconds: f64,
}

/// What a level of a series is judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure<'a> {
    pub(crate) evidence: Evidence,
    pub(crate) limit: Option<f64>,
    /// All that is known of the signal, and the level of it that is judged.
    pub(crate) series: &'a Blocks,
    pub(crate) level: usize,
    /// Only what begins after this is judged.
    pub(crate) since_seconds: f64,
    /// Whether levels reached before that count as reached before...
    pub(crate) remembers: bool,
    /// ...and so does this one.
    pub(crate) ceiling: Option<f64>,
    /// The allocator's bytes in use, where known.
    pub(crate) heap: Option<&'a Blocks>,
    /// The request counter, where known.
    pub(crate) requests: Option<&'a Blocks>,
    /// How long the runs before this one grew, each to its end: evidence that a restart cut short.
    pub(crate) earlier_seconds: f64,
}

impl Measure<'_> {
    /// Whether there are at least so many blocks to judge.
    pub(crate) fn has_blocks(&self, least: usize) -> bool {
        self.series.holds(self.level, self.since_seconds, least)
    }

    /// The blocks to judge, oldest first.
    pub(crate) fn blocks(&self) -> Vec<Block> {
        self.series.level(self.level, self.since_seconds)
    }

    /// The request rate around each block, by central differences of the counter; `None` where a
    /// block has no counter beside it.
    pub(crate) fn rates(&self, blocks: &[Block]) -> Option<Vec<f64>> {
        let (counts, _) = crate::cause::joined(&self.requests?.level(self.level, f64::MIN), blocks);
        if counts.len() != blocks.len() || counts.len() < 3 {
            return None;
        }
        let last = counts.len() - 1;
        let rate = |i: usize| {
            let (a, b) = (i.saturating_sub(1), (i + 1).min(last));
            (counts[b] - counts[a]) / (blocks[b].t_seconds - blocks[a].t_seconds)
        };
        Some((0..=last).map(rate).collect())
    }

    /// For how long growth must have lasted: the time follows from what is left until the limit,
    /// between the shortest and the usual evidence.
    ///
    /// Growth that has lasted longer than the calm before it, or came before any, may be a warm-up,
    /// a cache that fills or the flank of a wave of load, however steep: it is given the longest
    /// time. What follows an incident needs no calm: the level at rest is known from before it.
    pub(crate) fn asked_seconds(&self, growth: &Growth, calm_blocks: usize) -> f64 {
        let Evidence { shortest_seconds, usual_seconds, longest_seconds } = self.evidence;
        let calm_seconds = growth.onset_seconds - self.since_seconds;
        if self.remembers && calm_seconds < usual_seconds.max(growth.span_seconds) {
            return longest_seconds;
        }
        if calm_blocks < LEAST_CALM {
            return usual_seconds;
        }
        let room = self.limit.zip(self.series.newest(0)).map(|(limit, now)| limit - now.mid);
        let left_seconds = room.map_or(f64::INFINITY, |room| room.max(0.0) / growth.slope.mid);
        (URGENCY * left_seconds).clamp(shortest_seconds, usual_seconds.max(shortest_seconds))
    }

    /// Whether the latest level is above the oldest, and above all that is no longer kept, by the
    /// share that matters. What is not cannot pass [`Self::matters`].
    pub(crate) fn could_matter(&self) -> bool {
        let ends = self.series.latest_and_oldest(self.level, self.since_seconds);
        let Some((latest, oldest)) = ends else {
            return true;
        };
        let ceiling = self.ceiling_before(oldest);
        latest - ceiling >= MATERIAL_SHARE * ceiling
    }

    /// Whether what rose since the onset has risen above everything before it by more than
    /// grain and noise.
    pub(crate) fn has_risen(&self, blocks: &[Block], explanation: &Explanation) -> bool {
        self.risen(blocks, explanation).is_some()
    }

    /// Whether it did, and, if the allocator knows nothing of it, by more than slack.
    pub(crate) fn matters(&self, blocks: &[Block], explanation: &Explanation) -> bool {
        let Some((grown, ceiling)) = self.risen(blocks, explanation) else {
            return false;
        };
        let heap = self.heap_growth(blocks[explanation.onset].t_seconds);
        let seen = heap.is_none_or(|heap| heap >= SEEN_SHARE * grown);
        seen || grown >= MATERIAL_SHARE_UNSEEN * ceiling
    }

    /// By how much it has risen above what level, if that is more than grain and noise.
    fn risen(&self, blocks: &[Block], explanation: &Explanation) -> Option<(f64, f64)> {
        let onset_seconds = blocks[explanation.onset].t_seconds;
        let before = level_before(blocks, onset_seconds);
        let peak = peak(&blocks[..explanation.onset]).map_or(before, |peak| peak.max(before));
        let ceiling = self.ceiling_before(peak);
        // By the fit too: what rose in the very block of the onset is no growth since.
        let grown = (latest_level(blocks) - ceiling).min(explanation.rise);
        let deviation = (explanation.error / blocks.len() as f64).sqrt();
        let least = (MATERIAL_SHARE * ceiling)
            .max(MATERIAL_DEVIATIONS * deviation)
            .max(MATERIAL_QUANTA * self.series.quantum());
        (grown >= least).then_some((grown, ceiling))
    }

    /// The highest level before those that are kept, but at least `peak`.
    fn ceiling_before(&self, peak: f64) -> f64 {
        let forgotten = self.series.forgotten_peak(self.level).filter(|_| self.remembers);
        forgotten.into_iter().chain(self.ceiling).fold(peak, f64::max)
    }

    /// What the allocator's bytes in use grew by since an instant; only memory has a witness.
    fn heap_growth(&self, onset_seconds: f64) -> Option<f64> {
        let heap = self.heap?.level(self.level, onset_seconds);
        let rising = since(&heap, onset_seconds);
        if rising.len() < LEAST_WITNESS_BLOCKS {
            return None;
        }
        let slope = slope_of(rising, |block| block.mid).map_or(0.0, |slope| slope.mid);
        Some(slope * span_seconds(rising))
    }
}

/// The highest median of three blocks in a row: one stray block raises no ceiling.
fn peak(blocks: &[Block]) -> Option<f64> {
    let threes = blocks.windows(3);
    threes.filter_map(|w| stats::median(&mut [w[0].mid, w[1].mid, w[2].mid])).reduce(f64::max)
}

/// Median level of the last three blocks.
fn latest_level(blocks: &[Block]) -> f64 {
    let mut mids: Vec<f64> = blocks.iter().rev().take(3).map(|block| block.mid).collect();
    stats::median(&mut mids).unwrap_or_default()
}
