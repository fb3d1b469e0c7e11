//! Warm-up: rises ever more slowly towards a level that it has reached or will reach.

use super::{Explanation, Family, Window};

/// Time constants tried, as shares of the time since the onset. At 1 the slope has fallen to
/// 37 %: the slowest curve that its bend tells from a line within the window.
const TIME_CONSTANTS: [f64; 4] = [0.125, 0.25, 0.5, 1.0];

/// Time constants until 90 % of the way: `ln 10`.
const TO_NINETY_PERCENT: f64 = std::f64::consts::LN_10;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let end = window.end();
    let onsets = window.t.iter().take(window.t.len().saturating_sub(4));
    let candidates =
        onsets.flat_map(|&onset| TIME_CONSTANTS.map(|share| (onset, share * (end - onset))));
    let ((onset, time_constant), residuals) = window
        .best_rising(candidates, |(onset, tau), t| 1.0 - (-(t - onset).max(0.0) / tau).exp())?;
    let parameters = 3 + usize::from(onset > window.start());
    let rise = (onset, onset + TO_NINETY_PERCENT * time_constant);
    Some(Explanation::new(Family::Saturating, residuals, parameters, rise))
}
