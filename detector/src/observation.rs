//! What the core is told about one entity at one instant, and what it refuses to be told.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A resource that can leak, and that is judged for itself.
///
/// The names are those of the trace columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Resident anonymous memory: the process's own pages, without mapped files.
    RssAnonBytes,
    /// Resident memory, mapped files included.
    RssBytes,
    /// Memory in use of a whole host, 0 to 100.
    MemoryUsedPercent,
    /// Bytes in use as the process's own allocator counts them.
    HeapBytes,
    /// Open file descriptors.
    Fds,
    /// Operating-system threads.
    Threads,
    /// Tasks of the process's own scheduler (goroutines, futures).
    Tasks,
    /// Processes, children included.
    Processes,
}

impl Signal {
    /// Every signal, in the order in which results are shown.
    pub const ALL: [Self; 8] = [
        Self::RssAnonBytes,
        Self::RssBytes,
        Self::MemoryUsedPercent,
        Self::HeapBytes,
        Self::Fds,
        Self::Threads,
        Self::Tasks,
        Self::Processes,
    ];

    /// Whether it is memory in bytes; the others are percent or counted.
    pub const fn is_bytes(self) -> bool {
        matches!(self, Self::RssAnonBytes | Self::RssBytes | Self::HeapBytes)
    }

    /// The name in files, flags and results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RssAnonBytes => "rss_anon_bytes",
            Self::RssBytes => "rss_bytes",
            Self::MemoryUsedPercent => "memory_used_percent",
            Self::HeapBytes => "heap_bytes",
            Self::Fds => "fds",
            Self::Threads => "threads",
            Self::Tasks => "tasks",
            Self::Processes => "processes",
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A name that is no signal's.
#[derive(Debug, thiserror::Error)]
#[error("unknown signal `{name}`; valid are {}", Signal::ALL.map(Signal::name).join(", "))]
pub struct UnknownSignal {
    name: String,
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    fn from_str(name: &str) -> Result<Self, UnknownSignal> {
        Self::ALL
            .into_iter()
            .find(|signal| signal.name() == name)
            .ok_or_else(|| UnknownSignal { name: name.to_owned() })
    }
}

/// All that was seen of one entity at one instant. What could not be read is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Monotone seconds since any fixed instant.
    pub t_seconds: f64,
    /// Identity of the run: the start time of the process, in seconds since any fixed instant.
    /// A change is a restart and begins a new segment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_seconds: Option<f64>,
    /// The resources, each in the unit that its name states.
    #[serde(default)]
    pub signals: BTreeMap<Signal, f64>,
    /// Requests served so far (a counter).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_total: Option<f64>,
    /// Whatever else the entity counts, by name: the candidates for the cause.
    #[serde(default)]
    pub gauges: BTreeMap<String, f64>,
}

impl Observation {
    /// Refuses what would make a verdict false.
    pub(crate) fn check(&self, previous_seconds: Option<f64>) -> Result<(), BadObservation> {
        let t_seconds = self.t_seconds;
        let bad = |name: &str, value: f64| {
            Err(BadObservation::NotANumber { name: name.to_owned(), value, t_seconds })
        };
        if !t_seconds.is_finite() {
            return bad("t_seconds", t_seconds);
        }
        if let Some(previous_seconds) = previous_seconds.filter(|&before| t_seconds <= before) {
            return Err(BadObservation::TimeNotRising { t_seconds, previous_seconds });
        }
        let signals = self.signals.iter().map(|(signal, &value)| (signal.name(), value));
        let requests = self.requests_total.map(|value| ("requests_total", value));
        let gauges = self.gauges.iter().map(|(name, &value)| (name.as_str(), value));
        match signals.chain(requests).chain(gauges).find(|(_, v)| !v.is_finite() || *v < 0.0) {
            Some((name, value)) => bad(name, value),
            None => Ok(()),
        }
    }
}

/// What is remembered of the observations up to now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Seen {
    /// When the latest was.
    pub(crate) t_seconds: f64,
    start_seconds: Option<f64>,
    requests_total: Option<f64>,
}

impl Seen {
    /// Whether `next` is of another run: its start time differs, or its request
    /// counter fell, which a counter does only when it begins anew.
    pub(crate) fn restarted_by(&self, next: &Observation) -> bool {
        let differs = |(a, b): (f64, f64)| (a - b).abs() > START_TOLERANCE_SECONDS;
        self.start_seconds.zip(next.start_seconds).is_some_and(differs)
            || self.requests_total.zip(next.requests_total).is_some_and(|(a, b)| b < a)
    }

    /// With one more; a cell that it lacks is as it was.
    pub(crate) fn and(self, next: &Observation) -> Self {
        Self {
            t_seconds: next.t_seconds,
            start_seconds: next.start_seconds.or(self.start_seconds),
            requests_total: next.requests_total.or(self.requests_total),
        }
    }
}

/// Start times that differ by less are the same: `/proc` counts in hundredths of a second, and a
/// wall clock that is adjusted moves them.
const START_TOLERANCE_SECONDS: f64 = 0.5;

/// An observation that the core refuses, because a verdict on it would be false.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BadObservation {
    /// Time must rise strictly.
    #[error("t_seconds {t_seconds} does not come after {previous_seconds}")]
    TimeNotRising {
        /// The refused time.
        t_seconds: f64,
        /// The last accepted time.
        previous_seconds: f64,
    },
    /// Every number must be finite and not negative (time excepted).
    #[error("{name} is {value} at t_seconds {t_seconds}; expected a finite number, zero or more")]
    NotANumber {
        /// Which column.
        name: String,
        /// The refused value.
        value: f64,
        /// When.
        t_seconds: f64,
    },
}
