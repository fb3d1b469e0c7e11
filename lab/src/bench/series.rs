//! One signal of a trace as the rivals see it: instants and values, without the missing ones.

use std::ops::Range;

use detector::Signal;

use crate::corpus::Trace;

/// One signal over time.
#[derive(Clone, Debug, Default)]
pub struct Series {
    /// Seconds, strictly rising.
    pub t: Vec<f64>,
    /// Values at these instants.
    pub v: Vec<f64>,
    /// The first index of each run of the process but the first.
    pub restarts: Vec<usize>,
    /// The limit, in the unit of the values.
    pub limit: Option<f64>,
}

impl Series {
    /// The signal of a trace.
    pub fn of(trace: &Trace, signal: Signal) -> Self {
        let mut series = Self { limit: trace.truth.limit, ..Self::default() };
        let mut run = None;
        for seen in &trace.observations {
            let Some(value) = seen.signals.get(&signal) else { continue };
            if run.is_some_and(|run| Some(run) != seen.start_seconds) {
                series.restarts.push(series.t.len());
            }
            run = seen.start_seconds.or(run);
            series.t.push(seen.t_seconds);
            series.v.push(*value);
        }
        series
    }

    /// The samples after `from` up to and at `to`.
    pub fn within(&self, from: f64, to: f64) -> Range<usize> {
        let after = |limit: f64| self.t.partition_point(|t| *t <= limit);
        after(from)..after(to)
    }
}

/// A least-squares line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Line {
    /// Value at `t = 0`.
    pub intercept: f64,
    /// Units per second.
    pub slope: f64,
    /// The share of the variance that the line explains; 0 if there is none to explain.
    pub r_squared: f64,
}

impl Line {
    /// The line through the points, by the textbook formula about the means; none if fewer than two
    /// instants differ.
    pub fn fit(t: &[f64], v: &[f64]) -> Option<Self> {
        let n = t.len() as f64;
        let mean = |x: &[f64]| x.iter().sum::<f64>() / n;
        let (t_mean, v_mean) = (mean(t), mean(v));
        let (mut tt, mut tv, mut vv) = (0.0, 0.0, 0.0);
        for (t, v) in t.iter().zip(v) {
            let (t, v) = (t - t_mean, v - v_mean);
            tt += t * t;
            tv += t * v;
            vv += v * v;
        }
        if t.len() < 2 || tt == 0.0 {
            return None;
        }
        let slope = tv / tt;
        let r_squared = if vv > 0.0 { tv * slope / vv } else { 0.0 };
        Some(Self { intercept: v_mean - slope * t_mean, slope, r_squared })
    }

    /// The value at an instant.
    pub fn at(&self, t: f64) -> f64 {
        self.intercept + self.slope * t
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_the_textbook_line() {
        // y = 1, 3, 2, 5 at t = 0..3: slope 11/10, intercept 11/10, r2 = 1.1 * 5.5 / 8.75.
        let line = Line::fit(&[0.0, 1.0, 2.0, 3.0], &[1.0, 3.0, 2.0, 5.0]).unwrap();
        assert!((line.slope - 1.1).abs() < 1e-12);
        assert!((line.intercept - 1.1).abs() < 1e-12);
        assert!((line.r_squared - 6.05 / 8.75).abs() < 1e-12);
        assert_eq!(Line::fit(&[1.0], &[1.0]), None);
        let flat = Line::fit(&[0.0, 1.0], &[2.0, 2.0]).unwrap();
        assert!(flat.r_squared.abs() < 1e-12);
    }

    #[test]
    fn a_window_leaves_its_beginning_out_and_has_its_end() {
        let series = Series { t: vec![0.0, 1.0, 2.0, 3.0], ..Series::default() };
        assert_eq!(series.within(0.0, 2.0), 1..3);
        assert_eq!(series.within(-1.0, 0.5), 0..1);
    }
}
