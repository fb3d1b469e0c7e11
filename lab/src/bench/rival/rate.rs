//! `rate(process_resident_memory_bytes[1h]) / 2^20 > 10`, as published for "10 MB per hour".
//!
//! `rate` is per second, so it asks for 36 GiB per hour; and it is made for counters: every fall
//! counts as a reset, so that a flat sawtooth is added up as growth.

use super::{HOUR, MIB, MINUTE};
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::Series;

pub fn judge(series: &Series) -> Vec<Firing> {
    Rule::prometheus(30.0 * MINUTE).run(series, |now| {
        rate(series, now, HOUR).is_some_and(|per_second| per_second / MIB > 10.0)
    })
}

/// `rate(x[range])` at `now`, as Prometheus's `extrapolatedRate` computes it: resets added back, and
/// the increase extrapolated to the ends of the range where samples come close enough to them.
pub fn rate(series: &Series, now: f64, range: f64) -> Option<f64> {
    let inside = series.within(now - range, now);
    let (t, v) = (&series.t[inside.clone()], &series.v[inside]);
    let ([first, .., last], n) = (t, t.len()) else { return None };
    let resets: f64 = v.windows(2).filter(|pair| pair[1] < pair[0]).map(|pair| pair[0]).sum();
    let increase = v[n - 1] - v[0] + resets;
    let sampled = last - first;
    let between = sampled / (n - 1) as f64;
    let near = |gap: f64| if gap >= between * 1.1 { between / 2.0 } else { gap };
    let mut before = near(first - (now - range));
    if increase > 0.0 && v[0] >= 0.0 {
        // A counter does not begin below zero.
        before = before.min(sampled * (v[0] / increase));
    }
    let covered = sampled + before + near(now - last);
    Some(increase * covered / sampled / range)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_minute(v: &[f64]) -> Series {
        let t = (0..v.len()).map(|i| i as f64 * 60.0).collect();
        Series { t, v: v.to_vec(), ..Series::default() }
    }

    #[test]
    fn a_rate_is_what_prometheus_says_it_is() {
        // rate(x[5m]) at 5m: the samples of minutes 1 to 5, 10 per minute, extrapolated over the
        // one minute before the first of them (less than 1.1 intervals away): 50 in 300 s.
        let series = every_minute(&[100.0, 110.0, 120.0, 130.0, 140.0, 150.0]);
        let seen = rate(&series, 300.0, 300.0).unwrap();
        assert!((seen - 50.0 / 300.0).abs() < 1e-12, "{seen}");
        // A fall is a reset: 40, then from zero to 5 and on to 45.
        let series = every_minute(&[0.0, 1000.0, 1040.0, 5.0, 25.0, 45.0]);
        let seen = rate(&series, 300.0, 300.0).unwrap();
        assert!((seen - (40.0 + 45.0) * 300.0 / 240.0 / 300.0).abs() < 1e-12, "{seen}");
        // Not extrapolated below zero: 4 * 10 from 5 on reach back half a minute only.
        let series = every_minute(&[0.0, 5.0, 15.0, 25.0, 35.0, 45.0]);
        let seen = rate(&series, 300.0, 300.0).unwrap();
        assert!((seen - 40.0 * (240.0 + 30.0) / 240.0 / 300.0).abs() < 1e-12, "{seen}");
        assert_eq!(rate(&every_minute(&[1.0]), 0.0, 300.0), None);
    }

    #[test]
    fn a_leak_of_60_megabytes_per_hour_never_fires() {
        let leak: Vec<f64> = (0..600).map(|minute| 2e8 + 1e6 * f64::from(minute)).collect();
        assert_eq!(judge(&every_minute(&leak)), []);
    }

    #[test]
    fn a_flat_sawtooth_counts_as_growth() {
        let teeth: Vec<f64> = (0..600).map(|m| if m % 2 == 0 { 4e9 } else { 1e9 }).collect();
        assert!(!judge(&every_minute(&teeth)).is_empty());
    }
}
