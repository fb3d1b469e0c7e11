//! A leak that was flagged: what it took, whether it still grows, whether it was given back.

use crate::blocks::{Block, Blocks};
use crate::judge::{self, Growth};
use crate::stats::Slope;

/// Growth has stopped when the upper end of the slope is below this share of the old slope.
const STOPPED_SHARE: f64 = 0.1;

/// Memory is given back when no more than this share of what was taken is still held; a fall by
/// this share is a release, after which the evidence begins anew.
const RELEASE_SHARE: f64 = 0.1;

/// Load is comparable from this share of the request rate under which the leak grew.
const COMPARABLE_LOAD: f64 = 0.5;

/// Stretches without growth that are tried, in shortest spans: a noisy series needs longer.
const STRETCHES: [f64; 4] = [1.0, 1.5, 2.0, 3.0];

/// Fewest blocks in such a stretch.
const LEAST_BLOCKS: usize = 8;

/// One leak of one signal, from its flag on.
#[derive(Clone, Debug)]
pub(crate) struct Incident {
    /// The horizon on which it was seen.
    pub(crate) level: usize,
    pub(crate) growth: Growth,
    /// Highest level before the onset.
    pub(crate) ceiling: f64,
    /// Bytes in use by the allocator before the onset.
    heap_before: Option<f64>,
    /// Requests per second while it grew.
    rate: Option<f64>,
    /// Highest level since the onset, and since the latest release.
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

    /// What was taken from the onset to the highest level.
    pub(crate) fn taken(&self) -> f64 {
        self.highest - self.growth.before
    }

    /// Follows the level after `closed` levels have a new block; returns the moment of a release.
    pub(crate) fn watch(&mut self, blocks: &Blocks, closed: usize) -> Option<f64> {
        if closed <= self.level {
            return None;
        }
        let latest = blocks.newest(self.level)?;
        self.highest = self.highest.max(latest.mid);
        let fell = self.high_since_release - latest.mid;
        if fell > (RELEASE_SHARE * self.taken()).max(0.0) {
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

    /// Whether no more than a tenth of what was taken is still held, by the allocator's own
    /// figure where it saw the growth, else by the signal.
    pub(crate) fn given_back(&self, blocks: &Blocks, heap: Option<&Blocks>) -> bool {
        let onset = self.growth.onset_seconds;
        let witness = heap.zip(self.heap_before).and_then(|(heap, before)| {
            let highest = heap.peak_between(onset, f64::INFINITY)?;
            let saw_it = highest - before >= judge::SEEN_SHARE * self.taken();
            saw_it.then_some((heap.newest(0)?.mid, before, highest))
        });
        let own = || Some((blocks.newest(0)?.mid, self.growth.before, self.highest));
        witness.or_else(own).is_some_and(|(now, before, highest)| {
            now <= before + RELEASE_SHARE * (highest - before)
        })
    }

    fn still_stretch(
        &self,
        blocks: &Blocks,
        since_seconds: f64,
        confirm_seconds: f64,
    ) -> Option<Ended> {
        let width = blocks.width_at(self.level);
        let shortest = confirm_seconds.max(LEAST_BLOCKS as f64 * width);
        let recent = blocks.level(self.level, since_seconds);
        let end = recent.last()?.t_seconds;
        STRETCHES.iter().find_map(|times| {
            let span = times * shortest;
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
