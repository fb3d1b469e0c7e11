//! What is true of the target, by the service's own word: what the detector is held to.

use std::collections::BTreeMap;

use detector::Signal;
use serde::{Deserialize, Serialize};

/// What the service itself says of the target: the truth that the detector is held to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Entries held.
    pub entries: u64,
    /// Bytes held, exact.
    pub held_bytes: u64,
    /// Bytes that an entry takes on average, measured by the service.
    pub bytes_per_request: Option<f64>,
    /// Requests of which it should have kept something and could not.
    pub failures: u64,
    /// Whether it has stopped growing at the service's safety cap.
    pub capped: bool,
    /// The gauges on the metrics page that count this target.
    pub gauges: Vec<String>,
    /// What it holds of every signal that it shows on, in the signal's unit; absent where it shows
    /// and nobody knows how much.
    pub signals: BTreeMap<Signal, Option<f64>>,
}

impl Truth {
    /// The signals that it holds anything of, or may; those that are counted come first.
    pub fn shows_on(&self) -> impl Iterator<Item = Signal> {
        let shown = |counted: bool| {
            let signals = self.signals.iter().filter(|(_, held)| **held != Some(0.0));
            signals.map(|(signal, _)| *signal).filter(move |s| is_counted(*s) == counted)
        };
        shown(true).chain(shown(false))
    }

    /// Whether `cause` names one of the gauges that count the target, labels aside.
    pub fn is_counted_by(&self, cause: &str) -> bool {
        let family = |name: &str| name.split('{').next().unwrap_or_default().to_owned();
        self.gauges.iter().any(|gauge| gauge == cause || *gauge == family(cause))
    }
}

/// Whether `signal` counts things; the others are memory.
pub fn is_counted(signal: Signal) -> bool {
    matches!(signal, Signal::Fds | Signal::Threads | Signal::Tasks | Signal::Processes)
}

/// What leaked, from when to when, and how much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GroundTruth {
    /// When it was switched on.
    pub onset_seconds: Option<f64>,
    /// When the fix was done.
    pub fixed_seconds: Option<f64>,
    /// Requests of the load that were answered or aborted in between.
    pub requests: Option<u64>,
    /// Things held just before the fix, or at the end of a drill without one.
    pub entries: Option<u64>,
    /// Bytes held then.
    pub held_bytes: Option<u64>,
    /// Bytes that an entry takes, as the service measured them.
    pub bytes_per_request: Option<f64>,
    /// What was held then of every signal that it shows on, in the signal's unit; absent where
    /// nobody knows how much.
    #[serde(default)]
    pub signals: BTreeMap<Signal, Option<f64>>,
}

impl GroundTruth {
    /// What an entry takes of `signal`, where that is known.
    pub fn per_entry(&self, signal: Signal) -> Option<f64> {
        let held = self.signals.get(&signal).copied().flatten()?;
        let entries = self.entries.filter(|entries| *entries > 0)?;
        Some(held / entries as f64)
    }
}
