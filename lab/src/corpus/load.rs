//! The requests that a service is given: a rate that swings and jitters.

use super::draw::Draw;
use super::ranges;
use super::scene::Scene;

/// A load over the window.
#[derive(Clone, Debug)]
pub struct Load {
    /// Requests per second at every sample.
    pub rate: Vec<f64>,
    /// The mean of the rate.
    pub mean: f64,
}

impl Load {
    /// A load in cycles: of a day where the window holds two, else of some share of the window.
    pub fn cyclic(draw: &mut Draw, scene: &Scene) -> Self {
        const DAY_SECONDS: f64 = 86_400.0;
        let window = scene.window_seconds();
        let cycles = if window >= 2.0 * DAY_SECONDS {
            window / DAY_SECONDS
        } else {
            draw.pick(&ranges::LOAD_CYCLES)
        };
        let swing = draw.pick(&ranges::LOAD_SWING);
        let phase = draw.unit();
        let turn = std::f64::consts::TAU;
        Self::of(draw, scene, |share| 1.0 + swing * (turn * (cycles * share + phase)).sin())
    }

    /// A load that follows a curve of its own, relative to the mean.
    pub fn of(draw: &mut Draw, scene: &Scene, shape: impl Fn(f64) -> f64) -> Self {
        let mean = draw.pick(&ranges::REQUEST_RATE);
        let rate = scene.curve(|share| {
            let jitter = 1.0 + ranges::LOAD_JITTER * draw.normal();
            (mean * shape(share) * jitter).max(0.0)
        });
        Self { rate, mean }
    }

    /// Requests so far, at every sample.
    pub fn total(&self, scene: &Scene) -> Vec<f64> {
        let mut total = 0.0;
        let mut count = |rate: &f64| {
            total += rate * scene.interval_seconds;
            total.floor()
        };
        self.rate.iter().map(&mut count).collect()
    }

    /// The rate relative to its mean.
    pub fn relative(&self) -> impl Iterator<Item = f64> + '_ {
        self.rate.iter().map(|rate| rate / self.mean)
    }
}
