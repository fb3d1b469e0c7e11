//! A drill as data: one experiment, complete and checked.
//!
//! A [`Drill`] that exists is possible: [`parse`] reports every fault of a file and builds none
//! from it. How a drill is run is the conductor's matter.

mod consistency;
mod fields;
mod file;
mod problem;
mod shipped;
mod yaml;

pub use file::{DECOYS, LEAKS, parse};
pub use problem::{Place, Problem, Problems};
pub use shipped::{SHIPPED, Shipped};

use detector::Signal;
use serde::{Deserialize, Serialize};

/// One experiment: what leaks, under which load, and what the detector must make of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// The name of its folder, or of the file.
    pub name: String,
    /// One line for lists and reports.
    pub title: String,
    /// What is believed, and tested by this drill.
    pub hypothesis: String,
    /// What is switched on in the service.
    pub target: Target,
    /// The requests, from the warm-up to the end.
    pub load: Load,
    /// How the memory is watched.
    pub detector: Watch,
    /// The phases that have no condition of their own, and the fix.
    pub phases: Phases,
    /// What must happen, and by when.
    pub expect: Expect,
}

/// Whether the target is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Keeps what it should release.
    Leak,
    /// Rises and is no leak.
    Decoy,
}

/// A leak or a decoy of the service, with its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Leak or decoy.
    pub kind: TargetKind,
    /// Its name in the service.
    pub name: String,
    /// What a request leaves behind.
    pub bytes_per_request: u64,
    /// The bound of a bounded decoy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_entries: Option<u64>,
}

impl Target {
    /// Whether this is a look-alike that must be recognised as such.
    pub fn is_decoy(&self) -> bool {
        self.kind == TargetKind::Decoy
    }
}

/// How requests are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// At random and independently, from the seed.
    Poisson,
}

/// The open-loop load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Requests per second.
    pub rate_per_second: f64,
    /// Their spacing.
    pub arrivals: Arrivals,
    /// Keep-alive connections.
    pub connections: u32,
    /// Seed of the schedule.
    pub seed: u64,
}

/// How the detector watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Watch {
    /// Shortest stretch of growth that may be called a leak.
    pub confirm_seconds: f64,
    /// Interval between samples.
    pub every_seconds: f64,
    /// Signals to judge; empty means all.
    pub signals: Vec<Signal>,
}

/// One step of a fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FixStep {
    /// Leak no more, keep what is held.
    Disable,
    /// Drop what is held.
    Clear,
}

impl FixStep {
    /// The word in drill files and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Clear => "clear",
        }
    }
}

/// The lengths of the phases that wait for nothing, and the fix.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Load before the watch begins, so that caches, pools and code are warm.
    pub warm_up_seconds: f64,
    /// Watched load before the injection; the detector must be silent.
    pub baseline_seconds: f64,
    /// What is done once the leak is flagged; empty for a decoy.
    pub fix: Vec<FixStep>,
}

/// How a drill ends when all goes as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Growth stopped and memory given back, both proved.
    Recovered,
    /// Growth stopped, memory still held.
    GrowthStopped,
    /// New growth after the fix.
    Reopened,
    /// The alarm is taken back.
    Withdrawn,
    /// Never an alarm, and `steady` at the deadline.
    Steady,
}

impl Ending {
    /// Every ending; its key in the drill file is the name with `_within`.
    pub const ALL: [Self; 5] =
        [Self::Recovered, Self::GrowthStopped, Self::Reopened, Self::Withdrawn, Self::Steady];

    /// The word in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recovered => "recovered",
            Self::GrowthStopped => "growth_stopped",
            Self::Reopened => "reopened",
            Self::Withdrawn => "withdrawn",
            Self::Steady => "steady",
        }
    }

    /// The key in the drill file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Recovered => "recovered_within",
            Self::GrowthStopped => "growth_stopped_within",
            Self::Reopened => "reopened_within",
            Self::Withdrawn => "withdrawn_within",
            Self::Steady => "steady_within",
        }
    }

    /// Whether only a leak can end so.
    pub const fn is_of_a_leak(self) -> bool {
        matches!(self, Self::Recovered | Self::GrowthStopped | Self::Reopened)
    }
}

/// What is asked of the named cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It must be a gauge that counts the target.
    Right,
    /// It may be anything, also nothing.
    Any,
}

/// What must happen, and by when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Expect {
    /// Deadline of the flag, counted from the injection; absent: it must never be flagged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flagged_within_seconds: Option<f64>,
    /// What the flag must name.
    pub cause: Cause,
    /// The state in which the drill must end.
    pub ending: Ending,
    /// Its deadline: counted from the fix for a leak, from the flag for a withdrawn alarm, and
    /// from the injection for `steady`, which is judged at the deadline and not before.
    pub ending_within_seconds: f64,
}

impl Drill {
    /// Longest time from the injection to the end.
    pub fn longest_seconds(&self) -> f64 {
        self.expect.flagged_within_seconds.unwrap_or(0.0) + self.expect.ending_within_seconds
    }

    /// Seconds until a bounded decoy is full, at the drill's own rate.
    pub fn fill_seconds(&self) -> Option<f64> {
        self.target.max_entries.map(|entries| entries as f64 / self.load.rate_per_second)
    }
}
