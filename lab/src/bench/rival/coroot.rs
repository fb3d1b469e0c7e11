//! The memory-leak check of coroot and its built-in alert.
//!
//! A least-squares line through the longest run of the process within the last three hours; growth
//! is what the line adds in an hour, in percent of where it stood an hour ago. It alerts above 10 %
//! per hour that hold for 15 minutes (and keeps firing for 15), if the line takes 5 % of the limit
//! per hour at least and the last third still rises at .3 of its slope.
//!
//! Threshold, `for` and `keep_firing_for` are those of its sources (`auditor/memory.go`,
//! `model/alerting_rule.go`). The conditions on run, tail and limit follow a description of later
//! versions, whose source we have not seen; three hours is the window at which this one raises the
//! .021 alarms per series and day on 55 production hosts that were measured of the original.

use super::{HOUR, MINUTE};
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::{Line, Series};

const WINDOW_SECONDS: f64 = 3.0 * HOUR;
/// A line through less than this is none.
const SHORTEST_SECONDS: f64 = 5.0 * MINUTE;

pub fn judge(series: &Series) -> Vec<Firing> {
    let hold = 15.0 * MINUTE;
    let rule = Rule { every_seconds: MINUTE, for_seconds: hold, keep_seconds: hold };
    rule.run(series, |now| leaks(series, now))
}

fn leaks(series: &Series, now: f64) -> bool {
    let run = longest_run(series, now);
    let (t, v) = (&series.t[run.clone()], &series.v[run]);
    let long_enough = t.last().zip(t.first()).is_some_and(|(b, a)| b - a >= SHORTEST_SECONDS);
    let Some(line) = Line::fit(t, v).filter(|_| long_enough) else { return false };
    let tail = t.len() * 2 / 3;
    let tail = Line::fit(&t[tail..], &v[tail..]).map_or(0.0, |tail| tail.slope);
    let (before, after) = (line.at(now - HOUR), line.at(now));
    let percent = if before > 0.0 { (after - before) / before * 100.0 } else { f64::INFINITY };
    let material = series.limit.is_none_or(|limit| line.slope * HOUR >= 0.05 * limit);
    after > 0.0 && line.slope > 0.0 && percent > 10.0 && material && tail >= 0.3 * line.slope
}

fn longest_run(series: &Series, now: f64) -> std::ops::Range<usize> {
    let window = series.within(now - WINDOW_SECONDS, now);
    let cuts = series.restarts.iter().copied().filter(|cut| window.contains(cut));
    let mut edges = vec![window.start];
    edges.extend(cuts);
    edges.push(window.end);
    let runs = edges.windows(2).map(|pair| pair[0]..pair[1]);
    runs.max_by_key(ExactSizeIterator::len).unwrap_or(window)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_minute(limit: f64, value: impl Fn(f64) -> f64) -> Series {
        let t: Vec<f64> = (0..=180).map(|i| f64::from(i) * MINUTE).collect();
        let v = t.iter().map(|t| value(t / HOUR)).collect();
        Series { t, v, limit: Some(limit), restarts: Vec::new() }
    }

    #[test]
    fn it_fires_a_quarter_of_an_hour_after_there_is_a_line() {
        let firings = judge(&every_minute(400.0, |hours| 100.0 + 40.0 * hours));
        assert_eq!(firings, [Firing { t_seconds: 20.0 * MINUTE, on: true }]);
    }

    #[test]
    fn it_is_blind_to_what_takes_more_than_twenty_hours_to_fill_the_limit() {
        assert_eq!(judge(&every_minute(1_000.0, |hours| 100.0 + 40.0 * hours)), []);
    }

    #[test]
    fn growth_that_is_over_does_not_count() {
        // Six minutes of steep growth, then flat: the tail does not rise.
        let knee = every_minute(100.0, |hours| 100.0 + 120.0 * hours.min(0.1));
        assert_eq!(judge(&knee), []);
    }

    #[test]
    fn the_longest_run_is_the_one_between_restarts() {
        let series = Series { restarts: vec![130, 150], ..every_minute(1.0, |_| 1.0) };
        // The three hours up to minute 180 hold samples 1 to 180, cut at 130 and at 150.
        assert_eq!(longest_run(&series, 180.0 * MINUTE), 1..130);
    }
}
