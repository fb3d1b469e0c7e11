//! A cache that filled: rose at a steady rate between two instants, then stayed.

use super::sums::Piece;
use super::{Explanation, Family, Shape, Window};

/// Blocks that must have stayed for the end of the rise to be seen...
const LEAST_STAYING: usize = 2;

/// ...and the share of the blocks that rose: a shorter rest is a pause, and growth by another name.
const STAYING_SHARE: f64 = 0.125;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let ends = n.saturating_sub(LEAST_STAYING);
    let mut best: Option<(f64, usize, usize, f64)> = None;
    for end in 1..ends {
        let staying = (n - 1 - end) as f64;
        let longest_rise = (staying / STAYING_SHARE) as usize;
        for onset in end.saturating_sub(longest_rise)..end {
            let (a, b) = (window.x[onset], window.x[end]);
            let pieces = [
                Piece { from: onset, to: end, coefficients: [-a, 1.0, 0.0] },
                Piece { from: end, to: n, coefficients: [b - a, 0.0, 0.0] },
            ];
            if let Some((slope, error)) = window.fit(&window.moments(&pieces))
                && slope > 0.0
                && best.is_none_or(|(least, ..)| error < least)
            {
                best = Some((error, onset, end, slope * (b - a)));
            }
        }
    }
    best.map(|(error, onset, end, rise)| {
        let shape = Shape::Filled { onset: window.x[onset], end: window.x[end] };
        let end_seconds = window.seconds_at(window.x[end]);
        let family = Family::Filled;
        Explanation { family, shape, error, parameters: 4, rise, onset, end_seconds }
    })
}
