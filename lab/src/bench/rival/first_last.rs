//! The last check against the first: more than half as much again is a leak. Checks are ten
//! minutes apart; the first is made at once, and no warm-up is left out.

use super::MINUTE;
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::Series;

const GROWTH: f64 = 0.5;
/// A check that finds no sample as young as this finds the service unreachable, and says nothing.
const YOUNG_SECONDS: f64 = 5.0 * MINUTE;

pub fn judge(series: &Series) -> Vec<Firing> {
    let rule = Rule { every_seconds: 10.0 * MINUTE, for_seconds: 0.0, keep_seconds: 0.0 };
    rule.run(series, |now| {
        let seen = series.within(now - YOUNG_SECONDS, now);
        let last = seen.end.checked_sub(1).filter(|_| !seen.is_empty());
        last.is_some_and(|last| series.v[last] > (1.0 + GROWTH) * series.v[0])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_minute(value: impl Fn(f64) -> f64) -> Series {
        let t: Vec<f64> = (0..=60).map(|i| f64::from(i) * MINUTE).collect();
        Series { v: t.iter().map(|t| value(*t)).collect(), t, ..Series::default() }
    }

    #[test]
    fn it_fires_at_the_first_check_that_is_half_as_much_again() {
        // 1 % per minute: 50 % after 50 minutes is not more than 50 %, 60 % is.
        let firings = judge(&every_minute(|t| 100.0 + t / MINUTE));
        assert_eq!(firings, [Firing { t_seconds: 60.0 * MINUTE, on: true }]);
        assert_eq!(judge(&every_minute(|t| 100.0 + 0.8 * t / MINUTE)), []);
    }
}
