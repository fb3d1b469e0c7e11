//! Explanations of a stretch of blocks compete; the best one is the one that errs least for the
//! parameters it takes.
//!
//! Each family is a file: it offers its best fit to the window. All are least squares on one
//! regressor that the family shapes (`y = a + b x(t)`), so that one score compares them.

mod filled;
mod flat;
mod growth;
mod load_bound;
mod saturating;
mod steps;

use crate::blocks::Block;
use crate::stats;

/// The families. One that only rises while the cause lasts is [`Family::Growth`]; all others end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Flat,
    /// Rose at a steady rate, then stopped: a cache that filled.
    Filled,
    /// One or two jumps between flat stretches.
    Steps,
    /// Rises ever more slowly towards a level: warm-up.
    Saturating,
    /// Follows the request rate.
    LoadBound,
    /// Flat up to an onset, then rising to the end, steadily or faster and faster.
    Growth,
}

/// The best fit of one family.
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    pub(crate) family: Family,
    /// What the fit leaves unexplained, block by block.
    residuals: Vec<f64>,
    /// Sum of squared errors over the blocks.
    pub(crate) error: f64,
    /// Numbers that were fitted.
    parameters: usize,
    /// When the rise began, in seconds on the window's clock; the window's start if it has none.
    pub(crate) onset_seconds: f64,
    /// When the rise ended or will have ended; the window's end for growth.
    pub(crate) end_seconds: f64,
}

impl Explanation {
    /// A fit that leaves `residuals`, of a rise between two instants.
    fn new(family: Family, residuals: Vec<f64>, parameters: usize, rise: (f64, f64)) -> Self {
        let error = residuals.iter().map(|residual| residual.powi(2)).sum();
        Self { family, residuals, error, parameters, onset_seconds: rise.0, end_seconds: rise.1 }
    }
}

/// What is to be explained: blocks of one level, and the request rate in each where known.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) t: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) rate: Option<Vec<f64>>,
}

impl Window {
    pub(crate) fn new(blocks: &[Block], rate: Option<Vec<f64>>) -> Self {
        Self {
            t: blocks.iter().map(|block| block.t_seconds).collect(),
            y: blocks.iter().map(|block| block.mid).collect(),
            rate,
        }
    }

    fn start(&self) -> f64 {
        self.t.first().copied().unwrap_or_default()
    }

    fn end(&self) -> f64 {
        self.t.last().copied().unwrap_or_default()
    }

    fn range(&self) -> f64 {
        let low = self.y.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        high - low
    }

    /// The best of a family's rising shapes: the candidate that errs least, and its residuals. A
    /// fit that does not rise is none.
    fn best_rising<C: Copy>(
        &self,
        candidates: impl Iterator<Item = C>,
        shape: impl Fn(C, f64) -> f64,
    ) -> Option<(C, Vec<f64>)> {
        let mut regressor = vec![0.0; self.t.len()];
        let mut best: Option<(C, f64)> = None;
        for candidate in candidates {
            for (x, &t) in regressor.iter_mut().zip(&self.t) {
                *x = shape(candidate, t);
            }
            let (_, slope, error) = stats::least_squares(&regressor, &self.y);
            if slope > 0.0 && best.is_none_or(|(_, least)| error < least) {
                best = Some((candidate, error));
            }
        }
        let (candidate, _) = best?;
        let regressor: Vec<f64> = self.t.iter().map(|&t| shape(candidate, t)).collect();
        Some((candidate, stats::residuals(&regressor, &self.y)))
    }
}

/// The outcome of the competition.
#[derive(Clone, Debug)]
pub(crate) struct Competition {
    pub(crate) growth: Option<Explanation>,
    pub(crate) benign: Explanation,
    /// By how much growth beats the best benign explanation, in units of the Bayesian
    /// information criterion; negative if it loses.
    pub(crate) margin: f64,
}

/// Share of the window's range that no explanation is asked to explain: real memory is never
/// exactly any of these shapes, and without a floor a clean series would decide on its
/// imperfections.
const TOLERANCE: f64 = 0.02;

/// Lets the families compete over `window` (at least three blocks).
///
/// The score is the Bayesian information criterion, `n_eff ln(error / n + s^2) + k ln(n)` (Schwarz
/// 1978), `s` being the tolerance above. The effective size is that of the explanation that errs
/// least: what a bad one leaves is autocorrelated because it is bad.
pub(crate) fn compete(window: &Window) -> Competition {
    let growth = growth::best(window);
    let flat = flat::best(window);
    let rivals = [
        filled::best(window),
        steps::one(window),
        steps::two(window),
        saturating::best(window),
        load_bound::best(window),
    ];
    let floor = (TOLERANCE * window.range()).powi(2).max(f64::MIN_POSITIVE);
    let n = window.y.len() as f64;
    let all = rivals.iter().flatten().chain(&growth);
    let closest = all.fold(&flat, |a, b| if b.error < a.error { b } else { a });
    let size = stats::effective_size(&closest.residuals, floor);
    let score = |explanation: &Explanation| {
        size * (explanation.error / n + floor).ln() + explanation.parameters as f64 * n.ln()
    };
    let better = |a, b| if score(&b) < score(&a) { b } else { a };
    let benign = rivals.into_iter().flatten().fold(flat, better);
    let margin = growth.as_ref().map_or(f64::NEG_INFINITY, |g| score(&benign) - score(g));
    Competition { growth, benign, margin }
}
