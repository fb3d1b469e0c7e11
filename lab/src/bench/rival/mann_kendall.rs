//! The Mann-Kendall trend test (Mann 1945, Kendall 1975), plain and with the variance of Hamed and
//! Rao (1998) for autocorrelated series: every hour over the last six, rising at alpha .01.
//!
//! Conventions are those of the reference, pymannkendall: two-sided, continuity correction,
//! correction for ties, all lags, ranks of the series from which Sen's slope was taken.

use super::{HOUR, MINUTE};
use crate::bench::alert::{Firing, Rule};
use crate::bench::series::Series;
use crate::stats;

/// The standard normal quantile at 1 - alpha / 2 for alpha = .01.
const Z: f64 = 2.575_829_303_548_901;
const WINDOW_SECONDS: f64 = 6.0 * HOUR;
/// A window of 1,440 samples is brought to means over a minute: the test takes every pair.
const GRID_SECONDS: f64 = MINUTE;
/// Fewer values than this are no series.
const FEWEST: usize = 10;

pub fn plain(series: &Series) -> Vec<Firing> {
    hourly(series, |values| z_plain(values) > Z)
}

pub fn hamed_rao(series: &Series) -> Vec<Firing> {
    hourly(series, |values| z_hamed_rao(values) > Z)
}

fn hourly(series: &Series, rises: impl Fn(&[f64]) -> bool) -> Vec<Firing> {
    let rule = Rule { every_seconds: HOUR, for_seconds: 0.0, keep_seconds: 0.0 };
    let begin = series.t.first().copied().unwrap_or_default();
    rule.run(series, |now| {
        let values = means(series, now);
        now - begin >= WINDOW_SECONDS && values.len() >= FEWEST && rises(&values)
    })
}

fn means(series: &Series, now: f64) -> Vec<f64> {
    let inside = series.within(now - WINDOW_SECONDS, now);
    let mut means: Vec<(i64, f64, f64)> = Vec::new();
    for (t, v) in series.t[inside.clone()].iter().zip(&series.v[inside]) {
        let bin = (t / GRID_SECONDS).floor() as i64;
        match means.last_mut() {
            Some((last, sum, n)) if *last == bin => {
                *sum += v;
                *n += 1.0;
            }
            _ => means.push((bin, *v, 1.0)),
        }
    }
    means.into_iter().map(|(_, sum, n)| sum / n).collect()
}

/// The standardised score of the plain test.
pub fn z_plain(values: &[f64]) -> f64 {
    standardised(score(values), variance(values))
}

/// The standardised score with the variance corrected for autocorrelation.
pub fn z_hamed_rao(values: &[f64]) -> f64 {
    standardised(score(values), variance(values) * correction(values))
}

/// How many pairs rise, less how many fall.
fn score(values: &[f64]) -> f64 {
    let mut score = 0_i64;
    for (index, earlier) in values.iter().enumerate() {
        for later in &values[index + 1..] {
            score += i64::from(later > earlier) - i64::from(later < earlier);
        }
    }
    score as f64
}

/// The variance of the score if there is no trend, corrected for ties.
fn variance(values: &[f64]) -> f64 {
    let term = |n: f64| n * (n - 1.0) * (2.0 * n + 5.0);
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let ties: f64 =
        sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|tied| term(tied.len() as f64)).sum();
    (term(values.len() as f64) - ties) / 18.0
}

fn standardised(score: f64, variance: f64) -> f64 {
    if score == 0.0 { 0.0 } else { (score - score.signum()) / variance.sqrt() }
}

/// By what factor autocorrelation of the ranks widens (or narrows) the variance.
fn correction(values: &[f64]) -> f64 {
    let n = values.len();
    let slope = sen_slope(values);
    let detrended: Vec<f64> =
        values.iter().enumerate().map(|(i, v)| v - (i + 1) as f64 * slope).collect();
    let ranks = ranks(&detrended);
    let mean = ranks.iter().sum::<f64>() / n as f64;
    let away: Vec<f64> = ranks.iter().map(|rank| rank - mean).collect();
    let covariance =
        |lag: usize| away[..n - lag].iter().zip(&away[lag..]).map(|(a, b)| a * b).sum::<f64>();
    let all = covariance(0);
    let significant = Z / (n as f64).sqrt();
    let size = n as f64;
    let weighted = |lag: usize| {
        let (lag_size, r) = (lag as f64, covariance(lag) / all);
        let weight = (size - lag_size) * (size - lag_size - 1.0) * (size - lag_size - 2.0);
        if r.abs() > significant { weight * r } else { 0.0 }
    };
    let sum: f64 = if all > 0.0 { (1..n).map(weighted).sum() } else { 0.0 };
    1.0 + 2.0 / (size * (size - 1.0) * (size - 2.0)) * sum
}

/// The median of the slopes of all pairs, per sample.
fn sen_slope(values: &[f64]) -> f64 {
    let mut slopes = Vec::with_capacity(values.len() * (values.len() - 1) / 2);
    for (i, earlier) in values.iter().enumerate() {
        let pairs = values[i + 1..].iter().enumerate();
        slopes.extend(pairs.map(|(gap, later)| (later - earlier) / (gap + 1) as f64));
    }
    stats::median(&mut slopes).unwrap_or(0.0)
}

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut begin = 0;
    for tied in order.chunk_by(|a, b| values[*a].total_cmp(&values[*b]).is_eq()) {
        let rank = begin as f64 + (tied.len() + 1) as f64 / 2.0;
        for index in tied {
            ranks[*index] = rank;
        }
        begin += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests;
