//! Warm-up: rises ever more slowly towards a level that it has reached or will reach.

use super::sums::{MOST_COVARIATES, Moments};
use super::{Explanation, Family, Shape, Window};

/// Time constants tried, as shares of the window.
pub(super) const TIME_CONSTANTS: [f64; 10] = [
    1.0 / 24.0,
    1.0 / 16.0,
    1.0 / 12.0,
    1.0 / 8.0,
    1.0 / 6.0,
    1.0 / 4.0,
    1.0 / 3.0,
    1.0 / 2.0,
    2.0 / 3.0,
    1.0,
];

/// Blocks that the rise must have at least.
const LEAST_RISING: usize = 4;

/// Time constants until 90 % of the way: `ln 10`.
const TO_NINETY_PERCENT: f64 = std::f64::consts::LN_10;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let mut best: Option<(f64, usize, f64, f64)> = None;
    for tau in TIME_CONSTANTS {
        each_onset(window, tau, |onset, regressor, _| {
            if let Some((height, error)) = window.fit(regressor)
                && height > 0.0
                && best.is_none_or(|(least, ..)| error < least)
            {
                best = Some((error, onset, tau, height));
            }
        });
    }
    best.map(|(error, onset, tau, height)| {
        let start = window.x[onset];
        Explanation {
            family: Family::Saturating,
            shape: Shape::Saturating { onset: start, tau },
            error,
            parameters: 3 + usize::from(onset > 0),
            rise: height * super::shape::saturating(1.0 - start, tau),
            onset,
            end_seconds: window.seconds_at(start + TO_NINETY_PERCENT * tau),
        }
    })
}

/// Calls `use_it` for each onset that leaves room for one time constant: at that the slope has
/// fallen to 37 %, the slowest curve that its bend tells from a line within the window. Gives it
/// the moments of `1 - exp(-(x - onset) / tau)` and the sum of its products with `x - onset`.
///
/// The sums of the exponential from an onset on follow from those of the next one.
pub(super) fn each_onset(window: &Window, tau: f64, mut use_it: impl FnMut(usize, &Moments, f64)) {
    let (x, y) = (&window.x, &window.y);
    let n = x.len();
    let step = x[1] - x[0];
    let usual = (-step / tau).exp();
    // Over the blocks from `onset` on: sums of e = exp(-(x - onset) / tau) and its products.
    let (mut e, mut ee, mut ey, mut ex) = (0.0, 0.0, 0.0, 0.0);
    let mut eq = [0.0; MOST_COVARIATES];
    let (mut count, mut sum_y, mut sum_x) = (0.0, 0.0, 0.0);
    let mut sum_q = [0.0; MOST_COVARIATES];
    for onset in (0..n).rev() {
        if let Some(next) = x.get(onset + 1) {
            let gap = next - x[onset];
            let decay = if (gap - step).abs() < 1e-9 { usual } else { (-gap / tau).exp() };
            ex = (ex + e * gap) * decay;
            (e, ee, ey) = (e * decay, ee * decay * decay, ey * decay);
            eq = eq.map(|sum| sum * decay);
            sum_x += count * gap;
        }
        (e, ee, ey) = (e + 1.0, ee + 1.0, ey + y[onset]);
        count += 1.0;
        sum_y += y[onset];
        for (i, covariate) in window.covariates.iter().enumerate() {
            eq[i] += covariate[onset];
            sum_q[i] += covariate[onset];
        }
        if n - onset > LEAST_RISING && tau <= 1.0 - x[onset] + 1e-9 {
            let moments = Moments {
                sum: count - e,
                square: count - 2.0 * e + ee,
                y: sum_y - ey,
                covariates: std::array::from_fn(|i| sum_q[i] - eq[i]),
            };
            use_it(onset, &moments, sum_x - ex);
        }
    }
}
