//! What happens in a drill, as typed events; the journal keeps them and narrators tell them.

mod truth;

use std::fmt;

use detector::Signal;
use serde::{Deserialize, Serialize};

pub use truth::{GroundTruth, Truth, is_counted};

use crate::drill::{Ending, FixStep};
use crate::proof::Proof;

/// A stretch of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The service comes up.
    Start,
    /// Load that nobody judges yet.
    WarmUp,
    /// Watched load with nothing wrong.
    Baseline,
    /// The leak or decoy is on.
    Detect,
    /// The fix has been applied, or the alarm waits to be withdrawn.
    Verify,
    /// Everything is put back.
    RollBack,
}

impl Phase {
    /// The word in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::WarmUp => "warm-up",
            Self::Baseline => "baseline",
            Self::Detect => "detect",
            Self::Verify => "verify",
            Self::RollBack => "roll back",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The alarm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Flag {
    /// Which signal it was raised on.
    pub signal: Signal,
    /// Seconds from the injection.
    pub after_seconds: f64,
    /// The gauge that the detector holds responsible.
    pub cause: Option<String>,
    /// Whether that gauge counts the target.
    pub cause_is_right: bool,
    /// Growth.
    pub slope_per_second: Option<f64>,
    /// Growth per answered request, as the detector measured it, in the signal's unit.
    pub per_request: Option<f64>,
    /// The detector's sentence.
    pub reason: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A phase begins; it ends by `within_seconds` at the latest.
    PhaseBegan {
        /// Which.
        phase: Phase,
        /// Its length, or its deadline.
        within_seconds: f64,
    },
    /// A phase has ended.
    PhaseEnded {
        /// Which.
        phase: Phase,
        /// How long it took.
        after_seconds: f64,
        /// What came of it.
        note: String,
    },
    /// The leak or decoy is on.
    Injected {
        /// What the service says of it.
        truth: Truth,
    },
    /// The alarm that is looked for.
    Flagged(Flag),
    /// An alarm where none is right.
    FalseFlag {
        /// In which phase.
        phase: Phase,
        /// On which signal.
        signal: Signal,
        /// The detector's sentence.
        reason: String,
    },
    /// The fix has been applied.
    Fixed {
        /// What was done.
        steps: Vec<FixStep>,
        /// What the service held before.
        before: Truth,
        /// What it holds now.
        after: Truth,
    },
    /// What the service says of the target at the end.
    Inspected {
        /// The truth.
        truth: Truth,
    },
    /// The numbers of the proof of recovery, when the verification ended.
    Proved(Proof),
    /// The drill ended as expected.
    Ended {
        /// How.
        ending: Ending,
        /// Seconds from the moment that the deadline counts from.
        after_seconds: f64,
    },
    /// The load is over.
    LoadEnded(LoadSummary),
    /// The target is off and empty again, or why not.
    RolledBack {
        /// What went wrong, if anything.
        problem: Option<String>,
    },
}

/// What the load generator did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LoadSummary {
    /// Requests sent.
    pub sent: u64,
    /// Answers received.
    pub completed: u64,
    /// Requests that failed.
    pub errors: u64,
    /// Requests whose client went away, as the drill wanted it.
    #[serde(default)]
    pub aborted: u64,
    /// Set if the load could not be generated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Whether the drill ran, and what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All as expected.
    Passed,
    /// An expectation failed.
    Failed,
    /// It did not come to a finding.
    CouldNotRun,
    /// Somebody stopped it.
    Interrupted,
}

impl Status {
    /// The word in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::CouldNotRun => "could not run",
            Self::Interrupted => "interrupted",
        }
    }
}

/// The end of a drill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// How it went.
    pub status: Status,
    /// Why, one sentence each; empty if it passed.
    pub reasons: Vec<String>,
}
