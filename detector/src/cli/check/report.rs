//! The result of `check`: one struct, rendered as text or as JSON.

use serde::Serialize;

use super::intervals::Interval;
use super::started::LoadEnded;
use crate::target::LookError;
use crate::{Assessment, Signal, State};

/// Version of the JSON; raised when a field changes its meaning or goes away.
pub const SCHEMA_VERSION: u32 = 1;

/// The result.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema_version: u32,
    /// What was watched: `process 4242 (redis-server)`.
    pub target: String,
    /// Of a process its number...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// ... and its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The verdict over all judged signals.
    pub verdict: Verdict,
    /// How the watch ended.
    pub ending: Ending,
    /// What cut it short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_short_by: Option<String>,
    /// From the first look to the last.
    pub elapsed_seconds: f64,
    pub every_seconds: f64,
    pub intervals_asked: u32,
    /// Looks; one more than the intervals if none was missed.
    pub samples: u64,
    /// Shortest growth that could be called a leak.
    pub confirm_seconds: f64,
    pub limit: Option<LimitReport>,
    pub signals: Vec<SignalReport>,
    /// Growth per interval; the first row is the first look.
    pub intervals: Vec<Interval>,
    /// Growth that asks for attention, whatever the verdict.
    pub warnings: Vec<String>,
    /// What is missing, and why.
    pub notes: Vec<String>,
    /// What to do next.
    pub next_steps: Vec<String>,
}

impl Report {
    /// The memory that was judged, if any was.
    pub fn memory(&self) -> Option<&SignalReport> {
        [Signal::RssAnonBytes, Signal::RssBytes, Signal::HeapBytes]
            .into_iter()
            .find_map(|memory| self.signals.iter().find(|s| s.assessment.signal == memory))
    }
}

/// The memory limit.
#[derive(Debug, Serialize)]
pub struct LimitReport {
    pub bytes: u64,
    /// Who set it.
    pub set_by: String,
}

/// One signal: how it was judged, and from where to where it went.
#[derive(Debug, Serialize)]
pub struct SignalReport {
    #[serde(flatten)]
    pub assessment: Assessment,
    /// At the first look, in the signal's unit.
    pub first: Option<f64>,
    /// At the last.
    pub latest: Option<f64>,
    /// At the highest.
    pub highest: Option<f64>,
}

/// How a watch ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// All of the time that was asked for.
    Complete,
    /// By the user.
    Interrupted,
    /// By the process (it ended, or is no longer ours to read), or by a load that failed.
    CutShort,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Every signal was judged, and none leaks.
    Steady,
    /// A signal leaks, or leaked while it was watched.
    Leaking,
    /// Not enough to tell.
    Undecided,
}

impl Verdict {
    /// The verdict over signals in these states; with nothing judged, undecided.
    pub fn of(states: impl Iterator<Item = State>) -> Self {
        let worst = states.map(Self::of_state).max_by_key(|verdict| match verdict {
            Self::Steady => 0,
            Self::Undecided => 1,
            Self::Leaking => 2,
        });
        worst.unwrap_or(Self::Undecided)
    }

    fn of_state(state: State) -> Self {
        match state {
            State::Steady => Self::Steady,
            State::Leaking | State::GrowthStopped | State::Recovered => Self::Leaking,
            State::Suspect | State::Undecided => Self::Undecided,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Leaking => "leaking",
            Self::Undecided => "undecided",
        }
    }
}

/// What cuts a watch short.
#[derive(Debug, thiserror::Error)]
pub enum CutShort {
    /// The target can no longer be looked at.
    #[error(transparent)]
    Target(#[from] LookError),
    /// Nothing drives it any more.
    #[error("{0}")]
    Load(LoadEnded),
}

impl From<LoadEnded> for CutShort {
    fn from(ended: LoadEnded) -> Self {
        Self::Load(ended)
    }
}

/// Marks a report as cut short. What leaked until then leaked; what was steady until then was not
/// seen for as long as was asked.
pub fn cut_short(report: &mut Report, error: &CutShort) {
    report.ending = Ending::CutShort;
    report.cut_short_by = Some(crate::cli::outcome::chain(error));
    for signal in &mut report.signals {
        let line = &mut signal.assessment;
        if line.state == State::Steady {
            line.state = State::Undecided;
            line.reason = format!("{}, until the watch was cut short", line.reason);
        }
    }
    report.verdict = Verdict::of(report.signals.iter().map(|signal| signal.assessment.state));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_is_the_worst_of_the_signals_and_never_steady_for_want_of_data() {
        use State::{GrowthStopped, Leaking, Recovered, Steady, Suspect, Undecided};
        for (states, verdict) in [
            (&[][..], Verdict::Undecided),
            (&[Steady, Steady], Verdict::Steady),
            (&[Steady, Undecided], Verdict::Undecided),
            (&[Suspect], Verdict::Undecided),
            (&[Undecided, Leaking, Steady], Verdict::Leaking),
            (&[GrowthStopped], Verdict::Leaking),
            (&[Steady, Recovered], Verdict::Leaking),
        ] {
            assert_eq!(Verdict::of(states.iter().copied()), verdict, "{states:?}");
        }
    }
}
