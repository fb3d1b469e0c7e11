//! What each phase looks for, and what follows once it is found or its deadline is missed.

use std::ops::RangeInclusive;

use detector::{Assessment, State};

use super::{Conductor, Op, ROLL_BACK_WITHIN_SECONDS, START_WITHIN_SECONDS, Stage};
use crate::drill::{Cause, Ending};
use crate::event::{Event, Flag, Truth};
use crate::quantity::{amount, bytes};

impl Conductor {
    pub(super) fn look_at_baseline(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        if let Some(ops) = self.false_flags(t, raised) {
            return ops;
        }
        self.gatherer.note_baseline(&self.seen.signals);
        self.tick(t)
    }

    pub(super) fn injected(
        &mut self,
        t: f64,
        truth: Truth,
        requests: RangeInclusive<u64>,
    ) -> Vec<Op> {
        self.ground.onset_seconds = Some(t);
        self.requests_at_onset = requests;
        self.gatherer.note_onset(self.requests);
        self.truth = truth.clone();
        let expect = &self.drill.expect;
        let within = expect.flagged_within_seconds.unwrap_or(expect.ending_within_seconds);
        let mut ops = self.enter(t, Stage::Detecting, within, "silent");
        ops.push(Op::Say(Event::Injected { truth }));
        ops
    }

    /// Notes how much the target holds, by the gauge that says so in bytes.
    pub(super) fn note_held(&mut self, t: f64) {
        let bytes = |gauge: &&String| gauge.ends_with("_bytes");
        let held =
            self.truth.gauges.iter().find(bytes).and_then(|gauge| self.seen.gauges.get(gauge));
        if let Some(held) = held {
            self.antics.note(t, *held);
        }
    }

    pub(super) fn look_for_flag(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        if self.drill.expect.flagged_within_seconds.is_none()
            && let Some(ops) = self.false_flags(t, raised)
        {
            return ops;
        }
        if raised.is_empty() && self.diagnosis().is_none() {
            return self.tick(t);
        }
        self.raised = raised.to_vec();
        self.confirm(t)
    }

    fn confirm(&mut self, t: f64) -> Vec<Op> {
        self.stage = Stage::Confirming;
        self.until = t + START_WITHIN_SECONDS;
        vec![Op::Inspect]
    }

    /// The alarm that the fix is for: the first that names a cause, as nobody can fix what has no
    /// name; the first of all where no cause is asked for, or the time for one is over.
    fn diagnosis(&self) -> Option<Assessment> {
        let leaking = || self.alarms.followed().filter(|answer| answer.state == State::Leaking);
        let any = self.drill.expect.cause == Cause::Any || self.is_flag_missed;
        leaking()
            .find(|answer| answer.cause.is_some())
            .or_else(|| leaking().next().filter(|_| any))
            .cloned()
    }

    /// The truth has come in, and says which of the alarms that were raised are right.
    pub(super) fn confirmed(
        &mut self,
        t: f64,
        truth: Truth,
        requests: &RangeInclusive<u64>,
    ) -> Vec<Op> {
        self.note_truth(truth, requests);
        let raised = std::mem::take(&mut self.raised);
        let (right, wrong): (Vec<_>, Vec<_>) =
            raised.into_iter().partition(|answer| self.is_explained(answer.signal));
        if let Some(ops) = self.false_flags(t, &wrong) {
            return ops;
        }
        for answer in &right {
            self.alarms.follow(answer.signal);
        }
        if let Some(answer) = self.diagnosis() {
            return self.flagged(t, &answer);
        }
        self.stage = Stage::Detecting;
        let within = self.drill.expect.flagged_within_seconds.unwrap_or_default();
        self.until = self.phase_began + within;
        Vec::new()
    }

    fn flagged(&mut self, t: f64, answer: &Assessment) -> Vec<Op> {
        self.gatherer.note_flag(self.requests, answer.signal, answer.slope_per_second);
        self.judge_truth();
        let flag = self.flag(answer);
        self.judge_cause(&flag);
        let note = format!("flagged on {}", answer.signal);
        if self.drill.target.is_decoy() {
            let mut ops =
                self.enter(t, Stage::Verifying, self.drill.expect.ending_within_seconds, &note);
            ops.insert(0, Op::Say(Event::Flagged(flag)));
            return ops;
        }
        self.stage = Stage::Fixing;
        self.until = t + ROLL_BACK_WITHIN_SECONDS;
        vec![Op::Say(Event::Flagged(flag)), Op::Fix]
    }

    fn flag(&self, answer: &Assessment) -> Flag {
        let cause = answer.cause.as_deref();
        let load = &self.drill.load;
        let rate = load.mean_rate_per_second() * (1.0 - load.abort_share);
        let by_slope = || answer.slope_per_second.map(|slope| slope / rate);
        Flag {
            signal: answer.signal,
            // The answer is of the last look; what was asked since then took a moment.
            after_seconds: self.last_look - self.ground.onset_seconds.unwrap_or(self.last_look),
            cause: answer.cause.clone(),
            cause_is_right: cause.is_some_and(|cause| self.truth.is_counted_by(cause)),
            slope_per_second: answer.slope_per_second,
            per_request: answer.bytes_per_request.or_else(by_slope),
            reason: answer.reason.clone(),
        }
    }

