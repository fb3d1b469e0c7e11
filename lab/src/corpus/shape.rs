//! Shapes of leaks that are added to a series in which nothing leaks.

use std::fmt;
use std::str::FromStr;

use detector::{Observation, Signal};

use super::Trace;
use super::truth::Leaked;
use crate::quantity;
use crate::stats;

/// How a leak grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Evenly with time.
    Linear,
    /// With the requests that the trace counts.
    PerRequest,
    /// In ten equal steps.
    Stairs,
    /// As the square of the time since the onset: slowly first, at twice its mean slope at the end.
    Accelerating,
}

impl Shape {
    /// Every shape.
    pub const ALL: [Self; 4] = [Self::Linear, Self::PerRequest, Self::Stairs, Self::Accelerating];

    /// The name in flags and families.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::PerRequest => "per_request",
            Self::Stairs => "stairs",
            Self::Accelerating => "accelerating",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|shape| shape.name() == text);
        found.ok_or_else(|| format!("expected one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// So much of a signal, for each second or each request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In the unit of the signal.
    pub amount: f64,
    /// Whether it is for each request.
    pub is_per_request: bool,
}

impl FromStr for Rate {
    type Err = String;

    /// Reads `1MiB/h`, `2%/h`, `5/min` (of what is counted) or `10KiB/request`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let expected = || {
            "expected an amount per time or request, such as 1MiB/h, 2%/h, 5/min or 10KiB/request"
                .to_owned()
        };
        let (amount, unit) = text.split_once('/').ok_or_else(expected)?;
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite());
        let amount = match amount.strip_suffix('%') {
            Some(percent) => number(percent),
            None => number(amount)
                .or_else(|| quantity::parse_size(amount.trim()).ok().map(|bytes| bytes as f64)),
        };
        let amount = amount.filter(|amount| *amount > 0.0).ok_or_else(expected)?;
        let seconds = match unit.trim() {
            "request" => return Ok(Self { amount, is_per_request: true }),
            "s" => 1.0,
            "min" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return Err(expected()),
        };
        Ok(Self { amount: amount / seconds, is_per_request: false })
    }
}

/// A leak to add.
#[derive(Clone, Debug, PartialEq)]
pub struct Added {
    /// On which signal.
    pub signal: Signal,
    /// How it grows.
    pub shape: Shape,
    /// How fast, on average.
    pub rate: Rate,
    /// From when on, in seconds after the first sample.
    pub after_seconds: f64,
}

/// Why a leak cannot be added to a series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotAdd {
    /// The truth of both could not be told.
    #[error("it leaks already")]
    Leaks,
    /// There is nothing to add to.
    #[error("it has no `{0}`; it has {1}")]
    NoSignal(Signal, String),
    /// Nothing would follow.
    #[error("it ends {0} after its first sample, before the onset")]
    TooShort(String),
    /// Nobody counted.
    #[error("it has no `requests_total`, which a leak per request follows")]
    NoRequests,
    /// The rate says something else than the shape.
    #[error("the shape `per_request` and a rate per request (10KiB/request) go together")]
    RateAndShape,
    /// The result would be no series of a host.
    #[error(
        "the leak would take `memory_used_percent` above 100; give a smaller rate or a later onset"
    )]
    Overfull,
}

/// Steps of a leak that comes in steps.
const STEPS: f64 = 10.0;

/// A copy of a leak-free series with the leak in it, and its exact truth.
pub fn add(trace: &Trace, added: &Added) -> Result<Trace, CannotAdd> {
    let &Added { signal, shape, rate, after_seconds } = added;
    if trace.truth.leak.is_some() {
        return Err(CannotAdd::Leaks);
    }
    if (shape == Shape::PerRequest) != rate.is_per_request {
        return Err(CannotAdd::RateAndShape);
    }
    let seen = || trace.observations.iter().filter(|seen| seen.signals.contains_key(&signal));
    let (Some(first), Some(last)) = (trace.observations.first(), seen().next_back()) else {
        return Err(CannotAdd::NoSignal(signal, signals(trace)));
    };
    let (onset, end) = (first.t_seconds + after_seconds, last.t_seconds);
    if end <= onset {
        return Err(CannotAdd::TooShort(quantity::seconds(end - first.t_seconds)));
    }
    let before: Option<f64> = seen()
        .filter(|seen| seen.t_seconds <= onset)
        .filter_map(|seen| seen.requests_total)
        .next_back()
        .or_else(|| seen().find_map(|seen| seen.requests_total));
    let whole = end - onset;
    let grown = |seen: &Observation| {
        let since = (seen.t_seconds - onset).max(0.0);
        let share = match shape {
            Shape::PerRequest => {
                let served = seen.requests_total.zip(before).map_or(0.0, |(now, then)| now - then);
                return rate.amount * if since > 0.0 { served.max(0.0) } else { 0.0 };
            }
            Shape::Linear => since / whole,
            Shape::Stairs => (STEPS * since / whole).ceil() / STEPS,
            Shape::Accelerating => (since / whole).powi(2),
        };
        rate.amount * whole * share
    };
    if shape == Shape::PerRequest && before.is_none() {
        return Err(CannotAdd::NoRequests);
    }
    let growth = grown(last);
    let mut observations = trace.observations.clone();
    for seen in &mut observations {
        let more = grown(seen);
        if let Some(value) = seen.signals.get_mut(&signal) {
            *value += more;
            if signal == Signal::MemoryUsedPercent && *value > 100.0 {
                return Err(CannotAdd::Overfull);
            }
        }
    }
    let rest = seen().filter(|seen| seen.t_seconds >= onset);
    let leak = Leaked {
        signals: vec![signal],
        onset_seconds: onset,
        slope_per_second: growth / whole,
        bytes_per_request: rate.is_per_request.then_some(rate.amount),
        growth,
        residual_sd: stats::deviation(rest.filter_map(|seen| seen.signals.get(&signal).copied())),
        ..Leaked::default()
    };
    let mut truth = trace.truth.clone();
    truth.family = format!("added_{shape}");
    truth.leak = Some(leak);
    truth.settles_seconds = None;
    Ok(Trace { name: format!("{}-{shape}", trace.name), truth, observations })
}

