//! Decides what happens next in a drill: events in, operations out.
//!
//! It knows no process, socket, file or clock; every input says when it happened, in seconds
//! since the drill began. What the operations do, the loop around it reports back as inputs.

mod alarms;
mod judgement;
#[cfg(test)]
mod tests;

use detector::Assessment;

use crate::drill::{Drill, Ending};
use crate::event::{Event, Flag, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict};
use crate::proof::Gatherer;
use crate::quantity::{bytes, seconds};
use alarms::{Alarms, is_memory};

/// A service that does not answer within this time will not.
const START_WITHIN_SECONDS: f64 = 30.0;
/// Rolling back is a handful of requests and the end of the load.
const ROLL_BACK_WITHIN_SECONDS: f64 = 30.0;
/// The longest silence of the sampler; beyond it nobody knows what the memory does.
const LONGEST_SILENCE_SECONDS: f64 = 10.0;
/// Share of requests that may fail before the load is no longer the one that was asked for.
const TOLERATED_ERRORS: f64 = 0.01;

/// What the process looked like at an instant.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// Resident memory (anonymous where known).
    pub memory_bytes: Option<f64>,
    /// Bytes in use as the process's allocator counts them.
    pub heap_bytes: Option<f64>,
    /// Requests completed since the load began.
    pub requests: u64,
    /// The detector's present answer on every signal; empty until it watches.
    pub answers: Vec<Assessment>,
}

/// What has happened.
#[derive(Clone, Debug)]
pub enum Input {
    /// The service answers.
    Started,
    /// The process was looked at.
    Looked(Look),
    /// The target is on, since `at_seconds`.
    Injected {
        /// Just before the request that switched it on.
        at_seconds: f64,
        /// What the service says of it.
        truth: Truth,
    },
    /// The fix is done.
    Fixed {
        /// What the service held before.
        before: Truth,
        /// What it holds now.
        after: Truth,
    },
    /// The service was asked about the target.
    Inspected(Truth),
    /// The load is over.
    LoadEnded(LoadSummary),
    /// The target is off and empty, or why not.
    RolledBack {
        /// What went wrong, if anything.
        problem: Option<String>,
    },
    /// Something without which no drill can go on.
    Broken(String),
    /// Somebody wants it to end.
    Interrupted,
    /// Nothing, but time has passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// Start the service and wait until it answers.
    StartService,
    /// Start the load and the sampler.
    StartLoad,
    /// From now on show the detector what is seen.
    StartWatching,
    /// Switch the target on.
    Inject,
    /// Apply the fix, and tell the detector.
    Fix,
    /// Ask the service about the target.
    Inspect,
    /// End the load.
    StopLoad,
    /// Switch the target off and empty it.
    RollBack,
    /// Tell whoever listens.
    Say(Event),
    /// End: nothing follows.
    Finish(Verdict, GroundTruth),
}

/// Where the drill stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Starting,
    WarmingUp,
    Baseline,
    Injecting,
    Detecting,
    Fixing,
    Verifying,
    Inspecting,
    RollingBack,
    Done,
}

/// The state machine of one drill.
#[derive(Debug)]
pub struct Conductor {
    drill: Drill,
    stage: Stage,
    phase: Phase,
    phase_began: f64,
    until: f64,
    last_look: f64,
    memory_bytes: Option<f64>,
    requests: u64,
    heap_bytes: Option<f64>,
    alarms: Alarms,
    gatherer: Gatherer,
    truth: Truth,
    ground: GroundTruth,
    status: Status,
    reasons: Vec<String>,
}

/// Where a drill stands, for those who watch it.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Seconds into it.
    pub elapsed_seconds: f64,
    /// Its length, or its deadline.
    pub within_seconds: f64,
    /// Memory at the last look.
    pub memory_bytes: Option<f64>,
    /// The detector's present answer on memory.
    pub answer: Option<Assessment>,
}

impl Conductor {
    /// A drill that begins at `t` seconds, and the first operations.
    pub fn begin(drill: Drill, t: f64) -> (Self, Vec<Op>) {
        let conductor = Self {
            drill,
            stage: Stage::Starting,
            phase: Phase::Start,
            phase_began: t,
            until: t + START_WITHIN_SECONDS,
            last_look: t,
            memory_bytes: None,
            requests: 0,
            heap_bytes: None,
            alarms: Alarms::default(),
            gatherer: Gatherer::default(),
            truth: Truth::default(),
            ground: GroundTruth::default(),
            status: Status::Passed,
            reasons: Vec::new(),
        };
        let began = Event::PhaseBegan { phase: Phase::Start, within_seconds: START_WITHIN_SECONDS };
        (conductor, vec![Op::Say(began), Op::StartService])
    }