    pub(super) fn fixed(&mut self, t: f64, after: Truth) -> Vec<Op> {
        self.ground.fixed_seconds = Some(t);
        self.gatherer.note_fix(self.requests);
        let note = format!("flagged, and {} by the fix", self.given_back(&after));
        let mut ops =
            self.enter(t, Stage::Verifying, self.drill.expect.ending_within_seconds, &note);
        let (steps, before) = (self.drill.phases.fix.clone(), self.truth.clone());
        ops.push(Op::Say(Event::Fixed { steps, before, after }));
        ops
    }

    /// What the fix gave back of what the flag was raised on, else in bytes.
    fn given_back(&self, after: &Truth) -> String {
        let held = |truth: &Truth, signal| truth.signals.get(&signal).copied().flatten();
        let of_flagged = self.alarms.flagged().next().and_then(|signal| {
            let given = held(&self.truth, signal)? - held(after, signal)?;
            Some((given, amount(signal, given)))
        });
        let given = self.truth.held_bytes.saturating_sub(after.held_bytes) as f64;
        let (given, told) = of_flagged.unwrap_or_else(|| (given, bytes(given)));
        if given > 0.0 { format!("{told} given back") } else { "nothing given back".to_owned() }
    }

    pub(super) fn look_for_ending(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        let fixed = self.ground.fixed_seconds.unwrap_or(self.phase_began);
        let (right, wrong): (Vec<_>, Vec<_>) =
            raised.iter().cloned().partition(|answer| self.is_explained(answer.signal));
        if let Some(ops) = self.false_flags(t, &wrong) {
            return ops;
        }
        // Another signal that comes to the same conclusion later is the same incident.
        for answer in &right {
            self.alarms.follow(answer.signal);
        }
        if t <= fixed {
            // Seen before the fix was done, and read after it.
            return Vec::new();
        }
        self.note_growth();
        if self.has_ended_as_expected(fixed) { self.ended(t) } else { self.tick(t) }
    }

    /// The drill has ended as expected; where nothing was fixed, that counts from the injection or
    /// the flag, with which the phase began.
    pub(super) fn ended(&mut self, t: f64) -> Vec<Op> {
        let ending = self.drill.expect.ending;
        let after_seconds = t - self.ground.fixed_seconds.unwrap_or(self.phase_began);
        let mut ops = vec![Op::Say(Event::Ended { ending, after_seconds })];
        ops.extend(self.inspect(t));
        ops
    }

    /// Asks for the truth before anything is put back.
    pub(super) fn inspect(&mut self, t: f64) -> Vec<Op> {
        self.stage = Stage::Inspecting;
        self.until = t + START_WITHIN_SECONDS;
        vec![Op::Inspect]
    }

    pub(super) fn inspected(
        &mut self,
        t: f64,
        truth: Truth,
        requests: &RangeInclusive<u64>,
    ) -> Vec<Op> {
        if self.alarms.flagged().next().is_none() || self.drill.target.is_decoy() {
            self.note_truth(truth.clone(), requests);
            self.judge_truth();
        }
        if self.is_flag_missed && self.alarms.flagged().next().is_none() {
            self.fail(self.why_not_flagged());
        }
        self.judge_decoy();
        let mut ops = vec![Op::Say(Event::Inspected { truth })];
        if self.ground.fixed_seconds.is_some() {
            ops.push(Op::Say(Event::Proved(self.proof())));
        }
        ops.extend(self.roll_back(t));
        ops
    }

    /// The truth just before the fix, or at the end where there is none.
    fn note_truth(&mut self, truth: Truth, requests: &RangeInclusive<u64>) {
        let onset = &self.requests_at_onset;
        self.requests_since_onset = requests.start().saturating_sub(*onset.end())
            ..=requests.end().saturating_sub(*onset.start());
        self.ground.requests = Some(*self.requests_since_onset.start());
        self.ground.entries = Some(truth.entries);
        self.ground.held_bytes = Some(truth.held_bytes);
        self.ground.bytes_per_request = truth.bytes_per_request;
        self.ground.signals.clone_from(&truth.signals);
        self.truth = truth;
    }

    pub(super) fn miss_flag(&mut self, t: f64) -> Vec<Op> {
        if self.drill.expect.ending == Ending::Steady {
            return self.judge_steadiness(t);
        }
        self.is_flag_missed = true;
        // It may have been flagged, and no cause was named.
        if self.diagnosis().is_some() { self.confirm(t) } else { self.inspect(t) }
    }

    pub(super) fn miss_ending(&mut self, t: f64) -> Vec<Op> {
        self.fail(self.why_not_ended());
        self.inspect(t)
    }
}