fn signals(trace: &Trace) -> String {
    let has = |signal: &Signal| trace.observations.iter().any(|o| o.signals.contains_key(signal));
    let names: Vec<&str> = Signal::ALL.iter().filter(|s| has(s)).map(|s| s.name()).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::truth::Truth;

    /// A day, a sample a minute, 100 requests each.
    fn day() -> Trace {
        let minute = |minute: u32| Observation {
            t_seconds: f64::from(minute) * 60.0,
            requests_total: Some(f64::from(minute) * 100.0),
            signals: [(Signal::RssBytes, 1e9), (Signal::MemoryUsedPercent, 40.0)].into(),
            ..Observation::default()
        };
        let observations = (0..=1_440).map(minute).collect();
        Trace { name: "day".into(), truth: Truth::default(), observations }
    }

    fn added(shape: Shape, rate: &str) -> Added {
        let (signal, rate) = (Signal::RssBytes, rate.parse().unwrap());
        Added { signal, shape, rate, after_seconds: 4.0 * 3_600.0 }
    }

    fn at(trace: &Trace, hour: usize) -> f64 {
        trace.observations[hour * 60].signals[&Signal::RssBytes] - 1e9
    }

    #[test]
    fn each_shape_is_to_the_byte_what_its_rate_says() {
        // 20 hours of 1000 B an hour, or 6000 requests an hour of 10 B.
        for (shape, rate, half_way, end) in [
            (Shape::Linear, "1000B/h", 10_000.0, 20_000.0),
            (Shape::Stairs, "1000B/h", 10_000.0, 20_000.0),
            (Shape::Accelerating, "1000B/h", 5_000.0, 20_000.0),
            (Shape::PerRequest, "10B/request", 600_000.0, 1_200_000.0),
        ] {
            let leaking = add(&day(), &added(shape, rate)).unwrap();
            let leak = leaking.truth.leak.as_ref().unwrap();
            assert_eq!((at(&leaking, 3), at(&leaking, 4)), (0.0, 0.0), "{shape}");
            assert!((at(&leaking, 14) - half_way).abs() < 1e-3, "{shape} {}", at(&leaking, 14));
            assert!((at(&leaking, 24) - end).abs() < 1e-3, "{shape}");
            assert!((leak.growth - end).abs() < 1e-3, "{leak:?}");
            assert!((leak.onset_seconds - 14_400.0).abs() < 1e-6);
            assert!((leak.slope_per_second - end / 72_000.0).abs() < 1e-6, "{leak:?}");
        }
    }

    #[test]
    fn what_cannot_be_added_is_refused_with_why() {
        let refused = |trace: &Trace, added: &Added| add(trace, added).unwrap_err();
        let linear = added(Shape::Linear, "1KiB/h");
        let leaking = add(&day(), &linear).unwrap();
        assert_eq!(refused(&leaking, &linear), CannotAdd::Leaks);
        let fds = Added { signal: Signal::Fds, ..linear.clone() };
        let named = refused(&day(), &fds).to_string();
        assert_eq!(named, "it has no `fds`; it has rss_bytes, memory_used_percent");
        let late = Added { after_seconds: 90_000.0, ..linear.clone() };
        assert_eq!(refused(&day(), &late), CannotAdd::TooShort("86400s".into()));
        assert_eq!(refused(&day(), &added(Shape::Linear, "1B/request")), CannotAdd::RateAndShape);
        let full =
            Added { signal: Signal::MemoryUsedPercent, rate: "5%/h".parse().unwrap(), ..linear };
        assert_eq!(refused(&day(), &full), CannotAdd::Overfull);
        let mut uncounted = day();
        uncounted.observations.iter_mut().for_each(|seen| seen.requests_total = None);
        let per_request = added(Shape::PerRequest, "1B/request");
        assert_eq!(refused(&uncounted, &per_request), CannotAdd::NoRequests);
    }

    #[test]
    fn a_rate_has_an_amount_and_a_unit() {
        let rate = |text: &str| text.parse::<Rate>().map(|rate| rate.amount);
        assert_eq!(rate("2%/h"), Ok(2.0 / 3_600.0));
        assert_eq!(rate("5/min"), Ok(5.0 / 60.0));
        assert_eq!(rate("10KiB/request"), Ok(10_240.0));
        for bad in ["5", "5/week", "x/h", "-1MiB/h", "0/h", "inf/h", ""] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
