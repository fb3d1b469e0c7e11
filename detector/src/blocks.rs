//! Compresses a series into equal blocks at several horizons, in constant memory.
//!
//! Level 0 holds the latest blocks of one width; each further level holds blocks four times as
//! wide. A block is known by its index on a grid that all series of an entity share, so that two
//! series can be joined block by block. Time is the segment's own, zero at its start.

mod level;
mod open;

use level::Level;
use open::Open;

/// Blocks kept at each level. A stretch of growth that fills more than a level's window has at
/// least a quarter of that many blocks on the next one: enough to be judged.
pub(crate) const BLOCKS_KEPT: usize = 64;

/// Blocks of level 0 in the shortest evidence span that is asked for by hand; the rest of those
/// kept show how it was before the onset.
pub(crate) const BLOCKS_PER_SPAN: usize = 24;

/// Horizons: level 4 looks back 256 times as far as level 0.
const LEVELS: usize = 5;

/// Blocks of a level in one of the next: `1 << RATIO_BITS`.
const RATIO_BITS: u32 = 2;

/// One block: when it was, and the middle and the trough of the samples in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Block {
    /// Position on the level's grid.
    pub(crate) index: i64,
    /// Its middle, in seconds.
    pub(crate) t_seconds: f64,
    /// Median of the samples at level 0; mean of the finer blocks' middles above.
    pub(crate) mid: f64,
    pub(crate) low: f64,
}

/// The horizons of one series.
#[derive(Clone, Debug)]
pub(crate) struct Blocks {
    width_seconds: f64,
    /// The first sample: what is kept are differences from it, which fit into 32 bits.
    base: f64,
    /// Smallest difference ever seen between a sample and the next: the unit in which the series
    /// is counted (pages, things); zero while none was seen.
    quantum: f64,
    latest: f64,
    open: Open,
    levels: [Level; LEVELS],
}

impl Blocks {
    /// No samples yet; blocks of level 0 are `width_seconds` (> 0) wide.
    pub(crate) fn new(width_seconds: f64) -> Self {
        let (open, levels) = (Open::default(), Default::default());
        Self { width_seconds, base: 0.0, quantum: 0.0, latest: f64::NAN, open, levels }
    }

    /// Takes in a sample and returns how many levels, from level 0 up, closed a block by it: the
    /// levels on which there is something new to judge.
    pub(crate) fn push(&mut self, t_seconds: f64, value: f64) -> usize {
        self.measure_quantum(value);
        let index = (t_seconds / self.width_seconds) as u32;
        let closed = self.open.close_before(index).map_or(0, |block| self.keep(0, block));
        self.open.take(index, (value - self.base) as f32);
        closed
    }

    /// The closed blocks of a level that begin at or after `since_seconds`, oldest first.
    pub(crate) fn level(&self, level: usize, since_seconds: f64) -> Vec<Block> {
        let Some(kept) = self.levels.get(level) else {
            return Vec::new();
        };
        let width = self.width_at(level);
        let first = (since_seconds / width).ceil().max(0.0);
        let blocks = kept.since(first);
        blocks.map(|packed| packed.unpack(self.base, width)).collect()
    }

    /// Horizons that hold a block.
    pub(crate) fn levels(&self) -> usize {
        self.levels.iter().take_while(|level| level.newest().is_some()).count()
    }

    /// Width of a block of a level, in seconds.
    pub(crate) fn width_at(&self, level: usize) -> f64 {
        self.width_seconds * f64::from(1_u32 << (RATIO_BITS * level as u32))
    }

    /// How far back the widest level looks.
    pub(crate) fn horizon_seconds(&self) -> f64 {
        BLOCKS_KEPT as f64 * self.width_at(LEVELS - 1)
    }

    /// When the block at `index` of a level begins, in seconds.
    pub(crate) fn begin_of(&self, level: usize, index: i64) -> f64 {
        index as f64 * self.width_at(level)
    }

    /// The latest closed block of a level.
    pub(crate) fn newest(&self, level: usize) -> Option<Block> {
        let packed = self.levels.get(level)?.newest()?;
        Some(packed.unpack(self.base, self.width_at(level)))
    }

    /// Whether a level has at least so many blocks that begin at or after `since_seconds`.
    pub(crate) fn holds(&self, level: usize, since_seconds: f64, least: usize) -> bool {
        let first = (since_seconds / self.width_at(level)).ceil().max(0.0);
        self.levels.get(level).is_some_and(|level| level.since(first).nth(least - 1).is_some())
    }

    /// Median of the latest three blocks of a level, and the value of the oldest that begins at or
    /// after `since_seconds`.
    pub(crate) fn latest_and_oldest(&self, level: usize, since_seconds: f64) -> Option<(f64, f64)> {
        let first = (since_seconds / self.width_at(level)).ceil().max(0.0);
        let (latest, oldest) = self.levels.get(level)?.latest_and_oldest(first)?;
        Some((self.base + f64::from(latest), self.base + f64::from(oldest)))
    }

