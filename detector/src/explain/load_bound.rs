//! Memory that follows the request rate: more at work, more held, no leak.

use super::{Explanation, Family, Window};
use crate::stats;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let rate = window.rate.as_ref()?;
    let (_, bytes_per_rate, _) = stats::least_squares(rate, &window.y);
    let rise = (window.start(), window.start());
    (bytes_per_rate > 0.0)
        .then(|| Explanation::new(Family::LoadBound, stats::residuals(rate, &window.y), 2, rise))
}
