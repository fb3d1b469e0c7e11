//! A leak that was flagged: what it took, whether it still grows, whether it was given back.

use crate::blocks::{Block, Blocks};
use crate::judge::{self, Growth};
use crate::stats::Slope;

/// Growth has stopped when the upper end of the slope is below this share of the old slope.
const STOPPED_SHARE: f64 = 0.1;

/// Memory is given back when no more than this share of what was taken is still held; a fall by
/// this share is a release, after which the evidence begins anew.
const RELEASE_SHARE: f64 = 0.1;

/// A fall is a release, and no noise, from this many standard deviations of what the growth left
/// unexplained: the highest and the lowest of some hundred values are five apart.
const RELEASE_DEVIATIONS: f64 = 6.0;

/// Load is comparable from this share of the request rate under which the leak grew.
const COMPARABLE_LOAD: f64 = 0.5;

/// Stretches without growth that are tried, in shortest spans: a noisy series needs longer.
const STRETCHES: [f64; 5] = [1.0, 1.5, 2.0, 3.0, 5.0];

/// Fewest blocks in such a stretch.
const LEAST_BLOCKS: usize = 8;

/// One leak of one signal, from its flag on.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    /// The horizon on which it was seen.
    pub(crate) level: usize,
    pub(crate) growth: Growth,
    /// Highest level before the onset.
    ceiling: f64,
    /// Bytes in use by the allocator before the onset.
    heap_before: Option<f64>,
    /// Requests per second while it grew.
    rate: Option<f64>,
    /// Highest level that the growth has reached, and highest since the latest release.
    highest: f64,
    high_since_release: f64,
    /// When somebody said that a fix was applied.
    pub(crate) fixed_seconds: Option<f64>,
}

/// How growth ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ended {
    /// Begin of the stretch without growth.
    pub(crate) since_seconds: f64,
    pub(crate) slope: Slope,
}

/// Why an end of growth cannot be told.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NotEnded {
    StillGrowing,
    /// The load fell to this rate: nothing can be told without load.
    LoadFell {
        rate: f64,
        was: f64,
    },
}

/// By which figure something is known to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    /// The allocator's bytes in use.
    Heap,
    /// The signal itself.
    Signal,
}

impl Incident {
    pub(crate) fn open(
        level: usize,
        growth: Growth,
        ceiling: f64,
        blocks: &Blocks,
        heap: Option<&Blocks>,
        requests: Option<&Blocks>,
    ) -> Self {
        let before_onset = |blocks: &Blocks| {
            judge::level_before(&blocks.level(level, f64::MIN), growth.onset_seconds)
        };
        let highest = reached(blocks, &growth);
        Self {
            level,
            growth,
            ceiling,
            heap_before: heap.map(before_onset),
            rate: requests.and_then(|counter| rate(counter, level, growth.onset_seconds)),
            highest,
            high_since_release: highest,
            fixed_seconds: None,
        }
    }

    /// The leak leaks again, as `growth` tells; what counts as given back stays as it was.
    pub(crate) fn reopen(&mut self, level: usize, growth: Growth, blocks: &Blocks) {
        let before = self.growth.before.min(growth.before);
        self.level = level;
        self.high_since_release = reached(blocks, &growth);
        self.highest = self.highest.max(self.high_since_release);
        self.growth = Growth { before, ..growth };
        self.fixed_seconds = None;
    }

    /// What new growth has to rise above: the level before the onset if somebody fixed the leak,
    /// else the highest ever reached, for what comes and goes by itself is no leak.
    pub(crate) fn ceiling(&self) -> f64 {
        if self.fixed_seconds.is_some() { self.ceiling } else { self.highest }
    }

    /// What was taken from the onset to the highest level.
    pub(crate) fn taken(&self) -> f64 {
        self.highest - self.growth.before
    }

