//! A leak: level up to an onset, then rising to the end, linearly or with the square of time.

use super::{Explanation, Family, Window};
use crate::stats;

/// Blocks that must rise for the rise to be seen at all.
const LEAST_RISING: usize = 3;

/// Linear, and accelerating.
const POWERS: [i32; 2] = [1, 2];

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let onsets = window.t.len().saturating_sub(LEAST_RISING);
    let candidates = (0..onsets).flat_map(|k| POWERS.map(|power| (window.t[k], power)));
    let ((onset, power), error) = window.best_rising(candidates, shape)?;
    let from_start = onset <= window.start();
    Some(Explanation {
        family: Family::Growth,
        error,
        // An onset at the window's edge was not fitted; the power is a choice of two.
        parameters: 2 + usize::from(!from_start) + usize::from(power == 2),
        onset_seconds: onset,
        end_seconds: window.end(),
    })
}

/// What the linear form of `growth` leaves unexplained, block by block.
pub(super) fn residuals(window: &Window, growth: &Explanation) -> Vec<f64> {
    let x: Vec<f64> = window.t.iter().map(|&t| shape((growth.onset_seconds, 1), t)).collect();
    let (intercept, slope, _) = stats::least_squares(&x, &window.y);
    x.iter().zip(&window.y).map(|(x, y)| y - intercept - slope * x).collect()
}

fn shape((onset, power): (f64, i32), t: f64) -> f64 {
    (t - onset).max(0.0).powi(power)
}
