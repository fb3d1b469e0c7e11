//! What the conductor makes of what it has seen: expectations met and missed, in sentences.

use detector::{Assessment, State};

use super::{Conductor, Op, TOLERATED_ERRORS};
use crate::drill::{Cause, Ending};
use crate::event::{Event, Flag, LoadSummary, Status, Truth};
use crate::quantity::seconds;

impl Conductor {
    /// Fails the drill for every alarm that nothing justifies, and ends it; absent if there is
    /// none.
    pub(super) fn false_flags(&mut self, t: f64, raised: &[Assessment]) -> Option<Vec<Op>> {
        if raised.is_empty() {
            return None;
        }
        let mut ops = Vec::new();
        for Assessment { signal, reason, .. } in raised {
            let phase = self.phase;
            self.fail(format!("false flag on {signal} in the phase `{phase}`: {reason}"));
            ops.push(Op::Say(Event::FalseFlag { phase, signal: *signal, reason: reason.clone() }));
        }
        ops.extend(self.inspect(t));
        Some(ops)
    }

    pub(super) fn judge_cause(&mut self, flag: &Flag) {
        if flag.cause_is_right || self.drill.expect.cause == Cause::Any {
            return;
        }
        let named = flag
            .cause
            .as_ref()
            .map_or_else(|| "no cause is named".to_owned(), |cause| format!("`{cause}` is blamed"));
        let gauges = self.truth.gauges.join(", ");
        self.fail(format!(
            "wrong cause: {named}; {} is counted by {gauges}",
            self.drill.target.name
        ));
    }

    /// Tells the proof what the detector says of the growth.
    pub(super) fn note_growth(&mut self) {
        let stopped = self.alarms.all_followed_are(&[State::GrowthStopped, State::Recovered]);
        let high = self.alarms.followed().next().and_then(|answer| answer.slope_high);
        self.gatherer.note_growth(stopped, high);
    }

    /// Whether the expected ending is reached, with a fix at `fixed` seconds.
    pub(super) fn has_ended_as_expected(&self, fixed: f64) -> bool {
        let proof = self.gatherer.proof();
        match self.drill.expect.ending {
            Ending::Recovered => {
                self.alarms.all_followed_are(&[State::Recovered]) && proof.is_complete()
            }
            Ending::GrowthStopped => {
                self.alarms.all_followed_are(&[State::GrowthStopped])
                    && proof.second_dose_is_harmless()
            }
            Ending::Reopened => self.alarms.followed().any(|answer| {
                answer.state == State::Leaking
                    && answer.onset_seconds.is_some_and(|onset| onset >= fixed)
            }),
            Ending::Withdrawn => self.alarms.all_followed_are(&[State::Steady]),
            Ending::Steady => false,
        }
    }

    /// A decoy at its deadline: never flagged so far, so its memory must be `steady` now.
    pub(super) fn judge_steadiness(&mut self, t: f64) -> Vec<Op> {
        let unsure: Vec<_> = self
            .alarms
            .memories()
            .filter(|answer| answer.state != State::Steady)
            .map(sentence)
            .collect();
        if self.alarms.memory().is_none() {
            self.fail("not steady at the deadline: memory was not judged".to_owned());
            return self.inspect(t);
        }
        if !unsure.is_empty() {
            self.fail(format!("not steady at the deadline: {}", unsure.join("; ")));
            return self.inspect(t);
        }
        self.ended_steady(t)
    }

    fn ended_steady(&mut self, t: f64) -> Vec<Op> {
        let after_seconds = t - self.phase_began;
        let mut ops = vec![Op::Say(Event::Ended { ending: Ending::Steady, after_seconds })];
        ops.extend(self.inspect(t));
        ops
    }

    /// A look-alike that never filled has shown nothing.
    pub(super) fn judge_decoy(&mut self, truth: &Truth) {
        let Some(bound) = self.drill.target.max_entries else { return };
        if self.status == Status::Passed && truth.entries < bound {
            let entries = truth.entries;
            self.fail(format!("the decoy holds {entries} of {bound} entries: it was never full"));
        }
    }

    pub(super) fn judge_load(&mut self, load: &LoadSummary) {
        if let Some(problem) = &load.problem {
            self.fail(format!("the load failed: {problem}"));
        } else if load.errors as f64 > TOLERATED_ERRORS * load.sent as f64 {
            self.fail(format!(
                "{} of {} requests failed: not the load that was asked for",
                load.errors, load.sent
            ));
        }
    }

    pub(super) fn why_not_flagged(&self) -> String {
        let within = seconds(self.drill.expect.flagged_within_seconds.unwrap_or_default());
        let said: Vec<_> = self.alarms.memories().map(sentence).collect();
        if said.is_empty() {
            return format!("not flagged within {within}: the detector was shown no memory signal");
        }
        format!("not flagged within {within}: {}", said.join("; "))
    }

    pub(super) fn why_not_ended(&self) -> String {
        let expect = &self.drill.expect;
        let mut said: Vec<_> = self.alarms.followed().map(sentence).collect();
        if matches!(expect.ending, Ending::Recovered | Ending::GrowthStopped) {
            let asked = if expect.ending == Ending::Recovered { 0 } else { 2 };
            let checks = self.gatherer.proof().checks();
            let open = checks.iter().skip(asked).filter(|check| !check.holds);
            said.extend(open.map(|check| format!("not proved: {}, {}", check.name, check.numbers)));
        }
        let within = seconds(expect.ending_within_seconds);
        format!("not {} within {within}: {}", expect.ending.name(), said.join("; "))
    }
}

fn sentence(answer: &Assessment) -> String {
    format!("{} is {} ({})", answer.signal, answer.state, answer.reason)
}
