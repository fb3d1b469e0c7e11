//! Detectors that others use or published, implemented anew, each in a file of its own; they join
//! by their line in [`RIVALS`].
//!
//! Where a rule needs a window, only traces that hold it are scored for it, and rules about memory
//! are not blamed for descriptors. So a rival's score is of what it was made for.

mod coroot;
mod deriv;
mod first_last;
mod level;
mod mann_kendall;
mod precog;
mod rate;

use detector::Signal;

use super::alert::Firing;
use super::series::Series;
use crate::corpus::Trace;

/// A detector of somebody else.
pub struct Rival {
    /// The name in flags and results.
    pub name: &'static str,
    /// One line: the rule.
    pub says: &'static str,
    /// What it is shown.
    pub sees: Sees,
    /// The shortest trace that it can say anything about.
    pub needs_seconds: f64,
    /// Its alarms on one signal.
    pub judge: fn(&Series) -> Vec<Firing>,
}

/// What a detector is shown of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sees {
    /// Resident memory in bytes, mapped files included: `process_resident_memory_bytes`.
    Resident,
    /// Memory without mapped files, in bytes, or the host's in percent.
    Memory,
    /// Every resource, each by itself.
    Everything,
}

impl Sees {
    /// The signals that it is shown, among those that are there.
    pub fn signals(self, trace: &Trace) -> Vec<Signal> {
        let there = |signal: &Signal| {
            trace.observations.iter().any(|seen| seen.signals.contains_key(signal))
        };
        let memory = [Signal::RssAnonBytes, Signal::RssBytes, Signal::MemoryUsedPercent];
        let memory = memory.into_iter().find(there);
        match self {
            Self::Resident => Some(Signal::RssBytes).filter(there).into_iter().collect(),
            Self::Memory => memory.into_iter().collect(),
            Self::Everything => {
                let counted = [Signal::Fds, Signal::Threads, Signal::Tasks, Signal::Processes];
                memory.into_iter().chain(counted.into_iter().filter(there)).collect()
            }
        }
    }
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const MIB: f64 = 1_048_576.0;

/// Every rival.
pub static RIVALS: [Rival; 9] = [
    Rival {
        name: "rate",
        says: "rate(process_resident_memory_bytes[1h]) / 2^20 > 10 for 30m, as published",
        sees: Sees::Resident,
        needs_seconds: 32.0 * MINUTE,
        judge: rate::judge,
    },
    Rival {
        name: "deriv",
        says: "deriv(process_resident_memory_bytes[1h]) * 3600 / 2^20 > 10 for 30m",
        sees: Sees::Resident,
        needs_seconds: 32.0 * MINUTE,
        judge: deriv::judge,
    },
    Rival {
        name: "first_last",
        says: "every 10 minutes: more than 50 % above the first check",
        sees: Sees::Everything,
        needs_seconds: 20.0 * MINUTE,
        judge: first_last::judge,
    },
    Rival {
        name: "mann_kendall",
        says: "hourly over the last six hours: Mann-Kendall, rising at alpha .01",
        sees: Sees::Everything,
        needs_seconds: 6.0 * HOUR,
        judge: mann_kendall::plain,
    },
    Rival {
        name: "hamed_rao",
        says: "the same with the variance of Hamed and Rao (1998)",
        sees: Sees::Everything,
        needs_seconds: 6.0 * HOUR,
        judge: mann_kendall::hamed_rao,
    },
    Rival {
        name: "coroot",
        says: "least squares on the longest run of the last 3 hours: > 10 %/h, >= 5 % of the limit/h, \
               tail >= .3 of it, for 15m",
        sees: Sees::Memory,
        needs_seconds: 30.0 * MINUTE,
        judge: coroot::judge,
    },
    Rival {
        name: "precog",
        says: "hourly: a line with R2 > .8 over six hours or more that reaches the limit in 7 days",
        sees: Sees::Memory,
        needs_seconds: 6.0 * HOUR,
        judge: precog::judge,
    },
    Rival {
        name: "level_2gb",
        says: "process_resident_memory_bytes > 2 GB for 5m",
        sees: Sees::Resident,
        needs_seconds: 10.0 * MINUTE,
        judge: level::two_gigabytes,
    },
    Rival {
        name: "level_75",
        says: "memory > 75 % of the limit for 5m",
        sees: Sees::Memory,
        needs_seconds: 10.0 * MINUTE,
        judge: level::three_quarters,
    },
];