    /// Where it stands at `t` seconds.
    pub fn progress(&self, t: f64) -> Progress {
        Progress {
            phase: self.phase,
            elapsed_seconds: (t - self.phase_began).max(0.0),
            within_seconds: self.until - self.phase_began,
            memory_bytes: self.memory_bytes,
            answer: self.alarms.memory().cloned(),
        }
    }

    /// Takes in what happened at `t` seconds, and returns what is to be done, in order.
    pub fn step(&mut self, t: f64, input: Input) -> Vec<Op> {
        match (self.stage, input) {
            (Stage::Done, _) => Vec::new(),
            (Stage::RollingBack, input) => self.step_roll_back(t, input),
            (_, Input::Interrupted) => self.end(t, Status::Interrupted, "interrupted".to_owned()),
            (_, Input::Broken(why)) => self.end(t, Status::CouldNotRun, why),
            (_, Input::LoadEnded(load)) => self.end_without_load(t, load),
            (Stage::Starting, Input::Started) => {
                self.last_look = t;
                let mut ops =
                    self.enter(t, Stage::WarmingUp, self.drill.phases.warm_up_seconds, "");
                ops.push(Op::StartLoad);
                ops
            }
            (_, Input::Looked(look)) => self.look(t, look),
            (Stage::Injecting, Input::Injected { at_seconds, truth }) => {
                self.injected(at_seconds, truth)
            }
            (Stage::Fixing, Input::Fixed { before, after }) => self.fixed(t, before, after),
            (Stage::Inspecting, Input::Inspected(truth)) => self.inspected(t, truth),
            (_, Input::Tick) => self.tick(t),
            _ => Vec::new(),
        }
    }

    fn look(&mut self, t: f64, look: Look) -> Vec<Op> {
        self.last_look = self.last_look.max(t);
        self.memory_bytes = look.memory_bytes;
        self.heap_bytes = look.heap_bytes;
        self.requests = look.requests;
        let raised = self.alarms.update(look.answers);
        match self.stage {
            Stage::Baseline => self.look_at_baseline(t, &raised),
            Stage::Detecting => self.look_for_flag(t, &raised),
            Stage::Verifying => self.look_for_ending(t, &raised),
            _ => self.tick(t),
        }
    }

    /// What is due because time has passed.
    fn tick(&mut self, t: f64) -> Vec<Op> {
        let watches = !matches!(self.stage, Stage::Starting);
        if watches && t - self.last_look > LONGEST_SILENCE_SECONDS {
            let why =
                format!("nothing was seen of the service for {}", seconds(LONGEST_SILENCE_SECONDS));
            return self.end(t, Status::CouldNotRun, why);
        }
        if t < self.until {
            return Vec::new();
        }
        match self.stage {
            Stage::WarmingUp => {
                let mut ops =
                    self.enter(t, Stage::Baseline, self.drill.phases.baseline_seconds, "");
                ops.push(Op::StartWatching);
                ops
            }
            Stage::Baseline => {
                self.stage = Stage::Injecting;
                self.until = t + START_WITHIN_SECONDS;
                vec![Op::Inject]
            }
            Stage::Detecting => self.miss_flag(t),
            Stage::Verifying => self.miss_ending(t),
            _ => self.end(t, Status::CouldNotRun, "the service did not answer in time".to_owned()),
        }
    }

    fn look_at_baseline(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        if let Some(ops) = self.false_flags(t, raised) {
            return ops;
        }
        self.gatherer.note_baseline(self.heap_bytes);
        self.tick(t)
    }

    fn injected(&mut self, t: f64, truth: Truth) -> Vec<Op> {
        self.ground.onset_seconds = Some(t);
        self.gatherer.note_onset(self.requests);
        self.truth = truth.clone();
        let expect = &self.drill.expect;
        let within = expect.flagged_within_seconds.unwrap_or(expect.ending_within_seconds);
        let mut ops = self.enter(t, Stage::Detecting, within, "silent");
        ops.push(Op::Say(Event::Injected { truth }));
        ops
    }

    fn look_for_flag(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
        let expected = self.drill.expect.flagged_within_seconds.is_some();
        let (memory, others): (Vec<_>, Vec<_>) =
            raised.iter().cloned().partition(|answer| expected && is_memory(answer.signal));
        if let Some(ops) = self.false_flags(t, &others) {
            return ops;
        }
        match memory.first() {
            Some(answer) => self.flagged(t, answer),
            None => self.tick(t),
        }
    }

