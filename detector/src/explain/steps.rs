//! A reload or a one-off allocation: one or two jumps, flat before, between and after.

use super::{Explanation, Family, Window};

/// Blocks that a level must last to be one, but for the last level.
const LEAST_LASTING: usize = 2;

pub(super) fn one(window: &Window) -> Option<Explanation> {
    let n = window.y.len();
    let sums = Sums::of(&window.y);
    let jumps = LEAST_LASTING..n;
    let tried = jumps.map(|jump| (sums.error(0, jump) + sums.error(jump, n), jump, jump));
    best_of(window, tried, 3)
}

pub(super) fn two(window: &Window) -> Option<Explanation> {
    let n = window.y.len();
    let sums = Sums::of(&window.y);
    let pairs = (LEAST_LASTING..n).flat_map(|i| (i + LEAST_LASTING..n).map(move |j| (i, j)));
    let tried = pairs.map(|(i, j)| (sums.error(0, i) + sums.error(i, j) + sums.error(j, n), i, j));
    best_of(window, tried, 5)
}

fn best_of(
    window: &Window,
    tried: impl Iterator<Item = (f64, usize, usize)>,
    parameters: usize,
) -> Option<Explanation> {
    let (_, first, last) = tried.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let n = window.y.len();
    let levels = [0..first, first..last, last..n].into_iter().filter(|level| !level.is_empty());
    let residuals = levels.flat_map(|level| about_mean(&window.y[level])).collect();
    let rise = (window.t[first], window.t[last]);
    Some(Explanation::new(Family::Steps, residuals, parameters, rise))
}

fn about_mean(values: &[f64]) -> Vec<f64> {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

/// Running sums, so that the error of any stretch about its mean takes constant time.
struct Sums(Vec<(f64, f64)>);

impl Sums {
    fn of(values: &[f64]) -> Self {
        // About the first value, lest large levels swallow small differences.
        let base = values.first().copied().unwrap_or_default();
        let mut sums = vec![(0.0, 0.0)];
        let (mut sum, mut squares) = (0.0, 0.0);
        for value in values {
            sum += value - base;
            squares += (value - base).powi(2);
            sums.push((sum, squares));
        }
        Self(sums)
    }

    fn error(&self, from: usize, to: usize) -> f64 {
        let (sum, squares) = (self.0[to].0 - self.0[from].0, self.0[to].1 - self.0[from].1);
        (squares - sum * sum / (to - from) as f64).max(0.0)
    }
}
