//! A drill as data: one experiment, complete and checked.
//!
//! A [`Drill`] that exists is possible: [`parse`] reports every fault of a file and builds none
//! from it. How a drill is run is the conductor's matter.

mod consistency;
mod fields;
mod file;
mod load;
mod problem;
mod shipped;
mod target;
mod yaml;

pub use file::parse;
pub use load::{Arrivals, Load, Swing};
pub use problem::{Place, Problem, Problems};
pub use shipped::{SHIPPED, Shipped};
pub use target::{Target, TargetKind};

use detector::Signal;
use serde::{Deserialize, Serialize};

use crate::proof::Part;

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
    /// Serve on with the correct code, keep what is held.
    Patch,
}

impl FixStep {
    /// Whether nothing leaks any more after it.
    pub const fn stops(self) -> bool {
        matches!(self, Self::Disable | Self::Patch)
    }

    /// The word in drill files and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Clear => "clear",
            Self::Patch => "patch",
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

    /// Whether this part of the proof of recovery is asked for.
    pub const fn asks_for(self, part: Part) -> bool {
        match self {
            Self::Recovered => true,
            Self::GrowthStopped => matches!(part, Part::Growth | Part::Dose),
            Self::Reopened | Self::Withdrawn | Self::Steady => false,
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

    /// The part of the requests that leave something behind.
    pub fn leaking_share(&self) -> f64 {
        if self.target.leaks_when_aborted() {
            self.target.share * self.load.abort_share
        } else {
            self.target.share
        }
    }

    /// What leaks for every request that is answered: those whose clients go away are not counted
    /// by the service. Some are answered: a drill file asks for 99 % aborts at most.
    pub fn leaking_per_answer(&self) -> f64 {
        self.leaking_share() / (1.0 - self.load.abort_share)
    }

    /// Seconds until a decoy is full that takes something for each request, at the drill's own
    /// rate, and the setting that bounds it; absent for decoys of other kinds.
    pub fn filling(&self) -> Option<(&'static str, f64)> {
        let entries_per_second = self.load.mean_rate_per_second() * self.leaking_share();
        let bytes_per_second =
            entries_per_second * self.target.bytes_per_request.unwrap_or(0) as f64;
        let (bound, per_second) = match self.target.name.as_str() {
            "bounded_cache" => ("max_entries", entries_per_second),
            "pool" => ("max_connections", entries_per_second),
            "page_cache" => ("size", bytes_per_second),
            "expiring_cache" => ("time_to_live", 1000.0),
            _ => return None,
        };
        Some((bound, *self.target.parameters.get(bound)? as f64 / per_second))
    }
}
