//! What came of a run: a pure function of its journal, rendered in four forms.

pub(crate) mod axis;
mod chart;
mod curve;
mod html;
pub(crate) mod junit;
mod text;

use detector::Signal;
use serde::Serialize;

pub use html::html;
pub use junit::junit;
pub use text::text;

use crate::drill::{Drill, Ending, TargetKind};
use crate::event::{Event, GroundTruth, LoadSummary, Status};
use crate::journal::{DrillJournal, Host, Journal};
use crate::proof::{Check, Proof};
use crate::quantity::seconds;

/// The form of the JSON; grows when an old reader would misread it.
const SCHEMA_VERSION: u32 = 2;

/// A run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The form of this.
    pub schema_version: u32,
    /// Who ran it.
    pub leaklab_version: String,
    /// When it began, RFC 3339.
    pub started_at: String,
    /// Where.
    pub host: Host,
    /// Whether every drill went as expected.
    pub all_as_expected: bool,
    /// Whether the journal ends in the middle of a line, as after a kill.
    pub journal_is_torn: bool,
    /// The drills, in order.
    pub drills: Vec<DrillReport>,
}

/// A drill. What was not reached is absent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrillReport {
    /// Its name.
    pub name: String,
    /// What it shows.
    pub title: String,
    /// What it tests.
    pub hypothesis: String,
    /// Leak or decoy.
    pub target_kind: TargetKind,
    /// Which.
    pub target: String,
    /// What was expected, in words.
    pub expected: String,
    /// How it was expected to end.
    pub expected_ending: Ending,
    /// How it went; a drill without an end was cut off with its journal.
    pub status: Option<Status>,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// From its begin to the last thing in the journal.
    pub elapsed_seconds: f64,
    /// From the injection to the flag.
    pub flagged_after_seconds: Option<f64>,
    /// Which signal was flagged.
    pub flagged_on: Option<Signal>,
    /// What the detector named as the cause.
    pub cause: Option<String>,
    /// Whether that counts the target; absent without a flag.
    pub cause_is_right: Option<bool>,
    /// How it ended, if as expected.
    pub ending: Option<Ending>,
    /// From the moment that its deadline counts from.
    pub ending_after_seconds: Option<f64>,
    /// What leaks of the flagged signal (without a flag, of bytes) per request that is answered, as
    /// the service measured it.
    pub per_request_true: Option<f64>,
    /// The same as the detector measured it.
    pub per_request_measured: Option<f64>,
    /// Alarms that nothing justifies.
    pub false_flags: usize,
    /// The numbers of the proof of recovery.
    pub proof: Option<Proof>,
    /// What the load generator did.
    pub load: Option<LoadSummary>,
    /// What really leaked.
    pub ground_truth: GroundTruth,
}

impl Report {
    /// The report of a journal.
    pub fn of(journal: &Journal) -> Self {
        let drills: Vec<_> = journal.drills.iter().map(DrillReport::of).collect();
        let all_as_expected =
            !drills.is_empty() && drills.iter().all(|drill| drill.status == Some(Status::Passed));
        Self {
            schema_version: SCHEMA_VERSION,
            leaklab_version: journal.header.leaklab_version.clone(),
            started_at: journal.header.started_at.clone(),
            host: journal.header.host.clone(),
            all_as_expected,
            journal_is_torn: journal.torn,
            drills,
        }
    }

    /// How many drills went as expected.
    pub fn passed(&self) -> usize {
        self.drills.iter().filter(|drill| drill.status == Some(Status::Passed)).count()
    }

    /// As JSON.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl DrillReport {
    fn of(journal: &DrillJournal) -> Self {
        let drill = &journal.drill;
        let mut report = Self {
            name: drill.name.clone(),
            title: drill.title.clone(),
            hypothesis: drill.hypothesis.clone(),
            target_kind: drill.target.kind,
            target: drill.target.name.clone(),
            expected: expected(drill),
            expected_ending: drill.expect.ending,
            status: journal.verdict.as_ref().map(|verdict| verdict.status),
            reasons: journal
                .verdict
                .as_ref()
                .map(|verdict| verdict.reasons.clone())
                .unwrap_or_default(),
            elapsed_seconds: journal.last_seconds(),
            flagged_after_seconds: None,
            flagged_on: None,
            cause: None,
            cause_is_right: None,
            ending: None,
            ending_after_seconds: None,
            per_request_true: journal
                .ground_truth
                .bytes_per_request
                .map(|bytes| bytes * drill.leaking_per_answer()),
            per_request_measured: None,
            false_flags: 0,
            proof: None,
            load: None,
            ground_truth: journal.ground_truth.clone(),
        };
        for (_, event) in &journal.events {
            report.take(event, drill);
        }
        report
    }

    fn take(&mut self, event: &Event, drill: &Drill) {
        match event {
            Event::Flagged(flag) => {
                self.flagged_after_seconds = Some(flag.after_seconds);
                self.cause.clone_from(&flag.cause);
                self.cause_is_right = Some(flag.cause_is_right);
                self.flagged_on = Some(flag.signal);
                let per_entry = self.ground_truth.per_entry(flag.signal);
                self.per_request_true = per_entry.map(|held| held * drill.leaking_per_answer());
                self.per_request_measured = flag.per_request;
            }
            Event::FalseFlag { .. } => self.false_flags += 1,
            Event::Ended { ending, after_seconds } => {
                self.ending = Some(*ending);
                self.ending_after_seconds = Some(*after_seconds);
            }
            Event::Proved(proof) => self.proof = Some(proof.clone()),
            Event::LoadEnded(load) => self.load = Some(load.clone()),
            _ => {}
        }
    }

    /// Whether a check of the proof that does not hold speaks against the drill.
    fn is_open(&self, check: &Check) -> bool {
        !check.holds && self.expected_ending.asks_for(check.part)
    }

    /// The verdict in a word.
    pub fn verdict(&self) -> &'static str {
        self.status.map_or("cut off", Status::name)
    }
}

fn expected(drill: &Drill) -> String {
    let expect = &drill.expect;
    let (ending, within) = (expect.ending.name(), seconds(expect.ending_within_seconds));
    match expect.flagged_within_seconds {
        Some(flagged) => {
            format!("flagged within {}, then {ending} within {within}", seconds(flagged))
        }
        None => format!("never flagged, and {ending} after {within}"),
    }
}
