//! What passes between the conductor and the loop around it: inputs, operations, progress.

use std::ops::RangeInclusive;

use detector::{Assessment, Observation, Signal};

use crate::event::{Event, GroundTruth, LoadSummary, Phase, Truth, Verdict};

/// What the process looked like at an instant.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// What was seen of it.
    pub seen: Observation,
    /// Requests over since the load began.
    pub requests: u64,
    /// The detector's present answer on every signal; empty until it watches.
    pub answers: Vec<Assessment>,
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The service answers.
    Started,
    /// The process was looked at.
    Looked(Look),
    /// The target is on, since `at_seconds`.
    Injected {
        /// Just before the request that switched it on.
        at_seconds: f64,
        /// What the service says of it.
        truth: Truth,
        /// Requests over since the load began, at least and at most.
        requests: RangeInclusive<u64>,
    },
    /// The fix is done.
    Fixed {
        /// What the service holds now.
        after: Truth,
    },
    /// The service was asked about the target.
    Inspected {
        /// What it says.
        truth: Truth,
        /// Requests over since the load began, at least and at most.
        requests: RangeInclusive<u64>,
    },
    /// The load is over.
    LoadEnded(LoadSummary),
    /// The target is off and empty, or why not.
    RolledBack {
        /// What went wrong, if anything.
        problem: Option<String>,
    },
    /// Something without which no drill can go on.
    Broken(String),
    /// Somebody wants it to end.
    Interrupted,
    /// Nothing, but time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Start the service and wait until it answers.
    StartService,
    /// Start the load and the sampler.
    StartLoad,
    /// From now on show the detector what is seen.
    StartWatching,
    /// Switch the target on.
    Inject,
    /// Apply the fix, and tell the detector.
    Fix,
    /// Ask the service about the target.
    Inspect,
    /// End the load.
    StopLoad,
    /// Switch the target off and empty it.
    RollBack,
    /// Tell whoever listens.
    Say(Event),
    /// End: nothing follows.
    Finish(Verdict, GroundTruth),
}

/// Where a drill stands, for those who watch it.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Seconds into it.
    pub elapsed_seconds: f64,
    /// Its length, or its deadline.
    pub within_seconds: f64,
    /// The signal that matters, and its value at the last look.
    pub level: Option<(Signal, f64)>,
    /// The detector's present answer on that signal.
    pub answer: Option<Assessment>,
}
