//! A reload or a one-off allocation: one or two jumps, flat before, between and after.

use super::sums::Piece;
use super::{Explanation, Family, Shape, Window};

/// Blocks that a level must last to be one, but for the last level.
const LEAST_LASTING: usize = 2;

pub(super) fn one(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let tried = (LEAST_LASTING..n).filter_map(|at| {
        let (rise, error) = window.fit(&window.moments(&[jump(at, n)]))?;
        Some((error, at, at, rise))
    });
    best_of(window, tried, 3)
}

pub(super) fn two(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let jumps: Vec<_> = (0..n).map(|at| window.moments(&[jump(at, n)])).collect();
    let pairs = (LEAST_LASTING..n).flat_map(|i| (i + LEAST_LASTING..n).map(move |j| (i, j)));
    let tried = pairs.filter_map(|(i, j)| {
        // Where both have jumped, their product is one.
        let ([a, b], error) = window.fit_two(&jumps[i], &jumps[j], jumps[j].square)?;
        Some((error, i, j, a + b))
    });
    best_of(window, tried, 5)
}

fn jump(at: usize, n: usize) -> Piece {
    Piece { from: at, to: n, coefficients: [1.0, 0.0, 0.0] }
}

fn best_of(
    window: &Window,
    tried: impl Iterator<Item = (f64, usize, usize, f64)>,
    parameters: usize,
) -> Option<Explanation> {
    let (error, onset, last, rise) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some(Explanation {
        family: Family::Steps,
        shape: Shape::Steps { first: window.x[onset], last: window.x[last] },
        error,
        parameters,
        rise,
        onset,
        end_seconds: window.seconds_at(window.x[last]),
    })
}
