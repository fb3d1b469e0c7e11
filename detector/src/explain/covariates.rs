//! What every explanation may use: the request rate and the hour of the day.
//!
//! More at work, more held: a live set that follows load or daylight is no leak. As every
//! explanation has these terms, they decide for none; what they explain is taken from all.

use std::f64::consts::TAU;

use super::window::{normalise, remove};
use crate::blocks::Block;

/// Seconds in a day.
const DAY_SECONDS: f64 = 86_400.0;

/// Days that a window must cover before its daily wave can be told from a trend: with fewer a
/// rising flank would be called daylight.
const LEAST_DAYS: f64 = 1.5;

/// Blocks must be shorter than this for a daily wave to show: an eighth of a day.
const LONGEST_BLOCK_SECONDS: f64 = DAY_SECONDS / 8.0;

/// A rate whose standard deviation is below this share of its mean is constant: what it could
/// explain is noise.
const LEAST_VARIATION: f64 = 0.02;

/// Columns with a value for each block of a window.
#[derive(Debug, Default)]
pub(crate) struct Covariates {
    /// Explains only if more load holds more.
    rate: Option<Vec<f64>>,
    /// Explains whatever its sign.
    day: Vec<Vec<f64>>,
}

impl Covariates {
    /// For these blocks, of one level, with the request rate in each where known.
    pub(crate) fn of(blocks: &[Block], rate: Option<Vec<f64>>) -> Self {
        let day = if shows_days(blocks) {
            let phase = |block: &Block| TAU * block.t_seconds / DAY_SECONDS;
            let wave = |f: fn(f64) -> f64| blocks.iter().map(|b| f(phase(b))).collect();
            vec![wave(f64::cos), wave(f64::sin)]
        } else {
            Vec::new()
        };
        Self { rate: rate.filter(|rate| varies(rate)), day }
    }

    /// Requests served by each block as a share of those in the window: the rate, summed over time
    /// `x`, which is itself a share of the window.
    pub(super) fn work(&self, x: &[f64]) -> Option<Vec<f64>> {
        let rate = self.rate.as_ref()?;
        let mut served = 0.0;
        let mut work = vec![0.0];
        for (x, rate) in x.windows(2).zip(rate.windows(2)) {
            served += (x[1] - x[0]) * f64::midpoint(rate[0], rate[1]);
            work.push(served);
        }
        (served > 0.0).then(|| work.into_iter().map(|work| work / served).collect())
    }

    /// Takes what the columns explain from `y` (which has no mean), and returns those that were
    /// used, orthonormal.
    pub(super) fn orthonormal_and_removed_from(self, y: &mut [f64]) -> Vec<Vec<f64>> {
        let mut used: Vec<Vec<f64>> = Vec::new();
        let columns = self.day.into_iter().map(|column| (column, false));
        for (mut column, only_upwards) in columns.chain(self.rate.map(|rate| (rate, true))) {
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            column = column.into_iter().map(|value| value - mean).collect();
            for other in &used {
                remove(&mut column, other);
            }
            let along: f64 = column.iter().zip(&*y).map(|(value, y)| value * y).sum();
            if (only_upwards && along <= 0.0) || !normalise(&mut column) {
                continue;
            }
            remove(y, &column);
            used.push(column);
        }
        used
    }
}

fn shows_days(blocks: &[Block]) -> bool {
    let [first, second, .., last] = blocks else {
        return false;
    };
    last.t_seconds - first.t_seconds >= LEAST_DAYS * DAY_SECONDS
        && second.t_seconds - first.t_seconds <= LONGEST_BLOCK_SECONDS
}

fn varies(rate: &[f64]) -> bool {
    let n = rate.len() as f64;
    let mean = rate.iter().sum::<f64>() / n;
    let variance = rate.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / n;
    variance.sqrt() > LEAST_VARIATION * mean
}
