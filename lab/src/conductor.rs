//! Decides what happens next in a drill: events in, operations out.
//!
//! It knows no process, socket, file or clock; every input says when it happened, in seconds
//! since the drill began. What the operations do, the loop around it reports back as inputs.

mod alarms;
mod antics;
mod exchange;
mod ground;
mod judgement;
mod phases;
#[cfg(test)]
mod tests;

pub(crate) use antics::Antics;
pub use exchange::{Input, Look, Op, Progress};

use std::ops::RangeInclusive;

use alarms::Alarms;
use detector::{Assessment, Observation, Signal};

use crate::drill::Drill;
use crate::event::{Event, GroundTruth, LoadSummary, Phase, Status, Truth, Verdict, is_counted};
use crate::proof::Gatherer;
use crate::quantity::seconds;

/// A service that does not answer within this time will not.
const START_WITHIN_SECONDS: f64 = 30.0;
/// Rolling back is a handful of requests and the end of the load.
const ROLL_BACK_WITHIN_SECONDS: f64 = 30.0;
/// The longest silence of the sampler; beyond it nobody knows what the service does.
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
    /// Something was flagged, and the service is asked whether it is at fault.
    Confirming,
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
    seen: Observation,
    requests: u64,
    requests_at_onset: RangeInclusive<u64>,
    requests_since_onset: RangeInclusive<u64>,
    alarms: Alarms,
    /// Alarms that wait for the truth.
    raised: Vec<Assessment>,
    /// The time for a flag with a cause is over.
    is_flag_missed: bool,
    gatherer: Gatherer,
    antics: Antics,
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
            seen: Observation::default(),
            requests: 0,
            requests_at_onset: 0..=0,
            requests_since_onset: 0..=0,
            alarms: Alarms::default(),
            raised: Vec::new(),
            is_flag_missed: false,
            gatherer: Gatherer::default(),
            antics: Antics::default(),
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
        let signal = self.telling_signal();
        Progress {
            phase: self.phase,
            elapsed_seconds: (t - self.phase_began).max(0.0),
            within_seconds: self.until - self.phase_began,
            level: signal.and_then(|s| Some((s, *self.seen.signals.get(&s)?))),
            answer: signal.and_then(|signal| self.alarms.on(signal)).cloned(),
        }
    }

    /// The signal that was flagged first, else the one that tells most of the target, else memory.
    fn telling_signal(&self) -> Option<Signal> {
        let memory = [Signal::RssAnonBytes, Signal::RssBytes, Signal::HeapBytes];
        let counted = self.truth.signals.keys().copied().filter(|signal| is_counted(*signal));
        let told = |signal: &Signal| match self.alarms.on(*signal) {
            Some(_) => true,
            None => self.alarms.all().next().is_none() && self.seen.signals.contains_key(signal),
        };
        self.alarms.flagged().chain(counted).chain(memory).find(told)
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
            (Stage::Injecting, Input::Injected { at_seconds, truth, requests }) => {
                self.injected(at_seconds, truth, requests)
            }
            (Stage::Confirming, Input::Inspected { truth, requests }) => {
                self.confirmed(t, truth, &requests)
            }
            (Stage::Fixing, Input::Fixed { after }) => self.fixed(t, after),
            (Stage::Inspecting, Input::Inspected { truth, requests }) => {
                self.inspected(t, truth, &requests)
            }
            (_, Input::Tick) => self.tick(t),
            _ => Vec::new(),
        }
    }

    fn look(&mut self, t: f64, look: Look) -> Vec<Op> {
        self.last_look = self.last_look.max(t);
        self.seen = look.seen;
        self.requests = look.requests;
        // A look from before the fix may be read after it.
        let is_current = self.ground.fixed_seconds.is_none_or(|fixed| t > fixed);
        if self.ground.onset_seconds.is_some() && is_current {
            self.note_held(t);
            self.gatherer.note_look(self.requests, &self.seen.signals);
        }
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
        let put_back = match self.drill.target.unclearable() {
            None => "the target is off and empty",
            Some(_) => "the target is off; what it holds ends with the service",
        };
        let note = problem.clone().unwrap_or_else(|| put_back.to_owned());
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
            Stage::Detecting | Stage::Confirming | Stage::Fixing => Phase::Detect,
            Stage::Verifying | Stage::Inspecting => Phase::Verify,
            Stage::RollingBack | Stage::Done => Phase::RollBack,
        };
        (self.phase_began, self.until) = (t, t + within_seconds);
        let began = Event::PhaseBegan { phase: self.phase, within_seconds };
        vec![Op::Say(ended), Op::Say(began)]
    }
}
