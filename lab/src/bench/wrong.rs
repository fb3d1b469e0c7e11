//! What a contestant got wrong on a trace, and the signal on which that shows.

use detector::Signal;

use super::{Change, Judged, outcome};
use crate::corpus::Trace;

/// A miss, a false alarm that is not forgiven, or both.
#[derive(Clone, Copy, Debug)]
pub struct Wrong<'a> {
    /// The trace, with its samples if they were kept.
    pub trace: &'a Trace,
    /// What the contestant said.
    pub changes: &'a [Change],
    /// Whether it missed the leak.
    pub missed: bool,
    /// On what it is best looked at: the signal of the missed leak, else of the false alarm.
    pub signal: Signal,
}

impl<'a> Wrong<'a> {
    /// What a contestant got wrong on a trace; none if nothing, or if it is out of its scope.
    pub fn of(one: &'a Judged, contestant: usize) -> Option<Self> {
        let (changes, outcome) = one.outcomes.get(contestant)?.as_ref()?;
        let trace = &one.trace;
        let missed = outcome.leaks && outcome.detected_after_seconds.is_none();
        let signal = if missed {
            trace.truth.leak.as_ref()?.signals.first().copied()?
        } else if outcome.false_alarms > outcome.forgiven_alarms {
            outcome::first_false_alarm(trace, changes)?
        } else {
            return None;
        };
        Some(Self { trace, changes, missed, signal })
    }

    /// In a word or two.
    pub fn fault(&self) -> &'static str {
        if self.missed { "missed" } else { "false alarm" }
    }

    /// The signal, its sampling, and how hard the leak is to see where there is one.
    pub fn circumstances(&self) -> String {
        let truth = &self.trace.truth;
        let hard = truth.leak.as_ref().map(|leak| format!(", difficulty {:.1}", leak.difficulty()));
        format!("{}, every {} s{}", self.signal, truth.interval_seconds, hard.unwrap_or_default())
    }
}
