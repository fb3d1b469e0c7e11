//! What a family is given to work with, and what it gives back.

use super::draw::Draw;
use super::ranges;

/// What is common to all families: sampling, limit, noise, and how far the series moves.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Seconds between samples.
    pub interval_seconds: f64,
    /// How many samples.
    pub samples: usize,
    /// The memory limit.
    pub limit_bytes: f64,
    /// Where memory stands, as a share of the limit.
    pub base: f64,
    /// How far it moves over the window, as a share of the limit.
    pub movement: f64,
    /// The standard deviation of the noise, as a share of the limit.
    pub noise: f64,
    /// The difficulty that was drawn: movement in standard deviations.
    pub difficulty: f64,
}

impl Scene {
    /// Draws a scene in one of the samplings.
    pub fn draw(draw: &mut Draw, samplings: &[usize]) -> Self {
        let sampling = samplings[(draw.unit() * samplings.len() as f64) as usize];
        let sampling = &ranges::SAMPLINGS[sampling];
        let window = draw.pick(&sampling.window_seconds);
        let difficulty = draw.pick(&ranges::DIFFICULTY);
        let noise = draw.pick(&ranges::NOISE_SHARE);
        let (least, most) = ranges::MOVEMENT_SHARE;
        let movement = (difficulty * noise).clamp(least, most);
        Self {
            interval_seconds: sampling.interval_seconds,
            samples: (window / sampling.interval_seconds) as usize + 1,
            limit_bytes: draw.pick(&ranges::LIMIT_BYTES).round(),
            base: draw.pick(&ranges::BASE_SHARE),
            movement,
            noise: movement / difficulty,
            difficulty,
        }
    }

    /// From the first sample to the last.
    pub fn window_seconds(&self) -> f64 {
        (self.samples - 1) as f64 * self.interval_seconds
    }

    /// When sample `index` is taken, as a share of the window.
    pub fn share(&self, index: usize) -> f64 {
        index as f64 / (self.samples - 1) as f64
    }

    /// A curve over the window; `value` is given the share of the window, 0 to 1.
    pub fn curve(&self, mut value: impl FnMut(f64) -> f64) -> Vec<f64> {
        (0..self.samples).map(|index| value(self.share(index))).collect()
    }

    /// A curve that stays at zero.
    pub fn flat(&self) -> Vec<f64> {
        vec![0.0; self.samples]
    }

    /// A sketch in which nothing happens.
    pub fn idle(&self) -> Sketch {
        Sketch { benign: self.flat(), ..Sketch::default() }
    }
}

/// What a family decides; the rest (noise, grain, holes, the level) is the same for all.
///
/// Curves have one value per sample; memory in shares of the limit.
#[derive(Clone, Debug, Default)]
pub struct Sketch {
    /// Memory that is no leak, above the base.
    pub benign: Vec<f64>,
    /// When the benign movement is over, as a share of the window.
    pub settles: Option<f64>,
    /// The leak, if there is one.
    pub leak: Option<Leak>,
    /// Mapped files: in `rss_bytes` and not in `rss_anon_bytes`.
    pub files: Option<Vec<f64>>,
    /// The part of the benign memory that the allocator holds and says is not in use; none if the
    /// allocator says nothing.
    pub slack: Option<Vec<f64>>,
    /// Requests so far.
    pub requests: Option<Vec<f64>>,
    /// A curve that the open descriptors follow.
    pub fds: Option<Vec<f64>>,
    /// A curve that the threads follow.
    pub threads: Option<Vec<f64>>,
    /// The samples at which the process began anew.
    pub restarts: Vec<usize>,
    /// The samples that were never taken.
    pub gaps: Vec<std::ops::Range<usize>>,
}

/// What leaks.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Of what.
    pub resource: Resource,
    /// How much of it, at every sample: of memory in shares of the limit, else counted.
    pub curve: Vec<f64>,
    /// When it begins, as a share of the window.
    pub onset: f64,
    /// When it was fixed, as a share of the window, and whether that gave the memory back.
    pub fix: Option<Fix>,
    /// Whether it grows with the requests rather than with time.
    pub per_request: bool,
}

/// What leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Memory.
    Memory,
    /// Open descriptors.
    Fds,
    /// Threads.
    Threads,
}

/// The end of a leak.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fix {
    /// When, as a share of the window.
    pub at: f64,
    /// Whether what had leaked was given back.
    pub released: bool,
}

impl Leak {
    /// A leak of memory along a curve, with time, which nobody fixes.
    pub fn of_memory(onset: f64, curve: Vec<f64>) -> Self {
        Self { resource: Resource::Memory, curve, onset, fix: None, per_request: false }
    }

    /// A leak of memory that begins early and may be fixed; `growth` takes the share of the time
    /// from the onset to the end of the window, and gives the share of the movement.
    pub fn fixable(draw: &mut Draw, scene: &Scene, growth: impl Fn(f64) -> f64) -> Self {
        let onset = if draw.chance(1.0 / 3.0) { 0.0 } else { draw.pick(&ranges::ONSET) };
        let fix = draw
            .chance(ranges::FIXED)
            .then(|| Fix { at: draw.pick(&ranges::FIX), released: draw.chance(0.5) });
        let end = fix.map_or(1.0, |fix| fix.at);
        let curve = scene.curve(|share| {
            let grown = growth(((share.min(end) - onset) / (end - onset)).max(0.0));
            let left = fix.filter(|fix| fix.released && share > fix.at).map_or(1.0, |fix| {
                // Freed at once, and returned to the system over a hundredth of the window.
                (-(share - fix.at) / 0.01).exp()
            });
            scene.movement * grown * left
        });
        Self { fix, ..Self::of_memory(onset, curve) }
    }
}
