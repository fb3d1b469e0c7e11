//! The rate over time: constant, or a line through given points. What a schedule needs of it is
//! the other way round: at which instant so many arrivals are expected.

use std::time::Duration;

use super::nanos;
use crate::plan::Rate;

const NANOS_PER_SECOND: f64 = 1e9;

/// Rate over time from the start to the end.
#[derive(Debug, Clone)]
pub struct Profile(Shape);

#[derive(Debug, Clone)]
enum Shape {
    Constant { rate: Rate, duration: Duration },
    Curve(std::sync::Arc<[CurvePoint]>),
}

/// The rate at one instant; between two points it changes evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// Seconds from the start.
    pub t_seconds: f64,
    /// Arrivals per second.
    pub rate_per_second: f64,
}

impl Profile {
    /// The same rate all the time.
    pub fn constant(rate: Rate, duration: Duration) -> Self {
        Self(Shape::Constant { rate, duration })
    }

    /// A line through points: two at least, the first at 0, instants never falling, rates finite
    /// and not negative.
    pub fn curve(points: impl Into<std::sync::Arc<[CurvePoint]>>) -> Self {
        Self(Shape::Curve(points.into()))
    }

    /// From the start to the end.
    pub fn duration(&self) -> Duration {
        match &self.0 {
            Shape::Constant { duration, .. } => *duration,
            Shape::Curve(points) => {
                let end_seconds = points.last().map_or(0.0, |point| point.t_seconds);
                // What no `Duration` can hold is longer than any plan may be.
                Duration::try_from_secs_f64(end_seconds).unwrap_or(Duration::MAX)
            }
        }
    }

    /// Expected number of arrivals.
    pub fn total(&self) -> f64 {
        match &self.0 {
            Shape::Constant { rate, duration } => rate.per_second() * duration.as_secs_f64(),
            Shape::Curve(points) => points.windows(2).map(|pair| Line::between(pair).total()).sum(),
        }
    }

    /// Highest rate.
    pub fn peak_per_second(&self) -> f64 {
        match &self.0 {
            Shape::Constant { rate, .. } => rate.per_second(),
            Shape::Curve(points) => {
                points.iter().map(|point| point.rate_per_second).fold(0.0, f64::max)
            }
        }
    }

    /// Number of evenly spread arrivals, the first at the start.
    pub(super) fn evenly_spread(&self) -> u64 {
        match &self.0 {
            Shape::Constant { rate, duration } => rate.arrivals_before(nanos(*duration)),
            Shape::Curve(_) => {
                // Binary search for the first number that is never reached: the schedule itself
                // decides, so that rounding cannot make the two differ.
                let reached = |n: u64| {
                    let instant = self.cursor().instant_of_whole(n);
                    instant.is_some_and(|instant| instant < nanos(self.duration()))
                };
                let (mut low, mut high) = (0, self.total() as u64 + 2);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if reached(middle) { low = middle + 1 } else { high = middle }
                }
                low
            }
        }
    }

    pub(super) fn cursor(&self) -> Cursor {
        Cursor { shape: self.0.clone(), line: 0, count_before: 0.0 }
    }
}

/// Finds instants of growing numbers of arrivals.
#[derive(Debug, Clone)]
pub(super) struct Cursor {
    shape: Shape,
    /// The line of the curve that was reached.
    line: usize,
    /// Arrivals expected before it.
    count_before: f64,
}

impl Cursor {
    /// The instant at which `count` arrivals are expected; none if there never are so many.
    pub(super) fn instant_of_whole(&mut self, count: u64) -> Option<u64> {
        match &self.shape {
            Shape::Constant { rate, .. } => Some(rate.instant_of(count)),
            Shape::Curve(_) => self.instant_of(count as f64),
        }
    }

    /// The instant at which `count` arrivals are expected; none if there never are so many.
    ///
    /// A week is 6e14 ns, where neighbouring floats are 0.12 ns apart.
    pub(super) fn instant_of(&mut self, count: f64) -> Option<u64> {
        match &self.shape {
            Shape::Constant { rate, .. } => Some((count * rate.mean_gap_nanos()) as u64),
            Shape::Curve(points) => loop {
                let line = Line::between(points.get(self.line..self.line + 2)?);
                let total = line.total();
                if count - self.count_before <= total && total > 0.0 {
                    return Some(line.instant_of(count - self.count_before));
                }
                self.count_before += total;
                self.line += 1;
            },
        }
    }
}

/// A stretch over which the rate changes evenly.
struct Line {
    start_seconds: f64,
    seconds: f64,
    first_rate: f64,
    last_rate: f64,
}

impl Line {
    fn between(pair: &[CurvePoint]) -> Self {
        let (from, to) = (pair[0], pair[1]);
        Self {
            start_seconds: from.t_seconds,
            seconds: to.t_seconds - from.t_seconds,
            first_rate: from.rate_per_second,
            last_rate: to.rate_per_second,
        }
    }

    fn total(&self) -> f64 {
        f64::midpoint(self.first_rate, self.last_rate) * self.seconds
    }

    /// The t at which `a t + b t^2 / 2 = count`, with `a` the first rate and `b` its change per
    /// second: `2 count / (a + sqrt(a^2 + 2 b count))`, the form of the root that stays exact
    /// where `b` goes to zero.
    fn instant_of(&self, count: f64) -> u64 {
        let change = (self.last_rate - self.first_rate) / self.seconds;
        let root = (self.first_rate * self.first_rate + 2.0 * change * count).max(0.0).sqrt();
        let denominator = self.first_rate + root;
        let seconds = if denominator > 0.0 { 2.0 * count / denominator } else { 0.0 };
        ((self.start_seconds + seconds.min(self.seconds)) * NANOS_PER_SECOND) as u64
    }
}
