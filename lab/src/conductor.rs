//! Decides what happens next in a drill: events in, operations out.
//!
//! It knows no process, socket, file or clock; every input says when it happened, in seconds
//! since the drill began. What the operations do, the loop around it reports back as inputs.

mod alarms;
mod exchange;
mod judgement;
mod phases;
#[cfg(test)]
mod tests;

pub use exchange::{Input, Look, Op, Progress};

use alarms::Alarms;

use crate::drill::Drill;
use crate::event::{Event, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict};
use crate::proof::Gatherer;
use crate::quantity::seconds;

/// A service that does not answer within this time will not.
const START_WITHIN_SECONDS: f64 = 30.0;
/// Rolling back is a handful of requests and the end of the load.
const ROLL_BACK_WITHIN_SECONDS: f64 = 30.0;
/// The longest silence of the sampler; beyond it nobody knows what the memory does.
const LONGEST_SILENCE_SECONDS: f64 = 10.0;
/// Share of requests that may fail before the load is no longer the one that was asked for.
const TOLERATED_ERRORS: f64 = 0.01;

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
