//! Stages: a rate that is reached evenly over a time, one after the other, as in k6.

use std::{str::FromStr, time::Duration};

use super::Rate;
use crate::schedule::CurvePoint;

/// Ramps from the rate before to its own. Written `30s:500/s`; `0/s` is a rate too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// How long the ramp takes; zero makes it a step.
    pub duration: Duration,
    /// Arrivals per second at its end.
    pub rate_per_second: f64,
}

impl FromStr for Stage {
    type Err = StageError;

    fn from_str(text: &str) -> Result<Self, StageError> {
        let (duration, rate) = text.split_once(':').ok_or(StageError)?;
        let duration = humantime::parse_duration(duration.trim()).map_err(|_| StageError)?;
        Ok(Self { duration, rate_per_second: rate_or_nothing(rate).ok_or(StageError)? })
    }
}

/// A rate, or `0/s`.
pub(super) fn rate_or_nothing(text: &str) -> Option<f64> {
    if let Some(count) = text.trim().strip_suffix("/s")
        && count.trim() == "0"
    {
        return Some(0.0);
    }
    text.trim().parse::<Rate>().ok().map(Rate::per_second)
}

/// The text is no stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no stage: write `DURATION:RATE`, as `30s:500/s`")]
pub struct StageError;

/// The line through the ends of the stages.
pub(super) fn curve(first_rate_per_second: f64, stages: &[Stage]) -> Vec<CurvePoint> {
    let first = CurvePoint { t_seconds: 0.0, rate_per_second: first_rate_per_second };
    let ends = stages.iter().scan(Duration::ZERO, |end, stage| {
        *end = end.saturating_add(stage.duration);
        let t_seconds = end.as_secs_f64();
        Some(CurvePoint { t_seconds, rate_per_second: stage.rate_per_second })
    });
    std::iter::once(first).chain(ends).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_read_and_what_is_none_is_refused() {
        let stage = |seconds, rate_per_second| Stage {
            duration: Duration::from_secs(seconds),
            rate_per_second,
        };
        for (text, expected) in [
            ("30s:500/s", stage(30, 500.0)),
            ("1m: 60/m", stage(60, 1.0)),
            ("0s:0/s", stage(0, 0.0)),
        ] {
            assert_eq!(text.parse(), Ok(expected), "{text}");
        }
        for text in ["", "30s", "30s:", ":5/s", "30:5/s", "30s:5", "30s:-1/s", "-1s:5/s"] {
            assert_eq!(text.parse::<Stage>(), Err(StageError), "{text}");
        }
    }

    #[test]
    fn the_curve_goes_through_the_ends_of_the_stages() {
        let stages = ["10s:100/s", "0s:50/s", "20s:50/s"].map(|text| text.parse().expect(text));
        let points: Vec<_> = curve(0.0, &stages)
            .into_iter()
            .map(|point| (point.t_seconds, point.rate_per_second))
            .collect();
        assert_eq!(points, [(0.0, 0.0), (10.0, 100.0), (10.0, 50.0), (30.0, 50.0)]);
    }
}