    /// The highest block of a level that is no longer kept.
    pub(crate) fn forgotten_peak(&self, level: usize) -> Option<f64> {
        self.levels.get(level)?.forgotten_peak().map(|peak| self.base + f64::from(peak))
    }

    /// The highest block at any horizon that lies in `[from_seconds, to_seconds]`.
    pub(crate) fn peak_between(&self, from_seconds: f64, to_seconds: f64) -> Option<f64> {
        let levels = 0..self.levels.len();
        let inside = levels.flat_map(|level| {
            let blocks = self.level(level, from_seconds).into_iter();
            blocks.filter(move |b| self.begin_of(level, b.index + 1) <= to_seconds)
        });
        inside.map(|block| block.mid).reduce(f64::max)
    }

    /// The unit in which the series is counted; zero where none is known.
    pub(crate) fn quantum(&self) -> f64 {
        self.quantum
    }

    /// Memory that it takes, what it points to included.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let levels = self.levels.iter().map(Level::bytes).sum::<usize>();
        size_of::<Self>() + levels + self.open.bytes()
    }

    fn measure_quantum(&mut self, value: f64) {
        if self.latest.is_nan() {
            self.base = value;
        }
        let step = (value - self.latest).abs();
        if step > 0.0 && (self.quantum <= 0.0 || step < self.quantum) {
            self.quantum = step;
        }
        self.latest = value;
    }

    /// Keeps a block, and those of wider levels that it completes; how many levels closed one.
    fn keep(&mut self, level: usize, block: level::Packed) -> usize {
        let wider = self.levels[level].keep(block);
        let above = level + 1;
        match wider.filter(|_| above < LEVELS) {
            Some(wider) => self.keep(above, wider),
            None => above,
        }
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
    fn a_block_holds_median_and_trough_of_its_samples() {
        let blocks = filled([(0.0, 5.0), (0.3, 1.0), (0.6, 6.0), (1.0, 0.0)]);
        let expected = Block { index: 0, t_seconds: 0.5, mid: 5.0, low: 1.0 };
        assert_eq!(blocks.level(0, 0.0), [expected]);
        assert!((blocks.quantum() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn of_a_block_with_many_samples_those_that_are_remembered_are_spread_over_it() {
        let blocks = filled((0..=1000).map(|i| (f64::from(i) / 1000.0, f64::from(i))));
        let mid = blocks.level(0, 0.0)[0].mid;
        assert!((mid - 500.0).abs() < 40.0, "{mid}");
    }

    #[test]
    fn each_level_is_four_times_as_wide_and_none_outgrows_its_bound() {
        let blocks = filled((0..200_000).map(|i| (f64::from(i) * 0.5, f64::from(i))));
        for level in 0..LEVELS {
            let kept = blocks.level(level, 0.0);
            assert_eq!(kept.len(), BLOCKS_KEPT, "level {level}");
            let step = kept[1].t_seconds - kept[0].t_seconds;
            assert!((step - blocks.width_at(level)).abs() < 1e-9);
        }
        assert_eq!(blocks.levels.len(), LEVELS);
    }

    #[test]
    fn a_series_takes_less_than_4_kib_however_long_it_is() {
        let blocks = filled((0..200_000).map(|i| (f64::from(i) * 0.25, f64::from(i))));
        assert!(blocks.bytes() <= 4096 - 512, "{} bytes beside the judgements", blocks.bytes());
    }

    #[test]
    fn a_gap_leaves_out_blocks_and_loses_none() {
        let blocks = filled((0..40).filter(|i| !(10..31).contains(i)).map(|i| (f64::from(i), 1.0)));
        assert_eq!(blocks.level(0, 0.0).len(), 18);
        let indices: Vec<i64> = blocks.level(1, 0.0).iter().map(|block| block.index).collect();
        assert_eq!(indices, [0, 1, 2, 7, 8]);
    }

    #[test]
    fn what_is_no_longer_kept_is_remembered_by_its_peak_that_lasted() {
        let spike = |i: i32| {
            if i == 30 {
                99.0
            } else if (10..13).contains(&i) {
                9.0
            } else {
                1.0
            }
        };
        let blocks = filled((0..100).map(|i| (f64::from(i), spike(i))));
        assert_eq!(blocks.forgotten_peak(0), Some(9.0));
        assert_eq!(blocks.forgotten_peak(1), None);
        assert_eq!(blocks.latest_and_oldest(0, 0.0), Some((1.0, 1.0)));
    }

    #[test]
    fn a_peak_is_found_at_any_horizon_but_not_outside_the_range() {
        let spike = |i: i32| if (100..104).contains(&i) { 9.0 } else { 1.0 };
        let blocks = filled((0..200).map(|i| (f64::from(i), spike(i))));
        assert_eq!(blocks.peak_between(0.0, 400.0), Some(9.0));
        assert_eq!(blocks.peak_between(120.0, 400.0), Some(1.0));
        assert_eq!(blocks.peak_between(500.0, 600.0), None);
    }
}
