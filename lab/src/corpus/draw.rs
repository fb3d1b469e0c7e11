//! Where chance comes from: a seeded generator, and parameters drawn from one half of their range.
//!
//! The generator is `SplitMix64` (Steele, Lea and Flood 2014), written out here because a corpus
//! must give the same bytes with every version of every library.

use super::Half;

/// A parameter is drawn from one of so many cells of its range: the even ones are for tuning, the
/// odd ones for testing, so that no value of one half ever occurs in the other and both cover the
/// whole range.
const CELLS: u64 = 16;

/// The range of one parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    low: f64,
    high: f64,
    scale: Scale,
}

/// How a range is cut into cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

impl Range {
    /// Every value is as likely as any other.
    pub const fn linear(low: f64, high: f64) -> Self {
        Self { low, high, scale: Scale::Linear }
    }

    /// Every factor is as likely as any other; for what spans orders of magnitude.
    pub const fn logarithmic(low: f64, high: f64) -> Self {
        Self { low, high, scale: Scale::Logarithmic }
    }

    /// The value at a share of the range, 0 to 1.
    fn at(&self, share: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.low + share * (self.high - self.low),
            Scale::Logarithmic => self.low * (self.high / self.low).powf(share),
        }
    }

    /// Which half a value belongs to.
    #[cfg(test)]
    pub fn half_of(&self, value: f64) -> Half {
        let share = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value / self.low).ln() / (self.high / self.low).ln(),
        };
        let cell = (share * CELLS as f64) as u64;
        if cell.is_multiple_of(2) { Half::Tune } else { Half::Test }
    }
}

/// Draws the parameters and the noise of one trace.
#[derive(Clone, Debug)]
pub struct Draw {
    state: u64,
    half: Half,
    /// Normal deviates come in pairs.
    spare: Option<f64>,
}

impl Draw {
    /// The chance of one trace: another seed, half, family or number is another chance.
    pub fn new(seed: u64, half: Half, family: &str, nth: u64) -> Self {
        let words = [seed, half as u64, fnv1a(family), nth];
        let state = words.iter().fold(0, |state, word| mix(state ^ mix(*word)));
        Self { state, half, spare: None }
    }

    /// A parameter, from this half's cells of its range.
    pub fn pick(&mut self, range: &Range) -> f64 {
        let cell = 2 * self.below(CELLS / 2) + self.half as u64;
        // Away from the cell's edges, lest rounding put a value into its neighbour.
        let within = 1e-6 + self.unit() * (1.0 - 2e-6);
        range.at((cell as f64 + within) / CELLS as f64)
    }

    /// One of several, each as likely; choices are the same in both halves.
    pub fn one_of<T: Copy, const N: usize>(&mut self, choices: [T; N]) -> T {
        choices[self.below(N as u64) as usize]
    }

    /// Whether something with this probability happens.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// Normal with mean 0 and standard deviation 1, by Marsaglia's polar method.
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (self.between(-1.0, 1.0), self.between(-1.0, 1.0));
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let factor = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * factor);
                return x * factor;
            }
        }
    }

    /// Uniform over 0 to `end - 1`; the bias of the remainder is below 2^-50 here.
    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }
}

fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// FNV-1a: tells families apart by name, so that a new one changes no other.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_halves_share_no_value_and_both_cover_the_range() {
        for range in [Range::linear(2.0, 9.0), Range::logarithmic(0.5, 50.0)] {
            for half in [Half::Tune, Half::Test] {
                let mut draw = Draw::new(1, half, "any", 0);
                let drawn: Vec<f64> = (0..4000).map(|_| draw.pick(&range)).collect();
                assert!(drawn.iter().all(|value| range.half_of(*value) == half));
                let (low, high) = (range.at(0.15), range.at(0.85));
                assert!(drawn.iter().any(|value| *value < low));
                assert!(drawn.iter().any(|value| *value > high));
            }
        }
    }

    #[test]
    fn normal_deviates_have_the_moments_of_the_normal_distribution() {
        let mut draw = Draw::new(7, Half::Tune, "any", 0);
        let n = 200_000;
        let drawn: Vec<f64> = (0..n).map(|_| draw.normal()).collect();
        let moment = |k: i32| drawn.iter().map(|x| x.powi(k)).sum::<f64>() / f64::from(n);
        // Four standard errors of each sample moment.
        assert!(moment(1).abs() < 4.0 * (1.0 / f64::from(n)).sqrt());
        assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / f64::from(n)).sqrt());
        assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / f64::from(n)).sqrt());
    }

    #[test]
    fn every_word_of_the_seed_matters() {
        let first = |seed, half, family, nth| Draw::new(seed, half, family, nth).next();
        let base = first(1, Half::Tune, "a", 0);
        assert_ne!(base, first(2, Half::Tune, "a", 0));
        assert_ne!(base, first(1, Half::Test, "a", 0));
        assert_ne!(base, first(1, Half::Tune, "b", 0));
        assert_ne!(base, first(1, Half::Tune, "a", 1));
        assert_eq!(base, first(1, Half::Tune, "a", 0));
    }
}
