//! Compresses a series into equal blocks at several horizons, in constant memory.
//!
//! Level 0 holds the latest blocks of one width; each further level holds blocks twice as wide.
//! A block is known by its index on a grid that all series of an entity share, so that two series
//! can be joined block by block. Time is the segment's own, zero at its start.

use std::collections::VecDeque;
use std::iter;

use crate::stats;

/// Blocks kept at each level: two evidence spans of [`BLOCKS_PER_SPAN`], the flat stretch before
/// an onset and the growth after it.
const BLOCKS_KEPT: usize = 2 * BLOCKS_PER_SPAN;

/// Blocks of level 0 in the shortest evidence span.
pub(crate) const BLOCKS_PER_SPAN: usize = 24;

/// Horizons: level 9 looks back 512 times as far as level 0.
const LEVELS: usize = 10;

/// Samples whose exact median a block takes; of more, every sample after these only moves the
/// extremes. A block of the drill has two or three.
const SAMPLES_PER_BLOCK: usize = 64;

/// One block: when it was, and the middle, trough and peak of the samples in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    /// Position on the level's grid.
    pub(crate) index: i64,
    /// Mean time of its samples, in seconds.
    pub(crate) t_seconds: f64,
    /// Median at level 0; mean of the halves' medians above.
    pub(crate) mid: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// The horizons of one series.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    width_seconds: f64,
    open: Open,
    levels: Vec<VecDeque<Block>>,
}

/// The block of level 0 that still takes samples.
#[derive(Clone, Debug, Default)]
struct Open {
    index: i64,
    times: f64,
    /// The first samples, for the median.
    values: Vec<f64>,
    low: f64,
    high: f64,
    count: usize,
}

impl Blocks {
    /// No samples yet; blocks of level 0 are `width_seconds` (> 0) wide.
    pub(crate) fn new(width_seconds: f64) -> Self {
        Self { width_seconds, open: Open::default(), levels: vec![VecDeque::new(); LEVELS] }
    }

    /// Takes in a sample and returns how many levels, from level 0 up, closed a block by it: the
    /// levels on which there is something new to judge.
    pub(crate) fn push(&mut self, t_seconds: f64, value: f64) -> usize {
        let index = (t_seconds / self.width_seconds).floor() as i64;
        let closed = if self.open.count > 0 && index != self.open.index { self.close() } else { 0 };
        self.open.take(index, t_seconds, value);
        closed
    }

    /// The closed blocks of a level that begin at or after `since_seconds`, oldest first.
    pub(crate) fn level(&self, level: usize, since_seconds: f64) -> Vec<Block> {
        let width = self.width_at(level);
        let kept = self.levels[level].iter();
        kept.filter(|block| block.index as f64 * width >= since_seconds).copied().collect()
    }

    /// Width of a block of a level, in seconds.
    pub(crate) fn width_at(&self, level: usize) -> f64 {
        self.width_seconds * f64::from(1_u32 << level)
    }

    /// When the block at `index` of a level begins, in seconds.
    pub(crate) fn begin_of(&self, level: usize, index: i64) -> f64 {
        index as f64 * self.width_at(level)
    }

    /// The latest closed block of a level.
    pub(crate) fn newest(&self, level: usize) -> Option<&Block> {
        self.levels[level].back()
    }

    /// The highest peak of any block that ended in `[from_seconds, to_seconds]`.
    pub(crate) fn peak_between(&self, from_seconds: f64, to_seconds: f64) -> Option<f64> {
        let levels = self.levels.iter().enumerate();
        let inside = levels.flat_map(|(level, blocks)| {
            blocks.iter().filter(move |block| {
                self.begin_of(level, block.index) >= from_seconds
                    && self.begin_of(level, block.index + 1) <= to_seconds
            })
        });
        inside.map(|block| block.high).reduce(f64::max)
    }

    fn close(&mut self) -> usize {
        let block = self.open.block();
        self.keep(0, block);
        for level in 1..LEVELS {
            // A wider block is complete once the finer level has begun the next one.
            let mut finer = self.levels[level - 1].iter().rev();
            let (Some(newest), Some(previous)) = (finer.next(), finer.next()) else {
                return level;
            };
            let complete = previous.index >> 1;
            if newest.index >> 1 == complete {
                return level;
            }
            let parts: Vec<Block> = iter::once(previous)
                .chain(finer.next().filter(|block| block.index >> 1 == complete))
                .copied()
                .collect();
            self.keep(level, merge(complete, &parts));
        }
        LEVELS
    }

