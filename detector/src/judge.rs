//! Judges one stretch of blocks: growth that is a leak, growth that may become one, or none.

use crate::Signal;
use crate::blocks::{Block, Blocks};
use crate::explain::{self, Explanation, Family, Window};
use crate::stats::{self, Slope};

/// Fewest blocks on which explanations can be told apart.
pub(crate) const LEAST_BLOCKS: usize = 12;

/// Fewest blocks of growth that may be called a leak, at any horizon.
const LEAST_GROWING: usize = 10;

/// By how much one explanation must beat the other: "strong" evidence on the scale of Kass and
/// Raftery (1995) for differences of the Bayesian information criterion.
const CLEAR_MARGIN: f64 = 6.0;

/// Growth matters from this share of the level that it started from...
const MATERIAL_SHARE: f64 = 0.02;

/// ...or, of memory that the allocator's own figure does not see growing, from this share: its
/// slack and fragmentation settle at some share of what is in use, while it is used.
const MATERIAL_SHARE_UNSEEN: f64 = 0.2;

/// ...and from this many standard deviations of what the explanation leaves unexplained.
const MATERIAL_DEVIATIONS: f64 = 4.0;

/// The allocator's figure sees growth if it grew by at least this share of it.
pub(crate) const SEEN_SHARE: f64 = 0.5;

/// Fewest blocks of the allocator's figure on which it can be a witness.
const LEAST_WITNESS_BLOCKS: usize = 3;

/// Bytes below which growth is the allocator's and the kernel's own grain: they hand out memory
/// in extents and batches of pages of up to 64 KiB, of which a handful come and go.
const GRAIN_BYTES: f64 = 256.0 * 1024.0;

/// The same for things that are counted.
const GRAIN_COUNT: f64 = 5.0;

/// The last third of the growth must rise at least at this share of the slope of the whole, and
/// so must the troughs.
const KEEPS_GROWING: f64 = 0.5;

/// What a stretch of blocks is judged by, beside the blocks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measure<'a> {
    pub(crate) signal: Signal,
    /// Shortest growth that may be called a leak.
    pub(crate) confirm_seconds: f64,
    /// All that is known of the signal, and the level of it that is judged.
    pub(crate) series: &'a Blocks,
    pub(crate) level: usize,
    /// Levels reached since then count as reached before...
    pub(crate) since_seconds: f64,
    /// ...and so does this one.
    pub(crate) ceiling: Option<f64>,
    /// The allocator's bytes in use, where known.
    pub(crate) heap: Option<&'a Blocks>,
}

impl Measure<'_> {
    /// Whether what rose since `onset_seconds` has risen above everything before it by more than
    /// grain, noise and, if the allocator knows nothing of it, slack.
    fn matters(&self, blocks: &[Block], onset_seconds: f64, deviation: f64) -> bool {
        let before = level_before(blocks, onset_seconds);
        let peak = self.series.peak_between(self.since_seconds, onset_seconds);
        let ceiling = peak.into_iter().chain(self.ceiling).fold(before, f64::max);
        // By the slope too: what rose in the very block of the onset is no growth since.
        let grown = (latest_level(blocks) - ceiling).min(rise(since(blocks, onset_seconds)));
        let seen = self.heap_growth(onset_seconds).is_none_or(|heap| heap >= SEEN_SHARE * grown);
        let share = if seen { MATERIAL_SHARE } else { MATERIAL_SHARE_UNSEEN };
        let grain = match self.signal {
            signal if signal.is_bytes() => GRAIN_BYTES,
            Signal::MemoryUsedPercent => 0.0,
            _ => GRAIN_COUNT,
        };
        grown >= (share * ceiling).max(MATERIAL_DEVIATIONS * deviation).max(grain)
    }

    /// What the allocator's bytes in use grew by since an instant; only memory has a witness.
    fn heap_growth(&self, onset_seconds: f64) -> Option<f64> {
        let heap = self.heap.filter(|_| self.signal.is_bytes())?;
        let blocks = heap.level(self.level, onset_seconds);
        (blocks.len() >= LEAST_WITNESS_BLOCKS).then(|| rise(&blocks))
    }
}

/// Growth that no benign explanation clearly beats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    pub(crate) onset_seconds: f64,
    /// How long it has lasted.
    pub(crate) span_seconds: f64,
    pub(crate) slope: Slope,
    /// Level before the onset.
    pub(crate) before: f64,
}

/// What growth lacks to be called a leak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lacking {
    /// Time: it has not lasted as long as is asked for.
    Span,
    /// Its last third no longer rises as the whole does.
    Persistence,
    /// Its troughs do not rise: what is taken is given back.
    Troughs,
    /// A benign explanation fits about as well.
    Margin(Family),
}

