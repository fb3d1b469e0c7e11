//! What the core says of a signal: its state, the evidence and the reason, one line each.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Signal;

/// The state of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Judged, and no leak; after `leaking` it means that the alarm is withdrawn.
    Steady,
    /// Growing, but the evidence does not yet span what was asked for.
    Suspect,
    /// A leak: growth that no benign explanation fits better.
    Leaking,
    /// Was leaking; no longer grows under comparable load; what it took is still held.
    GrowthStopped,
    /// Was leaking; no longer grows under comparable load; what it took is given back.
    Recovered,
    /// Cannot be told yet; the reason says what is missing.
    Undecided,
}

impl State {
    /// The name in files and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Suspect => "suspect",
            Self::Leaking => "leaking",
            Self::GrowthStopped => "growth_stopped",
            Self::Recovered => "recovered",
            Self::Undecided => "undecided",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The judgement of one signal at one instant; `detector replay` prints one per change of state.
///
/// Slopes are in the signal's unit per second; an absent number is one that cannot be told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// When it was judged, on the clock of the observations.
    pub t_seconds: f64,
    /// What was judged.
    pub signal: Signal,
    /// The verdict.
    pub state: State,
    /// Robust slope of the stretch that was judged.
    pub slope_per_second: Option<f64>,
    /// Lower end of the slope's 95 % interval.
    pub slope_low: Option<f64>,
    /// Upper end of the slope's 95 % interval.
    pub slope_high: Option<f64>,
    /// The gauge that grows with it, where one explains it.
    pub cause: Option<String>,
    /// One sentence: what was seen, or what is missing.
    pub reason: String,
    /// Since when it grows.
    pub onset_seconds: Option<f64>,
    /// Seconds until the limit at the present slope; of memory only.
    pub eta_seconds: Option<f64>,
    /// Growth per unit of the cause; of signals in bytes only.
    pub bytes_per_entry: Option<f64>,
    /// Growth per request; of signals in bytes only.
    pub bytes_per_request: Option<f64>,
}
