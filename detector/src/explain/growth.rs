//! A leak: level up to an onset, then rising to the end, linearly, with the square of time or with
//! the requests served; or rising beneath a warm-up.

use super::saturating::{self, TIME_CONSTANTS};
use super::sums::Piece;
use super::{Explanation, Family, Shape, Window};

/// Blocks that must rise for the rise to be seen at all.
const LEAST_RISING: usize = 3;

/// Time constants after which a warm-up no longer hides what rises beneath it: 5 % is left.
const WARM_UP_OVER: f64 = 3.0;

/// Time constants for which what rises beneath a warm-up must be seen: a second, slower warm-up (code
/// is compiled long after classes are loaded) looks the same for as long as it takes itself.
const LEAST_SEEN: f64 = 8.0;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let fits = [with_time(window), with_work(window)];
    fits.into_iter().flatten().min_by(|a, b| a.error.total_cmp(&b.error))
}

/// As much per request: the same hinge, over the requests served instead of time.
fn with_work(window: &Window) -> Option<Explanation> {
    let (work, sums) = window.work.as_ref()?;
    let n = window.len();
    let mut best: Option<(f64, usize, f64)> = None;
    for (onset, &a) in work.iter().enumerate().take(n.saturating_sub(LEAST_RISING)) {
        let piece = Piece { from: onset, to: n, coefficients: [-a, 1.0, 0.0] };
        if let Some((slope, error)) = window.fit(&sums.moments(&[piece]))
            && slope > 0.0
            && best.is_none_or(|(least, ..)| error < least)
        {
            best = Some((error, onset, slope * (1.0 - a)));
        }
    }
    best.map(|(error, onset, rise)| Explanation {
        family: Family::Growth,
        shape: Shape::RisingWithWork { onset: work[onset] },
        error,
        // Whether time or requests is a choice of two.
        parameters: 3 + usize::from(onset > 0),
        rise,
        onset,
        end_seconds: window.seconds_at(1.0),
    })
}

fn with_time(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let mut best: Option<(f64, usize, i32, f64)> = None;
    for onset in 0..n.saturating_sub(LEAST_RISING) {
        let a = window.x[onset];
        let linear = [-a, 1.0, 0.0];
        let squared = [a * a, -2.0 * a, 1.0];
        for (power, coefficients) in [(1, linear), (2, squared)] {
            let moments = window.moments(&[Piece { from: onset, to: n, coefficients }]);
            if let Some((slope, error)) = window.fit(&moments)
                && slope > 0.0
                && best.is_none_or(|(least, ..)| error < least)
            {
                best = Some((error, onset, power, slope * (1.0 - a).powi(power)));
            }
        }
    }
    best.map(|(error, onset, power, rise)| Explanation {
        family: Family::Growth,
        shape: Shape::Rising { onset: window.x[onset], power },
        error,
        // An onset at the window's edge was not fitted; the power is a choice of two.
        parameters: 2 + usize::from(onset > 0) + usize::from(power == 2),
        rise,
        onset,
        end_seconds: window.seconds_at(1.0),
    })
}

/// A warm-up, and beneath it a steady rise that goes on when it is over. What counts as growth is
/// only what comes after the warm-up.
pub(super) fn under_warm_up(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let mut best: Option<(f64, usize, f64, f64)> = None;
    for tau in TIME_CONSTANTS {
        saturating::each_onset(window, tau, |onset, warm, product| {
            if window.x[onset] + LEAST_SEEN * tau >= 1.0 {
                return;
            }
            let coefficients = [-window.x[onset], 1.0, 0.0];
            let rising = window.moments(&[Piece { from: onset, to: n, coefficients }]);
            if let Some(([height, slope], error)) = window.fit_two(warm, &rising, product)
                && height > 0.0
                && slope > 0.0
                && best.is_none_or(|(least, ..)| error < least)
            {
                best = Some((error, onset, tau, slope));
            }
        });
    }
    let (error, onset, tau, slope) = best?;
    let start = window.x[onset];
    let over = window.x.partition_point(|&x| x < start + WARM_UP_OVER * tau);
    Some(Explanation {
        family: Family::Growth,
        shape: Shape::RisingUnderWarmUp { onset: start, tau },
        error,
        parameters: 4 + usize::from(onset > 0),
        rise: slope * (1.0 - window.x[over]),
        onset: over,
        end_seconds: window.seconds_at(1.0),
    })
}
