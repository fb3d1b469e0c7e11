//! A rate of arrivals, kept as the two whole numbers it was written with, so that the n-th arrival
//! of a constant schedule can be computed exactly, without drift.

use std::{fmt, num::NonZeroU64, str::FromStr};

const NANOS_PER_SECOND: u64 = 1_000_000_000;
/// Highest rate: beyond it the gaps are shorter than any timer can tell apart.
const MAX_PER_SECOND: u64 = 1_000_000;
/// Units that a rate can be written in, with their length in seconds.
const UNITS: [(&str, u64); 3] = [("s", 1), ("m", 60), ("h", 3600)];

/// Arrivals per time: above zero and at most 1,000,000/s. Written `200/s`, `12000/m` or `90/h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: NonZeroU64,
    unit: &'static str,
    unit_nanos: u64,
}

impl Rate {
    /// Arrivals per second.
    pub fn per_second(self) -> f64 {
        NANOS_PER_SECOND as f64 / self.mean_gap_nanos()
    }

    /// Mean time between two arrivals, in nanoseconds.
    pub fn mean_gap_nanos(self) -> f64 {
        self.unit_nanos as f64 / self.count.get() as f64
    }

    /// Instant of the `n`-th evenly spread arrival (the first is number 0) in nanoseconds from
    /// the start, rounded down: `n * unit / count`.
    pub(crate) fn instant_of(self, n: u64) -> u64 {
        let nanos = u128::from(n) * u128::from(self.unit_nanos) / u128::from(self.count.get());
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }

    /// How many evenly spread arrivals come before `end_nanos`, which is at most a week, so that
    /// the result is below 10^12.
    pub(crate) fn arrivals_before(self, end_nanos: u64) -> u64 {
        let product = u128::from(end_nanos) * u128::from(self.count.get());
        product.div_ceil(u128::from(self.unit_nanos)) as u64
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.count, self.unit)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let (count, unit) = text.split_once('/').ok_or(RateError::NoUnit)?;
        let (unit, seconds) = UNITS
            .into_iter()
            .find(|(name, _)| *name == unit.trim())
            .ok_or(RateError::UnknownUnit)?;
        let count: NonZeroU64 = count.trim().parse().map_err(|_| RateError::NotACount)?;
        if count.get() > MAX_PER_SECOND * seconds {
            return Err(RateError::TooHigh);
        }
        Ok(Self { count, unit, unit_nanos: seconds * NANOS_PER_SECOND })
    }
}

/// Why a text is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Without `/`.
    #[error("has no unit of time: write `200/s`, `12000/m` or `90/h`")]
    NoUnit,
    /// With something else after the `/`.
    #[error("has an unknown unit of time: write `/s`, `/m` or `/h`")]
    UnknownUnit,
    /// With something else before the `/`.
    #[error("is not a whole number above zero per unit: for half a request a second write `30/m`")]
    NotACount,
    /// Above what can be scheduled.
    #[error("is above 1000000/s, the most that can be scheduled")]
    TooHigh,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_in_each_unit() {
        for (text, per_second) in [("200/s", 200.0), ("12000/m", 200.0), ("90/h", 0.025)] {
            let rate: Rate = text.parse().expect(text);
            assert!((rate.per_second() - per_second).abs() < 1e-12, "{text}");
            assert_eq!(rate.to_string(), text);
        }
    }

    #[test]
    fn what_is_no_rate_is_refused_with_the_way_out() {
        for (text, error) in [
            ("200", RateError::NoUnit),
            ("200/d", RateError::UnknownUnit),
            ("0/s", RateError::NotACount),
            ("-1/s", RateError::NotACount),
            ("0.5/s", RateError::NotACount),
            ("/s", RateError::NotACount),
            ("99999999999999999999/s", RateError::NotACount),
            ("1000001/s", RateError::TooHigh),
            ("18446744073709551615/h", RateError::TooHigh),
        ] {
            assert_eq!(text.parse::<Rate>(), Err(error), "{text}");
        }
    }
}
