//! Adds a leak to a series in which nothing leaks: real noise, real load, a truth that is known.

use detector::Signal;

use super::draw::{Draw, Range};
use super::truth::Leaked;
use super::{Half, Trace};
use crate::stats;

/// Slopes, in percent of the limit per hour: from twenty hours to eight days until the limit.
const SLOPE_PERCENT_PER_HOUR: Range = Range::logarithmic(0.5, 5.0);
/// The series goes on for so long after the onset, if the leak leaves it the room.
const LASTS_SECONDS: f64 = 86_400.0;
/// The most that a leak adds, in percent of the limit; the process would be killed then.
const MOST_PERCENT: f64 = 40.0;
/// The highest that memory comes.
const HIGHEST_PERCENT: f64 = 99.0;
/// The onset, as a share of the series: after a day or so of it was seen.
const ONSET: (f64, f64) = (0.15, 0.8);

/// A copy of a leak-free series of `memory_used_percent` that leaks from a random instant on, and
/// ends a day later or when the leak has taken 40 %.
///
/// Where the series stands so high that the leak would not fit, all of it is lowered by a constant:
/// its noise and its load stay what they are. None if the signal is not there, or if the series
/// leaks already: the truth of both could not be told.
pub fn leak(trace: &Trace, seed: u64, nth: u64) -> Option<Trace> {
    if trace.truth.leak.is_some() {
        return None;
    }
    let mut draw = Draw::new(seed, Half::Test, &trace.name, nth);
    let per_hour = draw.pick(&SLOPE_PERCENT_PER_HOUR);
    let (first, last) = trace.observations.first().zip(trace.observations.last())?;
    let whole = last.t_seconds - first.t_seconds;
    let onset_seconds = first.t_seconds + whole * draw.between(ONSET.0, ONSET.1);
    let lasts = LASTS_SECONDS.min(MOST_PERCENT / per_hour * 3_600.0);
    let added = |t: f64| per_hour * (t - onset_seconds).max(0.0) / 3_600.0;
    let mut observations = trace.observations.clone();
    observations.retain(|seen| seen.t_seconds <= onset_seconds + lasts);
    let mut highest = f64::NEG_INFINITY;
    let mut lowest = f64::INFINITY;
    for seen in &observations {
        if let Some(value) = seen.signals.get(&Signal::MemoryUsedPercent) {
            highest = highest.max(value + added(seen.t_seconds));
            lowest = lowest.min(*value);
        }
    }
    if !highest.is_finite() {
        return None;
    }
    let lowered = (highest - HIGHEST_PERCENT).clamp(0.0, lowest.max(0.0));
    for seen in &mut observations {
        if let Some(value) = seen.signals.get_mut(&Signal::MemoryUsedPercent) {
            *value = (*value - lowered + added(seen.t_seconds)).min(100.0);
        }
    }
    let grew_for = observations.last()?.t_seconds - onset_seconds;
    let mut truth = trace.truth.clone();
    truth.family = format!("leak of {} %/h", if per_hour < 1.6 { ".5 to 1.6" } else { "1.6 to 5" });
    truth.leak = Some(Leaked {
        signals: vec![Signal::MemoryUsedPercent],
        onset_seconds,
        slope_per_second: per_hour / 3_600.0,
        growth: per_hour * grew_for / 3_600.0,
        residual_sd: stats::deviation(undisturbed(trace, onset_seconds, onset_seconds + lasts)),
        ..Leaked::default()
    });
    Some(Trace { name: format!("{}-leak-{nth}", trace.name), truth, observations })
}

/// The series as it was, over the time in which it is made to leak.
fn undisturbed(trace: &Trace, from: f64, to: f64) -> impl Iterator<Item = f64> {
    let inside =
        trace.observations.iter().filter(move |seen| (from..=to).contains(&seen.t_seconds));
    inside.filter_map(|seen| seen.signals.get(&Signal::MemoryUsedPercent).copied())
}

#[cfg(test)]
mod tests {
    use detector::Observation;

    use super::*;
    use crate::corpus::truth::Truth;

    #[test]
    fn an_injected_leak_grows_as_its_truth_says_and_stays_below_the_limit() {
        let minute = |i: u32| Observation {
            t_seconds: f64::from(i) * 60.0,
            signals: [(Signal::MemoryUsedPercent, 92.0 + f64::from(i % 3))].into(),
            ..Observation::default()
        };
        let host = Trace {
            name: "host".into(),
            truth: Truth { limit: Some(100.0), ..Truth::default() },
            observations: (0..11_520).map(minute).collect(),
        };
        for nth in 0..8 {
            let leaking = leak(&host, 1, nth).unwrap();
            let truth = leaking.truth.leak.as_ref().unwrap();
            let value = |t: f64| {
                let near =
                    leaking.observations.iter().filter(|seen| (seen.t_seconds - t).abs() < 91.0);
                let near: Vec<f64> =
                    near.map(|seen| seen.signals[&Signal::MemoryUsedPercent]).collect();
                near.iter().sum::<f64>() / near.len() as f64
            };
            let end = leaking.observations.last().unwrap().t_seconds;
            let grown = value(end - 60.0) - value(truth.onset_seconds);
            assert!((grown - truth.growth).abs() < 1.0, "{grown}, {truth:?}");
            let all = leaking.observations.iter();
            assert!(all.clone().all(|seen| seen.signals[&Signal::MemoryUsedPercent] <= 100.0));
            assert_eq!(leaking, leak(&host, 1, nth).unwrap());
            assert_eq!(leak(&leaking, 1, nth), None, "it leaks already");
        }
    }
}
