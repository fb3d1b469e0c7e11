//! What no explanation should explain: noise, white and autocorrelated, and spikes.

use super::draw::Draw;
use super::ranges;

/// Noise with a standard deviation of 1, spikes apart.
pub struct Noise {
    /// The share of the standard deviation that is white.
    white: f64,
    /// The share that is autocorrelated.
    correlated: f64,
    /// How much of the autocorrelated part lives on to the next sample.
    memory: f64,
    level: f64,
    spikes: Option<f64>,
}

impl Noise {
    /// Draws what kind of noise it is.
    pub fn draw(draw: &mut Draw) -> Self {
        let part = draw.one_of(ranges::CORRELATED_PARTS);
        let memory = (-1.0 / draw.pick(&ranges::CORRELATION_SAMPLES)).exp();
        let height = draw.pick(&ranges::SPIKE_DEVIATIONS);
        let spikes = draw.chance(ranges::SPIKY).then_some(height);
        let level = draw.normal();
        Self { white: (1.0 - part).sqrt(), correlated: part.sqrt(), memory, level, spikes }
    }

    /// The next sample.
    pub fn next(&mut self, draw: &mut Draw) -> f64 {
        let innovation = (1.0 - self.memory * self.memory).sqrt();
        self.level = self.memory * self.level + innovation * draw.normal();
        let spike = self.spikes.filter(|_| draw.chance(ranges::SPIKE_RATE)).unwrap_or(0.0);
        self.white * draw.normal() + self.correlated * self.level + spike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Half;

    #[test]
    fn noise_has_a_standard_deviation_of_one_however_correlated_it_is() {
        let mut draw = Draw::new(3, Half::Tune, "any", 0);
        for part in ranges::CORRELATED_PARTS {
            let mut noise = Noise {
                white: (1.0_f64 - part).sqrt(),
                correlated: part.sqrt(),
                memory: (-0.1_f64).exp(),
                level: 0.0,
                spikes: None,
            };
            let n = 100_000;
            let sum: f64 = (0..n).map(|_| noise.next(&mut draw).powi(2)).sum();
            // The autocorrelated part has n / 20 independent samples or so.
            assert!((sum / f64::from(n) - 1.0).abs() < 0.1, "{part}: {sum}");
        }
    }
}