    fn keep(&mut self, level: usize, block: Block) {
        let kept = &mut self.levels[level];
        if kept.len() == BLOCKS_KEPT {
            kept.pop_front();
        }
        kept.push_back(block);
    }
}

impl Open {
    fn take(&mut self, index: i64, t_seconds: f64, value: f64) {
        if index != self.index || self.count == 0 {
            self.values.clear();
            *self = Self {
                index,
                values: std::mem::take(&mut self.values),
                low: f64::INFINITY,
                high: f64::NEG_INFINITY,
                ..Self::default()
            };
        }
        if self.values.len() < SAMPLES_PER_BLOCK {
            self.values.push(value);
        }
        self.times += t_seconds;
        self.low = self.low.min(value);
        self.high = self.high.max(value);
        self.count += 1;
    }

    fn block(&mut self) -> Block {
        let mid = stats::median(&mut self.values).unwrap_or(self.high);
        let t_seconds = self.times / self.count as f64;
        // Peaks are taken of medians, so that one stray sample raises no ceiling.
        Block { index: self.index, t_seconds, mid, low: self.low, high: mid }
    }
}

fn merge(index: i64, parts: &[Block]) -> Block {
    let count = parts.len() as f64;
    Block {
        index,
        t_seconds: parts.iter().map(|b| b.t_seconds).sum::<f64>() / count,
        mid: parts.iter().map(|b| b.mid).sum::<f64>() / count,
        low: parts.iter().map(|b| b.low).fold(f64::INFINITY, f64::min),
        high: parts.iter().map(|b| b.high).fold(f64::NEG_INFINITY, f64::max),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(values: impl IntoIterator<Item = (f64, f64)>) -> Blocks {
        let mut blocks = Blocks::new(1.0);
        for (t, value) in values {
            blocks.push(t, value);
        }
        blocks
    }

    #[test]
    fn a_block_holds_median_trough_and_time_of_its_samples() {
        let blocks = filled([(0.0, 5.0), (0.3, 1.0), (0.6, 6.0), (1.0, 0.0)]);
        let only = blocks.level(0, 0.0);
        assert_eq!(only.len(), 1);
        let block = only[0];
        assert_eq!((block.mid, block.low, block.high), (5.0, 1.0, 5.0));
        assert!((block.t_seconds - 0.3).abs() < 1e-12);
    }

    #[test]
    fn each_level_is_twice_as_wide_and_none_outgrows_its_bound() {
        let blocks = filled((0..100_000).map(|i| (f64::from(i) * 0.5, f64::from(i))));
        for level in 0..LEVELS {
            let kept = blocks.level(level, 0.0);
            assert_eq!(kept.len(), BLOCKS_KEPT, "level {level}");
            let step = kept[1].t_seconds - kept[0].t_seconds;
            assert!((step - blocks.width_at(level)).abs() < 1e-9);
        }
    }

    #[test]
    fn a_gap_leaves_out_blocks_and_loses_none() {
        let blocks = filled((0..40).filter(|i| !(10..31).contains(i)).map(|i| (f64::from(i), 1.0)));
        assert_eq!(blocks.level(0, 0.0).len(), 18);
        let indices: Vec<i64> = blocks.level(1, 0.0).iter().map(|block| block.index).collect();
        assert_eq!(indices, [0, 1, 2, 3, 4, 15, 16, 17, 18]);
    }

    #[test]
    fn a_peak_is_found_at_any_horizon_but_not_outside_the_range() {
        let spike = |i: i32| if i == 100 { 9.0 } else { 1.0 };
        let blocks = filled((0..400).map(|i| (f64::from(i), spike(i))));
        assert_eq!(blocks.peak_between(0.0, 400.0), Some(9.0));
        assert_eq!(blocks.peak_between(200.0, 400.0), Some(1.0));
        assert_eq!(blocks.peak_between(500.0, 600.0), None);
    }
}