    /// Follows the level after `closed` levels have a new block, while it is `growing` and after that; returns
    /// the moment of a release.
    pub(crate) fn watch(&mut self, blocks: &Blocks, closed: usize, growing: bool) -> Option<f64> {
        if closed <= self.level {
            return None;
        }
        let latest = blocks.newest(self.level)?;
        // What rises after the end is new growth, which is measured by what was reached before.
        if growing {
            self.highest = self.highest.max(latest.mid);
        }
        let fell = self.high_since_release - latest.mid;
        let noise = RELEASE_DEVIATIONS * self.growth.deviation;
        if fell > (RELEASE_SHARE * self.taken()).max(noise) {
            self.high_since_release = latest.mid;
            return Some(blocks.begin_of(self.level, latest.index + 1));
        }
        self.high_since_release = self.high_since_release.max(latest.mid);
        None
    }

    /// Whether the growth has ended, judged on what came after `since_seconds`.
    pub(crate) fn ended(
        &self,
        blocks: &Blocks,
        requests: Option<&Blocks>,
        since_seconds: f64,
        confirm_seconds: f64,
    ) -> Result<Ended, NotEnded> {
        let stretch = self
            .still_stretch(blocks, since_seconds, confirm_seconds)
            .ok_or(NotEnded::StillGrowing)?;
        if let (Some(was), Some(requests)) = (self.rate, requests) {
            let rate = rate(requests, self.level, stretch.since_seconds).unwrap_or(0.0);
            if rate < COMPARABLE_LOAD * was {
                return Err(NotEnded::LoadFell { rate, was });
            }
        }
        Ok(stretch)
    }

    /// Who saw that no more than a tenth of what was taken is still held, if that is so: the
    /// allocator's own figure where it saw the growth, else the signal.
    pub(crate) fn given_back(&self, blocks: &Blocks, heap: Option<&Blocks>) -> Option<Witness> {
        let onset = self.growth.onset_seconds;
        let by_heap = heap.zip(self.heap_before).and_then(|(heap, before)| {
            let highest = heap.peak_between(onset, f64::INFINITY)?;
            let saw_it = highest - before >= judge::SEEN_SHARE * self.taken();
            saw_it.then_some((Witness::Heap, heap.newest(0)?.mid, before, highest))
        });
        let own =
            || Some((Witness::Signal, blocks.newest(0)?.mid, self.growth.before, self.highest));
        let (witness, now, before, highest) = by_heap.or_else(own)?;
        (now <= before + RELEASE_SHARE * (highest - before)).then_some(witness)
    }

    /// A stretch without growth up to now, on the level of the growth or, where noise hides it
    /// there, on a wider one.
    fn still_stretch(
        &self,
        blocks: &Blocks,
        since_seconds: f64,
        confirm_seconds: f64,
    ) -> Option<Ended> {
        let levels = self.level..blocks.levels();
        let mut tried = levels.flat_map(|level| STRETCHES.map(|times| (times, level)));
        tried.find_map(|(times, level)| {
            let width = blocks.width_at(level);
            let span = times * confirm_seconds.max(LEAST_BLOCKS as f64 * width);
            let recent = blocks.level(level, since_seconds);
            let end = recent.last()?.t_seconds;
            let stretch = &recent[recent.partition_point(|b| b.t_seconds < end - span)..];
            let first = stretch.first()?;
            let covers = end - first.t_seconds >= span - 2.0 * width;
            let slope = judge::slope_of(stretch, |block: &Block| block.mid)?;
            let still = slope.high < STOPPED_SHARE * self.growth.slope.mid;
            (stretch.len() >= LEAST_BLOCKS && covers && still)
                .then_some(Ended { since_seconds: first.t_seconds, slope })
        })
    }
}

/// The highest level since an onset, up to now: a fix may come before another block does.
fn reached(blocks: &Blocks, growth: &Growth) -> f64 {
    blocks.peak_between(growth.onset_seconds, f64::INFINITY).unwrap_or(growth.before)
}

/// Mean increase per second of a counter from an instant to now.
fn rate(counter: &Blocks, level: usize, since_seconds: f64) -> Option<f64> {
    let blocks = counter.level(level, since_seconds);
    let (first, last) = (blocks.first()?, blocks.last()?);
    let elapsed = last.t_seconds - first.t_seconds;
    (elapsed > 0.0).then(|| (last.mid - first.mid) / elapsed)
}
