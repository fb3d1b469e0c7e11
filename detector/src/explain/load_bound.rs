//! Memory that follows the request rate: more at work, more held, no leak.

use super::{Explanation, Family, Window};
use crate::stats;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let rate = window.rate.as_ref()?;
    let (_, bytes_per_rate, error) = stats::least_squares(rate, &window.y);
    (bytes_per_rate > 0.0).then(|| Explanation {
        family: Family::LoadBound,
        error,
        parameters: 2,
        onset_seconds: window.start(),
        end_seconds: window.start(),
    })
}
