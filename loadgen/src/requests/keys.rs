//! Keys from a key space, all as popular or some more than others: that decides whether a cache
//! leaks or serves.

use std::str::FromStr;

use crate::draw::unit;
use crate::schedule::mix;

/// Most attempts at one key. Fewer than one in ten is refused, so this is never reached; the
/// bound is what makes that a promise.
const MAX_ATTEMPTS: u32 = 64;

/// How popular the keys are. Written `uniform` or `zipf:S`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Popularity {
    /// All the same.
    #[default]
    Uniform,
    /// Key number k (from 1) in proportion to `k^-exponent`, as with words and web pages; the
    /// exponent from 0.01 to 10.
    Zipf {
        /// How unequal they are: 1 is Zipf's own law.
        exponent: f64,
    },
}

impl FromStr for Popularity {
    type Err = PopularityError;

    fn from_str(text: &str) -> Result<Self, PopularityError> {
        if text == "uniform" {
            return Ok(Self::Uniform);
        }
        let exponent = text.strip_prefix("zipf:").and_then(|exponent| exponent.parse().ok());
        match exponent {
            Some(exponent) if (0.01..=10.0).contains(&exponent) => Ok(Self::Zipf { exponent }),
            _ => Err(PopularityError),
        }
    }
}

/// The text is no popularity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither `uniform` nor `zipf:S` with S from 0.01 to 10")]
pub struct PopularityError;

/// Draws keys from 0 to below the size of the space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Keys {
    space: u64,
    zipf: Option<Zipf>,
}

impl Keys {
    pub(super) fn new(space: u64, popularity: Popularity) -> Self {
        let zipf = match popularity {
            Popularity::Uniform => None,
            Popularity::Zipf { exponent } => Some(Zipf::new(space as f64, exponent)),
        };
        Self { space, zipf }
    }

    /// Digits of the highest key.
    pub(super) fn digits(&self) -> usize {
        (self.space - 1).checked_ilog10().map_or(1, |log| log as usize + 1)
    }

    /// The key that belongs to a random number.
    pub(super) fn key(&self, number: u64) -> u64 {
        match self.zipf {
            None => ((u128::from(number) * u128::from(self.space)) >> 64) as u64,
            Some(zipf) => zipf.draw(number).min(self.space) - 1,
        }
    }
}

/// Zipf's distribution by rejection-inversion (Hörmann and Derflinger 1996, "Rejection-inversion
/// to generate variates from monotone discrete distributions"): constant time and memory for a
/// key space of any size. Names are those of the paper.
#[derive(Debug, Clone, Copy)]
struct Zipf {
    n: f64,
    exponent: f64,
    h_x1: f64,
    h_n: f64,
    s: f64,
}

impl Zipf {
    fn new(n: f64, exponent: f64) -> Self {
        let mut zipf = Self { n, exponent, h_x1: 0.0, h_n: 0.0, s: 0.0 };
        zipf.h_x1 = zipf.h_integral(1.5) - 1.0;
        zipf.h_n = zipf.h_integral(n + 0.5);
        zipf.s = 2.0 - zipf.h_integral_inverse(zipf.h_integral(2.5) - zipf.h(2.0));
        zipf
    }

    /// From 1 to n.
    fn draw(&self, number: u64) -> u64 {
        let mut number = number;
        for _ in 0..MAX_ATTEMPTS {
            let u = self.h_n + unit(number) * (self.h_x1 - self.h_n);
            let x = self.h_integral_inverse(u);
            let k = x.round().clamp(1.0, self.n);
            if k - x <= self.s || u >= self.h_integral(k + 0.5) - self.h(k) {
                return k as u64;
            }
            number = mix(number);
        }
        1
    }

    fn h(&self, x: f64) -> f64 {
        x.powf(-self.exponent)
    }

    /// The integral of `h`: `(x^(1-s) - 1) / (1-s)`, and `ln x` for s = 1.
    fn h_integral(&self, x: f64) -> f64 {
        let log = x.ln();
        exp_m1_ratio((1.0 - self.exponent) * log) * log
    }

    fn h_integral_inverse(&self, x: f64) -> f64 {
        let t = (x * (1.0 - self.exponent)).max(-1.0);
        (ln_1p_ratio(t) * x).exp()
    }
}

/// `(e^x - 1) / x`, by its series near zero.
fn exp_m1_ratio(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.exp_m1() / x } else { 1.0 + x / 2.0 }
}

/// `ln(1 + x) / x`, by its series near zero.
fn ln_1p_ratio(x: f64) -> f64 {
    if x.abs() > 1e-8 { x.ln_1p() / x } else { 1.0 - x / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Purpose, draw};

    #[test]
    fn a_popularity_is_read_and_what_is_none_is_refused() {
        assert_eq!("uniform".parse(), Ok(Popularity::Uniform));
        assert_eq!("zipf:1.1".parse(), Ok(Popularity::Zipf { exponent: 1.1 }));
        for text in ["", "zipf", "zipf:", "zipf:0", "zipf:-1", "zipf:NaN", "zipf:11", "even"] {
            assert_eq!(text.parse::<Popularity>(), Err(PopularityError), "{text}");
        }
    }

    #[test]
    fn keys_are_as_popular_as_asked_for() {
        const DRAWS: u64 = 200_000;
        let popularities = [0.5, 1.0, 1.5, 3.0].map(|exponent| Popularity::Zipf { exponent });
        for popularity in popularities.into_iter().chain([Popularity::Uniform]) {
            let keys = Keys::new(50, popularity);
            let mut counts = [0_u64; 50];
            (0..DRAWS).for_each(|n| counts[keys.key(draw(3, n, Purpose::Key)) as usize] += 1);
            let weight = |key: usize| match popularity {
                Popularity::Uniform => 1.0,
                Popularity::Zipf { exponent } => ((key + 1) as f64).powf(-exponent),
            };
            let all: f64 = (0..50).map(weight).sum();
            for (key, count) in counts.into_iter().enumerate() {
                let expected = DRAWS as f64 * weight(key) / all;
                // Six standard deviations, and a few for counts that are hardly Gaussian.
                let most = 6.0 * expected.sqrt() + 6.0;
                assert!((count as f64 - expected).abs() < most, "{popularity:?}: {key} {count}");
            }
        }
    }

    #[test]
    fn a_space_of_any_size_is_never_left() {
        for space in [1, 2, 10, 11, 1_000_000_000_000] {
            for popularity in [Popularity::Uniform, Popularity::Zipf { exponent: 0.9 }] {
                let keys = Keys::new(space, popularity);
                let largest = (0..10_000).map(|n| keys.key(mix(n))).max().expect("draws");
                assert!(largest < space && largest.to_string().len() <= keys.digits());
            }
        }
    }
}
