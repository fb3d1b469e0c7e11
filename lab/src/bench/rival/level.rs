//! Memory above a level: no matter why.

use super::MINUTE;
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::Series;

/// Prometheus looks back so far for the latest sample.
const LOOKBACK_SECONDS: f64 = 5.0 * MINUTE;

pub fn two_gigabytes(series: &Series) -> Vec<Firing> {
    above(series, 2e9)
}

pub fn three_quarters(series: &Series) -> Vec<Firing> {
    series.limit.map_or_else(Vec::new, |limit| above(series, 0.75 * limit))
}

fn above(series: &Series, level: f64) -> Vec<Firing> {
    Rule::prometheus(5.0 * MINUTE).run(series, |now| {
        let seen = series.within(now - LOOKBACK_SECONDS, now);
        seen.last().is_some_and(|last| series.v[last] > level)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_fires_five_minutes_after_the_level_is_passed() {
        let t: Vec<f64> = (0..20).map(|i| f64::from(i) * MINUTE).collect();
        let v = t.iter().map(|t| if *t < 4.0 * MINUTE { 1e9 } else { 2.1e9 }).collect();
        let series = Series { t, v, limit: Some(4e9), ..Series::default() };
        assert_eq!(two_gigabytes(&series), [Firing { t_seconds: 9.0 * MINUTE, on: true }]);
        assert_eq!(three_quarters(&series), []);
    }
}
