//! Settling: rises with the logarithm of time, as fragmentation and rarely used memory do.

use super::sums::{MOST_COVARIATES, Moments};
use super::{Explanation, Family, Shape, Window};

/// Times until the rise begins to slow down that are tried, as shares of the time since onset.
const SHARES: [f64; 4] = [0.01, 0.03, 0.1, 0.3];

/// Onsets that are tried, as shares of the window: a shape this slow does not tell them closely.
const ONSETS: usize = 4;

pub(super) fn best(window: &Window) -> Option<Explanation> {
    let n = window.len();
    let onsets = (0..ONSETS).map(|i| i * n / (2 * ONSETS));
    let candidates =
        onsets.flat_map(|onset| SHARES.map(|share| (onset, share * (1.0 - window.x[onset]))));
    let fits = candidates.filter_map(|(onset, tau)| {
        let (height, error) = window.fit(&moments(window, onset, tau))?;
        (height > 0.0).then_some((error, onset, tau, height))
    });
    let (error, onset, tau, height) = fits.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let start = window.x[onset];
    Some(Explanation {
        family: Family::Settling,
        shape: Shape::Settling { onset: start, tau },
        error,
        parameters: 3 + usize::from(onset > 0),
        rise: height * super::shape::settling(1.0 - start, tau),
        onset,
        // It never ends, but half as much again takes as long as it has taken.
        end_seconds: window.seconds_at(1.0),
    })
}

fn moments(window: &Window, onset: usize, tau: f64) -> Moments {
    let mut moments = Moments::default();
    for i in onset..window.len() {
        let r = super::shape::settling(window.x[i] - window.x[onset], tau);
        moments.sum += r;
        moments.square += r * r;
        moments.y += r * window.y[i];
        for (k, covariate) in window.covariates.iter().enumerate().take(MOST_COVARIATES) {
            moments.covariates[k] += r * covariate[i];
        }
    }
    moments
}
