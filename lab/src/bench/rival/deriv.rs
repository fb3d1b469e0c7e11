//! `deriv(process_resident_memory_bytes[1h]) * 3600 / 2^20 > 10`: the published rule put right.

use super::{HOUR, MIB, MINUTE};
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::{Line, Series};

pub fn judge(series: &Series) -> Vec<Firing> {
    Rule::prometheus(30.0 * MINUTE).run(series, |now| {
        deriv(series, now, HOUR).is_some_and(|per_second| per_second * 3_600.0 / MIB > 10.0)
    })
}

/// `deriv(x[range])` at `now`: the least-squares slope of the samples in the range, two at least.
pub fn deriv(series: &Series, now: f64, range: f64) -> Option<f64> {
    let inside = series.within(now - range, now);
    Line::fit(&series.t[inside.clone()], &series.v[inside]).map(|line| line.slope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_minute(value: impl Fn(f64) -> f64) -> Series {
        let t: Vec<f64> = (0..240).map(|i| f64::from(i) * 60.0).collect();
        Series { v: t.iter().map(|t| value(t / 3_600.0)).collect(), t, ..Series::default() }
    }

    #[test]
    fn eleven_mebibytes_per_hour_fire_after_half_an_hour_and_nine_do_not() {
        let leak = every_minute(|hours| 1e8 + 11.0 * MIB * hours);
        // Two samples make a slope: pending at the first minute, firing half an hour later.
        assert_eq!(judge(&leak), [Firing { t_seconds: 31.0 * MINUTE, on: true }]);
        assert_eq!(judge(&every_minute(|hours| 1e8 + 9.0 * MIB * hours)), []);
    }

    #[test]
    fn it_fires_on_a_step_too() {
        let step = every_minute(|hours| if hours < 2.0 { 1e8 } else { 1e8 + 64.0 * MIB });
        let firings = judge(&step);
        assert!(firings.iter().any(|firing| firing.on) && firings.iter().any(|firing| !firing.on));
    }
}
