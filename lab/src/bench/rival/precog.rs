//! Precog's detection (Jindal et al. 2021, arXiv 2101.09799 and its published source): a straight
//! line that reaches the limit soon.
//!
//! The series is brought to five-minute medians and smoothed by a running median of an hour. Of up
//! to 100 windows that end now, from the whole series down to six hours, the first in which a line
//! explains enough is the trend; it is a leak if the line reaches the limit within a week and memory
//! stands at 40 % or more. Its training on data known to be clean is left out: nobody labels the
//! past of a new service. Looked at once an hour.

use super::{HOUR, MINUTE};
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::{Line, Series};
use crate::stats;

const SHORTEST_SECONDS: f64 = 6.0 * HOUR;
const R_SQUARED: f64 = 0.8;
const CRITICAL_SECONDS: f64 = 7.0 * 24.0 * HOUR;
const LOWEST_SHARE: f64 = 0.4;
const GRID_SECONDS: f64 = 5.0 * MINUTE;
const SMOOTHING: usize = 12;
const MOST_WINDOWS: usize = 100;
const WINDOWS_APART_SECONDS: f64 = 15.0 * MINUTE;

pub fn judge(series: &Series) -> Vec<Firing> {
    let Some(limit) = series.limit else { return Vec::new() };
    let (t, v) = prepared(series);
    let rule = Rule { every_seconds: HOUR, for_seconds: 0.0, keep_seconds: 0.0 };
    rule.run(series, |now| {
        let seen = t.partition_point(|t| *t <= now);
        leaks(&t[..seen], &v[..seen], limit)
    })
}

fn leaks(t: &[f64], v: &[f64], limit: f64) -> bool {
    let (Some(first), Some(last), Some(level)) = (t.first(), t.last(), v.last()) else {
        return false;
    };
    let spare = last - first - SHORTEST_SECONDS;
    if spare < 0.0 || *level < LOWEST_SHARE * limit {
        return false;
    }
    let windows = ((spare / WINDOWS_APART_SECONDS) as usize).clamp(1, MOST_WINDOWS);
    let apart = spare / (windows.max(2) - 1) as f64;
    let starts = (0..windows).map(|index| first + index as f64 * apart);
    let lines = starts.filter_map(|start| {
        let from = t.partition_point(|t| *t < start);
        Line::fit(&t[from..], &v[from..])
    });
    let trend = lines.into_iter().find(|line| line.r_squared > R_SQUARED);
    trend.is_some_and(|line| line.slope > 0.0 && (limit - level) / line.slope <= CRITICAL_SECONDS)
}

/// Five-minute medians, each stamped with the end of its five minutes; gaps are bridged by lines;
/// then a running median of an hour.
fn prepared(series: &Series) -> (Vec<f64>, Vec<f64>) {
    let (mut t, mut v): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
    let Some(&begin) = series.t.first() else { return (t, v) };
    let mut index = 0;
    while index < series.t.len() {
        let bin = ((series.t[index] - begin) / GRID_SECONDS).floor();
        let end = begin + (bin + 1.0) * GRID_SECONDS;
        let until = series.t.partition_point(|t| *t < end);
        // At least the sample that begins the bin is in it.
        let Some(value) = stats::median(&mut series.v[index..until].to_vec()) else { break };
        if let Some((&before, &from)) = t.last().zip(v.last()) {
            let missing = ((end - before) / GRID_SECONDS).round() as usize;
            for step in 1..missing {
                let share = step as f64 / missing as f64;
                t.push(before + step as f64 * GRID_SECONDS);
                v.push(from + share * (value - from));
            }
        }
        t.push(end);
        v.push(value);
        index = until;
    }
    let last_hour = |at: usize| v[(at + 1).saturating_sub(SMOOTHING)..=at].to_vec();
    let smooth = (0..v.len()).filter_map(|at| stats::median(&mut last_hour(at))).collect();
    (t, smooth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_minute(hours: u32, value: impl Fn(f64) -> f64) -> Series {
        let t: Vec<f64> = (0..=hours * 60).map(|i| f64::from(i) * MINUTE).collect();
        let v = t.iter().map(|t| value(t / HOUR)).collect();
        Series { t, v, limit: Some(100.0), restarts: Vec::new() }
    }

    #[test]
    fn a_line_is_a_leak_as_soon_as_there_are_six_hours_of_it() {
        let firings = judge(&every_minute(9, |hours| 50.0 + hours));
        assert_eq!(firings.first(), Some(&Firing { t_seconds: 7.0 * HOUR, on: true }));
        assert_eq!(judge(&every_minute(6, |hours| 50.0 + hours)), []);
    }

    #[test]
    fn what_is_low_flat_or_reaches_the_limit_in_more_than_a_week_is_none() {
        assert_eq!(judge(&every_minute(12, |hours| 20.0 + hours)), []);
        assert_eq!(judge(&every_minute(12, |_| 50.0)), []);
        assert_eq!(judge(&every_minute(12, |hours| 50.0 + 0.2 * hours)), []);
    }

    #[test]
    fn a_gap_is_bridged_by_a_line() {
        let mut series = every_minute(2, |hours| 10.0 * hours);
        let keep: Vec<usize> = (0..series.t.len()).filter(|i| !(30..60).contains(i)).collect();
        series.v = keep.iter().map(|i| series.v[*i]).collect();
        series.t = keep.iter().map(|i| series.t[*i]).collect();
        let (t, v) = prepared(&series);
        assert!(t.windows(2).all(|pair| (pair[1] - pair[0] - GRID_SECONDS).abs() < 1e-6));
        assert!(v.windows(2).all(|pair| pair[1] >= pair[0]));
    }
}
