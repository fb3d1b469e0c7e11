//! What nobody has told of a leak, by its series: how fast it grew, and how far above the noise.

use super::Trace;
use super::truth::Leaked;
use crate::stats;

/// Fills in slope, growth and deviation of a leak of which none of them is known: those of the line of least squares
/// from its onset to its fix or the end. Less than three samples tell nothing.
pub fn fill_in(trace: &mut Trace) {
    let Some(leak) = &mut trace.truth.leak else { return };
    let untold = [leak.slope_per_second, leak.growth, leak.residual_sd].iter().all(|n| *n == 0.0);
    let has = |signal: &&detector::Signal| {
        trace.observations.iter().any(|seen| seen.signals.contains_key(*signal))
    };
    let Some(signal) = leak.signals.iter().find(has).copied().filter(|_| untold) else { return };
    let until = leak.fixed_seconds.unwrap_or(f64::INFINITY);
    let during = trace.observations.iter();
    let during = during.filter(|o| (leak.onset_seconds..=until).contains(&o.t_seconds));
    let points: Vec<(f64, f64)> =
        during.filter_map(|o| Some((o.t_seconds, *o.signals.get(&signal)?))).collect();
    if points.len() >= 3 {
        measure(leak, &points);
    }
}

fn measure(leak: &mut Leaked, points: &[(f64, f64)]) {
    let count = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
    let (t_mean, value_mean) = (mean(|(t, _)| *t), mean(|(_, value)| *value));
    let spread: f64 = points.iter().map(|(t, _)| (t - t_mean).powi(2)).sum();
    let together: f64 = points.iter().map(|(t, value)| (t - t_mean) * (value - value_mean)).sum();
    let slope = together / spread;
    leak.slope_per_second = slope;
    leak.growth = slope * (points[points.len() - 1].0 - leak.onset_seconds);
    leak.residual_sd = stats::deviation(points.iter().map(|(t, value)| value - slope * t));
}

#[cfg(test)]
mod tests {
    use detector::{Observation, Signal};

    use super::*;
    use crate::corpus::truth::Truth;

    #[test]
    fn a_leak_of_which_nothing_is_told_is_measured_and_one_that_is_told_stays() {
        let seen = |k: u32| {
            // A line from 100 s on with a noise of one up, one down.
            let t_seconds = f64::from(k) * 10.0;
            let value = 1000.0 + 2.0 * (t_seconds - 100.0).max(0.0);
            let noise = if k.is_multiple_of(2) { 1.0 } else { -1.0 };
            let signals = [(Signal::RssBytes, value + noise)].into();
            Observation { t_seconds, signals, ..Observation::default() }
        };
        let mut trace = Trace {
            name: "own".to_owned(),
            truth: Truth::default(),
            observations: (0..111).map(seen).collect(),
        };
        let signals = vec![Signal::RssAnonBytes, Signal::RssBytes];
        let leak = Leaked { signals, onset_seconds: 100.0, ..Leaked::default() };
        trace.truth.leak = Some(leak.clone());
        fill_in(&mut trace);
        let measured = trace.truth.leak.clone().expect("a leak");
        assert!((measured.slope_per_second - 2.0).abs() < 0.001, "{measured:?}");
        assert!((measured.growth - 2000.0).abs() < 1.0, "{measured:?}");
        assert!((measured.residual_sd - 1.0).abs() < 0.01, "{measured:?}");

        let told = Leaked { growth: 5.0, ..leak };
        trace.truth.leak = Some(told.clone());
        fill_in(&mut trace);
        assert_eq!(trace.truth.leak, Some(told));
    }
}
