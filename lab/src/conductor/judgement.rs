//! What the conductor makes of what it has seen: expectations met and missed, in sentences.

use detector::{Assessment, Signal, State};

use super::{Conductor, Op, TOLERATED_ERRORS, ground};
use crate::drill::{Cause, Ending};
use crate::event::{Event, Flag, LoadSummary, Status};
use crate::proof::{Part, Proof};
use crate::quantity::{bytes, seconds};

/// The part of a rise that the target must account for, or an alarm on it is false. Resident
/// memory may rise by a multiple of what is held: to render a metrics page of so many labels
/// takes about four times what the registry holds of them.
const EXPLAINED: f64 = 0.1;
/// The part of what a decoy held by which a signal must have risen to have shown it.
const SHOWN: f64 = 0.5;
/// The rise that a decoy must have caused on some signal, as a share of the level before: less
/// would fool nobody.
const NOTICEABLE: f64 = 0.05;

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

    /// Whether the target accounts for the rise of `signal`, so that an alarm on it is right.
    pub(super) fn is_explained(&self, signal: Signal) -> bool {
        match self.truth.signals.get(&signal) {
            None => false,
            // It shows there, and nobody knows how much.
            Some(None) => true,
            Some(Some(held)) => {
                let rise = self.gatherer.rise(signal).unwrap_or(0.0);
                *held > 0.0 && *held >= EXPLAINED * rise
            }
        }
    }

    /// Fails the drill for every way in which the truth is not what was injected.
    pub(super) fn judge_truth(&mut self) {
        if self.drill.target.is_decoy() {
            return;
        }
        let rise = |signal| self.gatherer.rise(signal);
        let wrong =
            ground::disagreements(&self.drill, &self.requests_since_onset, &self.truth, rise);
        for what in wrong {
            self.fail(format!("the truth is not what was injected: {what}"));
        }
    }

    /// The proof of recovery as it stands.
    pub(super) fn proof(&self) -> Proof {
        self.gatherer.proof(self.alarms.flagged())
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
        let proof = self.proof();
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

    /// A decoy at its deadline: never flagged so far, so everything must be `steady` now.
    pub(super) fn judge_steadiness(&mut self, t: f64) -> Vec<Op> {
        let unsure: Vec<_> = self
            .alarms
            .all()
            .filter(|answer| answer.state != State::Steady)
            .map(sentence)
            .collect();
        if self.alarms.all().next().is_none() {
            self.fail("not steady at the deadline: nothing was judged".to_owned());
            return self.inspect(t);
        }
        if !unsure.is_empty() {
            self.fail(format!("not steady at the deadline: {}", unsure.join("; ")));
            return self.inspect(t);
        }
        self.ended(t)
    }

    /// A look-alike that did nothing, or nothing that could be seen, has shown nothing.
    pub(super) fn judge_decoy(&mut self) {
        if !self.drill.target.is_decoy() || self.status != Status::Passed {
            return;
        }
        let peak = bytes(self.antics.peak());
        if !self.antics.is_benign() {
            self.fail(format!(
                "the decoy has held {peak} and neither levelled off nor given it back: it has shown nothing"
            ));
        } else if !self.alarms.all().any(|answer| self.is_noticed(answer.signal)) {
            self.fail(format!(
                "the decoy has held {peak}, and no signal that the detector was shown rose by it"
            ));
        }
    }

    /// Whether `signal` has risen by what a decoy held, and noticeably.
    fn is_noticed(&self, signal: Signal) -> bool {
        let risen = self.gatherer.highest_rise(signal).unwrap_or(0.0);
        let level = self.gatherer.baseline(signal).unwrap_or(0.0);
        signal.is_bytes() && risen >= SHOWN * self.antics.peak() && risen >= NOTICEABLE * level
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
        let shows_on: Vec<_> = self.truth.shows_on().collect();
        let said: Vec<_> =
            shows_on.iter().filter_map(|signal| self.alarms.on(*signal)).map(sentence).collect();
        if said.is_empty() {
            let signals: Vec<_> = shows_on.iter().map(|signal| signal.name()).collect();
            let (name, signals) = (&self.drill.target.name, signals.join(", "));
            return format!(
                "not flagged within {within}: the detector was shown nothing that {name} shows on ({signals})"
            );
        }
        format!("not flagged within {within}: {}", said.join("; "))
    }

    pub(super) fn why_not_ended(&self) -> String {
        let expect = &self.drill.expect;
        let mut said: Vec<_> = self.alarms.followed().map(sentence).collect();
        let checks = self.proof().checks();
        // Of the growth the detector has spoken already.
        let asked = checks
            .iter()
            .filter(|check| check.part != Part::Growth && expect.ending.asks_for(check.part));
        let open = asked.filter(|check| !check.holds);
        said.extend(open.map(|check| format!("not proved: {}, {}", check.name, check.numbers)));
        let within = seconds(expect.ending_within_seconds);
        format!("not {} within {within}: {}", expect.ending.name(), said.join("; "))
    }
}

fn sentence(answer: &Assessment) -> String {
    format!("{} is {} ({})", answer.signal, answer.state, answer.reason)
}
