//! The shapes that explanations are made of, as functions of time.

/// A family's regressors, chosen; the coefficients follow by least squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Shape {
    Flat,
    /// `max(0, x - onset)`, or its square.
    Rising {
        onset: f64,
        power: i32,
    },
    /// `max(0, served - onset)`, of the requests served as a share of those in the window.
    RisingWithWork {
        onset: f64,
    },
    /// `clamp(x, onset, end) - onset`.
    Filled {
        onset: f64,
        end: f64,
    },
    /// Jumps at the blocks at these times; one if they are the same.
    Steps {
        first: f64,
        last: f64,
    },
    /// `1 - exp(-(x - onset) / tau)`.
    Saturating {
        onset: f64,
        tau: f64,
    },
    /// `ln(1 + (x - onset) / tau)`.
    Settling {
        onset: f64,
        tau: f64,
    },
    /// Saturating and rising at once, from one onset.
    RisingUnderWarmUp {
        onset: f64,
        tau: f64,
    },
}

impl Shape {
    /// Its regressors at each `x`.
    pub(super) fn columns(self, x: &[f64]) -> Vec<Vec<f64>> {
        let column = |f: &dyn Fn(f64) -> f64| x.iter().map(|&x| f(x)).collect::<Vec<f64>>();
        match self {
            Self::Flat | Self::RisingWithWork { .. } => Vec::new(),
            Self::Rising { onset, power } => vec![column(&|x| (x - onset).max(0.0).powi(power))],
            Self::Filled { onset, end } => vec![column(&|x| x.clamp(onset, end) - onset)],
            Self::Steps { first, last } => {
                let jump = |at: f64| column(&|x| if x >= at { 1.0 } else { 0.0 });
                if first < last { vec![jump(first), jump(last)] } else { vec![jump(first)] }
            }
            Self::Saturating { onset, tau } => vec![column(&|x| saturating(x - onset, tau))],
            Self::Settling { onset, tau } => vec![column(&|x| settling(x - onset, tau))],
            Self::RisingUnderWarmUp { onset, tau } => {
                vec![column(&|x| saturating(x - onset, tau)), column(&|x| (x - onset).max(0.0))]
            }
        }
    }
}

pub(super) fn saturating(since_onset: f64, tau: f64) -> f64 {
    1.0 - (-since_onset.max(0.0) / tau).exp()
}

pub(super) fn settling(since_onset: f64, tau: f64) -> f64 {
    (since_onset.max(0.0) / tau).ln_1p()
}
