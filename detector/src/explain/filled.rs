//! A cache that filled: rose at a steady rate between two instants, then stayed.

use super::{Explanation, Family, Window};

/// Blocks that must have stayed for the end of the rise to be seen.
const LEAST_STAYING: usize = 2;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let ends = window.t.len().saturating_sub(LEAST_STAYING);
    let pairs = (1..ends).flat_map(|end| (0..end).map(move |onset| (onset, end)));
    let times = pairs.map(|(onset, end)| (window.t[onset], window.t[end]));
    let (rise, residuals) =
        window.best_rising(times, |(onset, end), t| t.clamp(onset, end) - onset)?;
    Some(Explanation::new(Family::Filled, residuals, 4, rise))
}
