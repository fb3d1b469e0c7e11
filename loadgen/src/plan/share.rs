//! A share of the requests, and which of them it takes: decided by seed and number alone, so that
//! the same seed takes the same ones, whichever connection they go over.

use std::{fmt, str::FromStr};

use crate::draw::{Purpose, draw, unit};

/// A share from 0 to 1. Written `10%`, `0.5%` or `0.1`.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Share(f64);

impl Share {
    /// None of them.
    pub const NONE: Self = Self(0.0);

    /// The share that is this fraction, from 0 to 1.
    pub fn from_fraction(fraction: f64) -> Result<Self, ShareError> {
        if (0.0..=1.0).contains(&fraction) { Ok(Self(fraction)) } else { Err(ShareError) }
    }

    /// From 0 to 1.
    pub fn as_fraction(self) -> f64 {
        self.0
    }

    /// Whether request number `index` is among them.
    pub(crate) fn takes(self, seed: u64, index: u64) -> bool {
        self.0 > 0.0 && unit(draw(seed, index, Purpose::Abort)) < self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0 * 100.0)
    }
}

impl FromStr for Share {
    type Err = ShareError;

    fn from_str(text: &str) -> Result<Self, ShareError> {
        let (number, scale) = text.strip_suffix('%').map_or((text, 1.0), |text| (text, 100.0));
        Self::from_fraction(number.trim().parse::<f64>().map_err(|_| ShareError)? / scale)
    }
}

/// The text is no share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no share from 0 to 1: write `10%` or `0.1`")]
pub struct ShareError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_read_in_per_cent_and_as_a_fraction() {
        for (text, fraction) in [("10%", 0.1), ("0.5 %", 0.005), ("0", 0.0), ("1", 1.0)] {
            let share: Share = text.parse().expect(text);
            assert!((share.as_fraction() - fraction).abs() < 1e-12, "{text}");
        }
        for text in ["", "%", "-1%", "101%", "1.1", "NaN", "inf", "half"] {
            assert_eq!(text.parse::<Share>(), Err(ShareError), "{text}");
        }
    }

    #[test]
    fn a_share_takes_its_part_of_every_stretch_and_the_seed_decides_which() {
        let share: Share = "10%".parse().expect("a share");
        let taken = |seed| (0..100_000).filter(|index| share.takes(seed, *index)).count();
        // Six standard deviations of a binomial count: sqrt(100,000 x 0.1 x 0.9) = 95.
        for seed in 0..8 {
            assert!(taken(seed).abs_diff(10_000) < 570, "{}", taken(seed));
        }
        assert!((0..100).any(|index| share.takes(1, index) != share.takes(2, index)));
    }

    #[test]
    fn none_takes_none_and_all_takes_all() {
        let all: Share = "100%".parse().expect("a share");
        assert!((0..10_000).all(|index| all.takes(7, index) && !Share::NONE.takes(7, index)));
    }
}