    fn flagged(&mut self, t: f64, answer: &Assessment) -> Vec<Op> {
        self.alarms.follow(answer.signal);
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

    fn flag(&self, t: f64, answer: &Assessment) -> Flag {
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

    fn fixed(&mut self, t: f64, before: Truth, after: Truth) -> Vec<Op> {
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

    fn look_for_ending(&mut self, t: f64, raised: &[Assessment]) -> Vec<Op> {
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

    fn ended(&mut self, t: f64) -> Vec<Op> {
        let ending = self.drill.expect.ending;
        let after_seconds = t - self.ground.fixed_seconds.unwrap_or(self.phase_began);
        let mut ops = vec![Op::Say(Event::Ended { ending, after_seconds })];
        ops.extend(self.inspect(t));
        ops
    }

    /// Asks for the truth of a decoy, which nobody has asked for yet.
    fn inspect(&mut self, t: f64) -> Vec<Op> {
        self.stage = Stage::Inspecting;
        self.until = t + START_WITHIN_SECONDS;
        vec![Op::Inspect]
    }

    fn inspected(&mut self, t: f64, truth: Truth) -> Vec<Op> {
        if self.drill.target.is_decoy() {
            self.note_truth(&truth);
            self.judge_decoy(&truth);
        }
        let mut ops = vec![Op::Say(Event::Inspected { truth })];
        if self.ground.fixed_seconds.is_some() {
            ops.push(Op::Say(Event::Proved(self.gatherer.proof().clone())));
        }
        ops.extend(self.roll_back(t));
        ops
    }

    fn note_truth(&mut self, truth: &Truth) {
        self.ground.bytes_per_request = truth.bytes_per_request;
        self.ground.held_bytes = Some(truth.held_bytes);
    }

    fn miss_flag(&mut self, t: f64) -> Vec<Op> {
        if self.drill.expect.ending == Ending::Steady {
            return self.judge_steadiness(t);
        }
        self.fail(self.why_not_flagged());
        self.inspect(t)
    }

    fn miss_ending(&mut self, t: f64) -> Vec<Op> {
        self.fail(self.why_not_ended());
        self.inspect(t)
    }

    fn end_without_load(&mut self, t: f64, load: LoadSummary) -> Vec<Op> {
        let why = load.problem.clone().unwrap_or_else(|| "it stopped by itself".to_owned());
        let mut ops = vec![Op::Say(Event::LoadEnded(load))];
        ops.extend(self.end(
            t,
            Status::CouldNotRun,
            format!("the load ended before the drill: {why}"),
        ));
        ops
    }

    /// Ends the drill because of something other than an expectation.
    fn end(&mut self, t: f64, status: Status, reason: String) -> Vec<Op> {
        if self.status == Status::Passed || status == Status::Interrupted {
            self.status = status;
        }
        self.reasons.push(reason);
        self.roll_back(t)
    }

    fn fail(&mut self, reason: String) {
        if self.status == Status::Passed {
            self.status = Status::Failed;
        }
        self.reasons.push(reason);
    }

    fn roll_back(&mut self, t: f64) -> Vec<Op> {
        let note = self.phase_note();
        let mut ops = self.enter(t, Stage::RollingBack, ROLL_BACK_WITHIN_SECONDS, &note);
        ops.extend([Op::StopLoad, Op::RollBack]);
        ops
    }

    fn phase_note(&self) -> String {
        match self.status {
            Status::Passed => self.drill.expect.ending.name().to_owned(),
            status => status.name().to_owned(),
        }
    }

    fn step_roll_back(&mut self, t: f64, input: Input) -> Vec<Op> {
        match input {
            Input::LoadEnded(load) => {
                self.judge_load(&load);
                vec![Op::Say(Event::LoadEnded(load))]
            }
            Input::RolledBack { problem } => self.finish(t, problem),
            _ => Vec::new(),
        }
    }

    fn finish(&mut self, t: f64, problem: Option<String>) -> Vec<Op> {
        self.stage = Stage::Done;
        let note = problem.clone().unwrap_or_else(|| "the target is off and empty".to_owned());
        let after_seconds = t - self.phase_began;
        let verdict = Verdict { status: self.status, reasons: self.reasons.clone() };
        vec![
            Op::Say(Event::PhaseEnded { phase: self.phase, after_seconds, note }),
            Op::Say(Event::RolledBack { problem }),
            Op::Finish(verdict, self.ground.clone()),
        ]
    }

    /// Enters a stage that lasts `within_seconds` at most; `note` says what came of the last one.
    fn enter(&mut self, t: f64, stage: Stage, within_seconds: f64, note: &str) -> Vec<Op> {
        let after_seconds = t - self.phase_began;
        let ended = Event::PhaseEnded { phase: self.phase, after_seconds, note: note.to_owned() };
        self.stage = stage;
        self.phase = match stage {
            Stage::Starting => Phase::Start,
            Stage::WarmingUp => Phase::WarmUp,
            Stage::Baseline | Stage::Injecting => Phase::Baseline,
            Stage::Detecting | Stage::Fixing => Phase::Detect,
            Stage::Verifying | Stage::Inspecting => Phase::Verify,
            Stage::RollingBack | Stage::Done => Phase::RollBack,
        };
        (self.phase_began, self.until) = (t, t + within_seconds);
        let began = Event::PhaseBegan { phase: self.phase, within_seconds };
        vec![Op::Say(ended), Op::Say(began)]
    }
}
