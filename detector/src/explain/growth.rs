//! A leak: level up to an onset, then rising to the end, linearly or with the square of time.

use super::{Explanation, Family, Window};

/// Blocks that must rise for the rise to be seen at all.
const LEAST_RISING: usize = 3;

/// Linear, and accelerating.
const POWERS: [i32; 2] = [1, 2];

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let onsets = window.t.len().saturating_sub(LEAST_RISING);
    let candidates = (0..onsets).flat_map(|k| POWERS.map(|power| (window.t[k], power)));
    let ((onset, power), residuals) =
        window.best_rising(candidates, |(onset, power), t| (t - onset).max(0.0).powi(power))?;
    // An onset at the window's edge was not fitted; the power is a choice of two.
    let parameters = 2 + usize::from(onset > window.start()) + usize::from(power == 2);
    Some(Explanation::new(Family::Growth, residuals, parameters, (onset, window.end())))
}
