//! Judges one stretch of blocks: growth that is a leak, growth that may become one, or none.

mod measure;

pub(crate) use measure::{Evidence, Measure, SEEN_SHARE};

use crate::blocks::Block;
use crate::explain::{self, CLEAR_MARGIN, Covariates, Family, Window};
use crate::stats::{self, Slope};

/// Fewest blocks on which explanations can be told apart.
pub(crate) const LEAST_BLOCKS: usize = 12;

/// Fewest blocks of growth that may be called a leak, at any horizon.
const LEAST_GROWING: usize = 10;

/// The last third of the growth must rise at least at this share of the slope of the whole, and
/// so must the troughs.
const KEEPS_GROWING: f64 = 0.5;

/// Troughs that move less than this share of what the middles move from block to block are the
/// better witness: the middles are those of a sawtooth.
const QUIETER: f64 = 0.5;

/// Growth that no benign explanation clearly beats.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    pub(crate) onset_seconds: f64,
    /// When it began: at its onset, or earlier, as wider horizons tell.
    pub(crate) began_seconds: f64,
    /// How long it has lasted.
    pub(crate) span_seconds: f64,
    pub(crate) slope: Slope,
    /// Level before the onset.
    pub(crate) before: f64,
    /// Standard deviation of what the growth leaves unexplained of the blocks.
    pub(crate) deviation: f64,
}

/// What growth lacks to be called a leak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Lacking {
    /// Time: it has not lasted as long as is asked for, in seconds.
    Span(f64),
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
    Benign,
    /// Rising towards a level that it will come near to at this time, beyond the data.
    LevellingOff(f64),
    /// Growing to the end, and not yet a leak.
    Growing(Growth, Lacking),
    /// Growing to the end, and a leak.
    Leak(Growth),
}

/// Judges a level of a series, by the blocks that begin at or after `since_seconds`.
///
/// What every leak must have is asked for in the order of its cost: that the latest level is above
/// the oldest, that growth could win at the most favourable reading of the noise, and that it has risen
/// above what came before. Only then do explanations compete.
pub(crate) fn judge(measure: &Measure<'_>) -> Judgement {
    if !measure.has_blocks(LEAST_BLOCKS) {
        Judgement::TooShort
    } else if measure.could_matter() {
        judge_in_full(measure)
    } else {
        Judgement::Benign
    }
}

fn judge_in_full(measure: &Measure<'_>) -> Judgement {
    let mut blocks = quieter(measure.blocks());
    let covariates = Covariates::of(&blocks, measure.rates(&blocks));
    let window = Window::new(&mut blocks, covariates);
    let Some(rising) = explain::growth_that_could_win(&window) else {
        return Judgement::Benign;
    };
    if !measure.has_risen(&blocks, &rising) {
        return Judgement::Benign;
    }
    let competition = explain::compete(&window, rising);
    let (growth, benign) = (competition.growth, competition.benign);
    if competition.margin <= 0.0 || !measure.matters(&blocks, &growth) {
        let now = blocks.last().map_or(0.0, |block| block.t_seconds);
        let rising = benign.family == Family::Saturating && benign.end_seconds > now;
        return if rising && measure.matters(&blocks, &benign) {
            Judgement::LevellingOff(benign.end_seconds)
        } else {
            Judgement::Benign
        };
    }
    let rising = &blocks[growth.onset..];
    let Some(slope) = slope_of(rising, |block| block.mid).filter(|slope| slope.low > 0.0) else {
        return Judgement::Benign;
    };
    let found = Growth {
        onset_seconds: blocks[growth.onset].t_seconds,
        began_seconds: blocks[growth.onset].t_seconds,
        span_seconds: span_seconds(rising),
        slope,
        before: level_before(&blocks, blocks[growth.onset].t_seconds),
        deviation: (growth.error / blocks.len() as f64).sqrt(),
    };
    let lacking = if competition.margin < CLEAR_MARGIN {
        Some(Lacking::Margin(benign.family))
    } else {
        lacking(rising, &found, measure, growth.onset)
    };
    match lacking {
        Some(lacking) => Judgement::Growing(found, lacking),
        None => Judgement::Leak(found),
    }
}

/// What to call a level that does not leak.
pub(crate) fn benign_family(measure: &Measure<'_>) -> Family {
    let mut blocks = measure.blocks();
    if blocks.len() < LEAST_BLOCKS {
        return Family::Flat;
    }
    let covariates = Covariates::of(&blocks, measure.rates(&blocks));
    let window = Window::new(&mut blocks, covariates);
    explain::best_benign(&window).family
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

fn span_seconds(blocks: &[Block]) -> f64 {
    match (blocks.first(), blocks.last()) {
        (Some(first), Some(last)) => last.t_seconds - first.t_seconds,
        _ => 0.0,
    }
}

/// The blocks by their troughs, where these are much quieter than the middles.
fn quieter(mut blocks: Vec<Block>) -> Vec<Block> {
    let motion = |statistic: fn(&Block) -> f64| {
        blocks
            .windows(2)
            .map(|pair| (statistic(&pair[1]) - statistic(&pair[0])).powi(2))
            .sum::<f64>()
    };
    if motion(|block| block.low) < QUIETER * QUIETER * motion(|block| block.mid) {
        for block in &mut blocks {
            block.mid = block.low;
        }
    }
    blocks
}

fn lacking(
    rising: &[Block],
    growth: &Growth,
    measure: &Measure<'_>,
    calm_blocks: usize,
) -> Option<Lacking> {
    let asked_seconds = measure.asked_seconds(growth, calm_blocks);
    if rising.len() < LEAST_GROWING || growth.span_seconds + measure.earlier_seconds < asked_seconds
    {
        return Some(Lacking::Span(asked_seconds));
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
