//! What each phase looks for, and what follows once it is found or its deadline is missed.

use detector::Assessment;

use super::alarms::is_memory;
use super::{Conductor, Op, ROLL_BACK_WITHIN_SECONDS, START_WITHIN_SECONDS, Stage};
use crate::drill::Ending;
use crate::event::{Event, Flag, Truth};
use crate::quantity::bytes;

impl Conductor {
    pub(super) fn look_at_baseline(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        if let Some(ops) = self.false_flags(t, raised) {
            return ops;
        }
        self.gatherer.note_baseline(self.heap_bytes);
        self.tick(t)
    }

    pub(super) fn injected(&mut self, t: f64, truth: Truth) -> Vec<Op> {
        self.ground.onset_seconds = Some(t);
        self.gatherer.note_onset(self.requests);
        self.truth = truth.clone();
        let expect = &self.drill.expect;
        let within = expect.flagged_within_seconds.unwrap_or(expect.ending_within_seconds);
        let mut ops = self.enter(t, Stage::Detecting, within, "silent");
        ops.push(Op::Say(Event::Injected { truth }));
        ops
    }

    pub(super) fn look_for_flag(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        let expected = self.drill.expect.flagged_within_seconds.is_some();
        let (memory, others): (Vec<_>, Vec<_>) =
            raised.iter().cloned().partition(|answer| expected && is_memory(answer.signal));
        if let Some(ops) = self.false_flags(t, &others) {
            return ops;
        }
        for answer in &memory {
            self.alarms.follow(answer.signal);
        }
        match memory.first() {
            Some(answer) => self.flagged(t, answer),
            None => self.tick(t),
        }
    }

    pub(super) fn flagged(&mut self, t: f64, answer: &Assessment) -> Vec<Op> {
        self.gatherer.note_flag(self.requests, self.heap_bytes, answer.slope_per_second);
        let flag = self.flag(t, answer);
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

    pub(super) fn flag(&self, t: f64, answer: &Assessment) -> Flag {
        let cause = answer.cause.as_deref();
        Flag {
            signal: answer.signal,
            after_seconds: t - self.ground.onset_seconds.unwrap_or(t),
            cause: answer.cause.clone(),
            cause_is_right: cause.is_some_and(|cause| self.truth.is_counted_by(cause)),
            slope_per_second: answer.slope_per_second,
            bytes_per_request: answer.bytes_per_request,
            reason: answer.reason.clone(),
        }
    }

    pub(super) fn fixed(&mut self, t: f64, before: Truth, after: Truth) -> Vec<Op> {
        self.ground.fixed_seconds = Some(t);
        self.note_truth(&before);
        self.gatherer.note_fix(self.requests);
        let held = before.held_bytes.saturating_sub(after.held_bytes);
        let note = format!("flagged, and {} given back by the fix", bytes(held as f64));
        let mut ops =
            self.enter(t, Stage::Verifying, self.drill.expect.ending_within_seconds, &note);
        let steps = self.drill.phases.fix.clone();
        ops.push(Op::Say(Event::Fixed { steps, before, after }));
        ops
    }

    pub(super) fn look_for_ending(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        let fixed = self.ground.fixed_seconds.unwrap_or(self.phase_began);
        let (memory, others): (Vec<_>, Vec<_>) =
            raised.iter().cloned().partition(|answer| is_memory(answer.signal));
        if let Some(ops) = self.false_flags(t, &others) {
            return ops;
        }
        // Another memory signal that comes to the same conclusion later is the same incident.
        for answer in &memory {
            self.alarms.follow(answer.signal);
        }
        if t <= fixed {
            // Seen before the fix was done, and read after it.
            return Vec::new();
        }
        self.note_growth();
        self.gatherer.note_look(self.requests, self.heap_bytes);
        if self.has_ended_as_expected(fixed) { self.ended(t) } else { self.tick(t) }
    }

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

    pub(super) fn inspected(&mut self, t: f64, truth: Truth) -> Vec<Op> {
        if self.ground.fixed_seconds.is_none() {
            self.note_truth(&truth);
        }
        self.judge_decoy(&truth);
        let mut ops = vec![Op::Say(Event::Inspected { truth })];
        if self.ground.fixed_seconds.is_some() {
            ops.push(Op::Say(Event::Proved(self.gatherer.proof().clone())));
        }
        ops.extend(self.roll_back(t));
        ops
    }

    pub(super) fn note_truth(&mut self, truth: &Truth) {
        self.ground.bytes_per_request = truth.bytes_per_request;
        self.ground.held_bytes = Some(truth.held_bytes);
    }

    pub(super) fn miss_flag(&mut self, t: f64) -> Vec<Op> {
        if self.drill.expect.ending == Ending::Steady {
            return self.judge_steadiness(t);
        }
        self.fail(self.why_not_flagged());
        self.inspect(t)
    }

    pub(super) fn miss_ending(&mut self, t: f64) -> Vec<Op> {
        self.fail(self.why_not_ended());
        self.inspect(t)
    }
}