/// The judgement of one window.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Judgement {
    /// Too few blocks.
    TooShort,
    /// No growth, or growth that is over, or too small to matter, or within what was seen before.
    Benign(Family),
    /// Rising towards a level that it will come near to at this time, beyond the data.
    LevellingOff(f64),
    /// Growing to the end, and not yet a leak.
    Growing(Growth, Lacking),
    /// Growing to the end, and a leak.
    Leak(Growth),
}

/// Judges the blocks of one level, oldest first, with the request rate in each where known.
pub(crate) fn judge(blocks: &[Block], rate: Option<Vec<f64>>, measure: &Measure<'_>) -> Judgement {
    if blocks.len() < LEAST_BLOCKS {
        return Judgement::TooShort;
    }
    let competition = explain::compete(&Window::new(blocks, rate));
    let benign = competition.benign;
    let matters = |explanation: &Explanation| {
        let deviation = (explanation.error / blocks.len() as f64).sqrt();
        measure.matters(blocks, explanation.onset_seconds, deviation)
    };
    let plausible = competition.margin > -CLEAR_MARGIN;
    let Some(growth) = competition.growth.filter(|growth| plausible && matters(growth)) else {
        let now = blocks.last().map_or(0.0, |block| block.t_seconds);
        let rising = benign.family == Family::Saturating && benign.end_seconds > now;
        return if rising && matters(&benign) {
            Judgement::LevellingOff(benign.end_seconds)
        } else {
            Judgement::Benign(benign.family)
        };
    };
    let rising = since(blocks, growth.onset_seconds);
    let Some(slope) = slope_of(rising, |block| block.mid).filter(|slope| slope.low > 0.0) else {
        return Judgement::Benign(benign.family);
    };
    let found = Growth {
        onset_seconds: growth.onset_seconds,
        span_seconds: span_seconds(rising),
        slope,
        before: level_before(blocks, growth.onset_seconds),
    };
    let lacking = if competition.margin < CLEAR_MARGIN {
        Some(Lacking::Margin(benign.family))
    } else {
        lacking(rising, &found, measure.confirm_seconds)
    };
    match lacking {
        Some(lacking) => Judgement::Growing(found, lacking),
        None => Judgement::Leak(found),
    }
}

/// Slope of a stretch of blocks by a statistic of them, per second.
pub(crate) fn slope_of(blocks: &[Block], statistic: impl Fn(&Block) -> f64) -> Option<Slope> {
    let points: Vec<(f64, f64)> = blocks.iter().map(|b| (b.t_seconds, statistic(b))).collect();
    stats::theil_sen(&points)
}

/// Median level of the last few blocks before an instant; the first block's if there is none.
pub(crate) fn level_before(blocks: &[Block], instant_seconds: f64) -> f64 {
    let end = blocks.partition_point(|block| block.t_seconds <= instant_seconds).max(1);
    let latest = &blocks[end.saturating_sub(6)..end.min(blocks.len())];
    let mut mids: Vec<f64> = latest.iter().map(|block| block.mid).collect();
    stats::median(&mut mids).unwrap_or_default()
}

/// The blocks from an instant on.
pub(crate) fn since(blocks: &[Block], instant_seconds: f64) -> &[Block] {
    &blocks[blocks.partition_point(|block| block.t_seconds < instant_seconds)..]
}

/// What the blocks rose by, from first to last, as their slope tells; zero if it tells nothing.
fn rise(blocks: &[Block]) -> f64 {
    slope_of(blocks, |block| block.mid).map_or(0.0, |slope| slope.mid * span_seconds(blocks))
}

fn span_seconds(blocks: &[Block]) -> f64 {
    match (blocks.first(), blocks.last()) {
        (Some(first), Some(last)) => last.t_seconds - first.t_seconds,
        _ => 0.0,
    }
}

/// Median level of the last three blocks.
fn latest_level(blocks: &[Block]) -> f64 {
    let mut mids: Vec<f64> = blocks.iter().rev().take(3).map(|block| block.mid).collect();
    stats::median(&mut mids).unwrap_or_default()
}

fn lacking(rising: &[Block], growth: &Growth, confirm_seconds: f64) -> Option<Lacking> {
    if rising.len() < LEAST_GROWING || growth.span_seconds < confirm_seconds {
        return Some(Lacking::Span);
    }
    let keeps_growing = |slope: Option<Slope>| {
        slope.is_some_and(|slope| slope.mid >= KEEPS_GROWING * growth.slope.mid)
    };
    let last_third = &rising[rising.len() - rising.len() / 3..];
    if !keeps_growing(slope_of(last_third, |block| block.mid)) {
        return Some(Lacking::Persistence);
    }
    if !keeps_growing(slope_of(rising, |block| block.low)) {
        return Some(Lacking::Troughs);
    }
    None
}
