//! Explanations of a stretch of blocks compete; the best one is the one that errs least for the
//! parameters it takes.
//!
//! Each family is a file: it offers its best fit to the window. All are least squares on one
//! or two regressors that the family shapes, beside a constant and what every explanation may use
//! (the request rate, the hour of the day), so that one score compares them. Running sums make
//! each fit cost a handful of operations ([`sums`]).

mod covariates;
mod filled;
mod growth;
mod saturating;
mod settling;
mod shape;
mod steps;
mod sums;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use covariates::Covariates;
pub(crate) use shape::Shape;
pub(crate) use window::Window;

use crate::stats;

/// The families. One that only rises while the cause lasts is [`Family::Growth`]; all others end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// One level throughout, or what the load makes of it.
    Flat,
    /// Rose at a steady rate, then stopped: a cache that filled.
    Filled,
    /// One or two jumps between flat stretches.
    Steps,
    /// Rises ever more slowly towards a level: warm-up.
    Saturating,
    /// Rises with the logarithm of time: fragmentation, and all that settles without a level.
    Settling,
    /// Level up to an onset, then rising to the end.
    Growth,
}

/// The best fit of one family.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Explanation {
    pub(crate) family: Family,
    pub(crate) shape: Shape,
    /// Sum of squared errors over the blocks.
    pub(crate) error: f64,
    /// Numbers that were fitted, beside those that every explanation has.
    parameters: usize,
    /// What it says the window rose by, from the onset to the end.
    pub(crate) rise: f64,
    /// The block in which the rise began.
    pub(crate) onset: usize,
    /// When the rise ended or will have ended, in seconds; the window's end for growth.
    pub(crate) end_seconds: f64,
}

/// By how much growth must beat what is benign to be called a leak. On the scale of Kass and
/// Raftery (1995) differences of the Bayesian information criterion from 2 on are "positive", from
/// 6 on "strong" evidence of one look; a watcher looks all the time, so the value was chosen by
/// measurement (ARCHITECTURE.md has the curve).
pub(crate) const CLEAR_MARGIN: f64 = 4.0;

/// Share of the window's range that no explanation is asked to explain: real memory is never
/// exactly any of these shapes, and without a floor a clean series would decide on its
/// imperfections.
const TOLERANCE: f64 = 0.02;

/// The outcome of a competition that growth took part in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Competition {
    pub(crate) growth: Explanation,
    pub(crate) benign: Explanation,
    /// By how much growth beats the best benign explanation, in units of the Bayesian
    /// information criterion; negative if it loses.
    pub(crate) margin: f64,
}

/// The growth that fits best, unless not even the most favourable reading of the window lets it
/// beat a flat line: then no other explanation need be tried.
///
/// The effective size cannot exceed the number of blocks, and whatever is benign scores no worse
/// than a flat line, so this bound on the margin is an upper one.
pub(crate) fn growth_that_could_win(window: &Window) -> Option<Explanation> {
    let growth = growth::best(window)?;
    let size = window.len() as f64;
    let at_best = score(&window.flat(), window, size) - score(&growth, window, size);
    (at_best > 0.0).then_some(growth)
}

/// Lets `growth` and the benign families compete over `window`.
///
/// The score is the Bayesian information criterion, `n_eff ln(error / n + s^2) + k ln(n)` (Schwarz
/// 1978), `s` being the tolerance above. The effective size is that of the explanation that errs
/// least: what a bad one leaves is autocorrelated because it is bad.
pub(crate) fn compete(window: &Window, growth: Explanation) -> Competition {
    let benign = benign(window);
    let growths = [Some(growth), growth::under_warm_up(window)];
    let growths = growths.into_iter().flatten();
    let closest = benign.iter().flatten().copied().chain(growths.clone());
    let closest = closest.fold(growth, |a, b| if b.error < a.error { b } else { a });
    let floor = window.tolerated();
    let size = stats::effective_size(&window.residuals(closest.shape), floor);
    let better = |a: Explanation, b: Explanation| {
        if score(&b, window, size) < score(&a, window, size) { b } else { a }
    };
    let growth = growths.fold(growth, better);
    let benign = benign.into_iter().flatten().fold(window.flat(), better);
    let margin = score(&benign, window, size) - score(&growth, window, size);
    Competition { growth, benign, margin }
}

/// The benign explanation that fits best, at full size: what to call a window without growth.
pub(crate) fn best_benign(window: &Window) -> Explanation {
    let size = window.len() as f64;
    let better = |a: Explanation, b: Explanation| {
        if score(&b, window, size) < score(&a, window, size) { b } else { a }
    };
    benign(window).into_iter().flatten().fold(window.flat(), better)
}

fn benign(window: &Window) -> [Option<Explanation>; 5] {
    [
        filled::best(window),
        steps::one(window),
        steps::two(window),
        saturating::best(window),
        settling::best(window),
    ]
}

fn score(explanation: &Explanation, window: &Window, size: f64) -> f64 {
    let n = window.len() as f64;
    size * (explanation.error / n + window.tolerated()).ln()
        + explanation.parameters as f64 * n.ln()
}
