//! The detectors under test: the built-in one, and the rivals.

use detector::{Settings, State, Watcher};

use super::Change;
use super::rival::{RIVALS, Rival};
use super::series::Series;
use crate::corpus::Trace;

/// The name of our own.
pub const BUILTIN: &str = "builtin";

/// A detector under test.
pub enum Contestant {
    /// The watcher of the crate `detector`.
    Builtin {
        /// Its shortest evidence; its own default if none.
        confirm_seconds: Option<f64>,
    },
    /// Somebody else's.
    Rival(&'static Rival),
}

/// A name that is no detector's.
#[derive(Debug, thiserror::Error)]
#[error("unknown detector `{0}`; valid are {BUILTIN}, {names}", names = names())]
pub struct UnknownDetector(String);

fn names() -> String {
    RIVALS.iter().map(|rival| rival.name).collect::<Vec<_>>().join(", ")
}

impl Contestant {
    /// The contestant of this name.
    pub fn named(name: &str, confirm_seconds: Option<f64>) -> Result<Self, UnknownDetector> {
        if name == BUILTIN {
            return Ok(Self::Builtin { confirm_seconds });
        }
        let rival = RIVALS.iter().find(|rival| rival.name == name);
        rival.map(Self::Rival).ok_or_else(|| UnknownDetector(name.to_owned()))
    }

    /// Ours and every rival.
    pub fn all(confirm_seconds: Option<f64>) -> Vec<Self> {
        let rivals = RIVALS.iter().map(Self::Rival);
        [Self::Builtin { confirm_seconds }].into_iter().chain(rivals).collect()
    }

    /// The name in flags and results.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Builtin { .. } => BUILTIN,
            Self::Rival(rival) => rival.name,
        }
    }

    /// One line: what it does.
    pub fn says(&self) -> &'static str {
        match self {
            Self::Builtin { .. } => "explanations compete on blocks, at several horizons",
            Self::Rival(rival) => rival.says,
        }
    }

    /// Whether it was made for this trace: it is long enough, and what leaks is shown to it.
    pub fn in_scope(&self, trace: &Trace) -> bool {
        let Self::Rival(rival) = self else { return true };
        let seen = rival.sees.signals(trace);
        let span = trace.observations.first().zip(trace.observations.last());
        let seconds = span.map_or(0.0, |(first, last)| last.t_seconds - first.t_seconds);
        let visible = match &trace.truth.leak {
            Some(leak) => leak.signals.iter().any(|signal| seen.contains(signal)),
            None => !seen.is_empty(),
        };
        visible && seconds >= rival.needs_seconds
    }

    /// Its changes of state, in the order of time.
    pub fn changes(&self, trace: &Trace) -> Vec<Change> {
        match self {
            Self::Builtin { confirm_seconds } => builtin(trace, *confirm_seconds),
            Self::Rival(rival) => alarms(rival, trace),
        }
    }
}

/// As `detector replay` does, with the limit that the truth states.
fn builtin(trace: &Trace, confirm_seconds: Option<f64>) -> Vec<Change> {
    let settings = Settings { confirm_seconds, limit: trace.truth.limit, ..Settings::default() };
    let mut watcher = Watcher::new(settings);
    let mut changes = Vec::new();
    for seen in &trace.observations {
        // What the core refuses, `replay` stops at; a corpus has none (its reader refuses it).
        let Ok(said) = watcher.observe(seen) else { break };
        changes.extend(said);
    }
    changes.extend(watcher.finish());
    let change = |said: &detector::Assessment| Change {
        t_seconds: said.t_seconds,
        signal: said.signal,
        state: said.state,
    };
    changes.iter().map(change).collect()
}

/// An alert that fires is `leaking`, one that resolves `steady`.
fn alarms(rival: &Rival, trace: &Trace) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for signal in rival.sees.signals(trace) {
        let firings = (rival.judge)(&Series::of(trace, signal));
        changes.extend(firings.into_iter().map(|firing| Change {
            t_seconds: firing.t_seconds,
            signal,
            state: if firing.on { State::Leaking } else { State::Steady },
        }));
    }
    changes.sort_by(|a, b| a.t_seconds.total_cmp(&b.t_seconds));
    changes
}
