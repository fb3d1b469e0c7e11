//! One loop around the conductor: does what it says, and tells it what came of it.
//!
//! It owns the service, the load, the sampler and the detector of one drill. However it is left,
//! by its end, an error or a panic, the load stops, the target is rolled back, and the service
//! is ended, in this order.

mod inputs;
mod rollback;

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use detector::{Settings, Watcher};

pub use rollback::RollBack;

use crate::admin::AdminError;
use crate::conductor::{Conductor, Input, Op};
use crate::drill::Drill;
use crate::error_chain;
use crate::event::{Event, GroundTruth, Verdict};
use crate::interrupt::Interrupt;
use crate::journal::{Record, WriteError, Writer, timestamp};
use crate::load::RunningLoad;
use crate::narrator::Narrator;
use crate::sampling::Sampling;
use crate::service::{Service, StartError};

/// Load beyond the last deadline, so that it never ends before the drill does.
const SPARE_LOAD_SECONDS: f64 = 120.0;

/// What a session needs from outside.
pub struct Surroundings<'a> {
    /// The program that `serve`s.
    pub program: PathBuf,
    /// Where everything is written down.
    pub journal: &'a mut Writer,
    /// Who tells people.
    pub narrator: &'a mut dyn Narrator,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

/// One drill under way. Its fields are dropped from the top: the load first, the service last.
struct Session<'a> {
    drill: Drill,
    began: Instant,
    load: Option<RunningLoad>,
    sampling: Option<Sampling>,
    target: Option<RollBack>,
    service: Option<Service>,
    watcher: Option<Watcher>,
    /// A look that was under way before is not shown to it.
    watching_from_seconds: f64,
    /// A fix that the watcher has not been told of: looks from before it come first.
    unnoted_fix_seconds: Option<f64>,
    /// What operations reported back, to be told before anything else.
    inputs: VecDeque<(f64, Input)>,
    was_interrupted: bool,
    surroundings: Surroundings<'a>,
}

/// Runs one drill; `text` is that of its file. An error means that there is no journal.
pub fn run(
    drill: Drill,
    text: &str,
    surroundings: Surroundings<'_>,
) -> Result<Verdict, WriteError> {
    surroundings.journal.write(&Record::Drill {
        started_at: timestamp(),
        text: text.to_owned(),
        settings: Box::new(drill.clone()),
    })?;
    surroundings.narrator.drill_began(&drill);
    let mut session = Session {
        drill,
        began: Instant::now(),
        load: None,
        sampling: None,
        target: None,
        service: None,
        watcher: None,
        watching_from_seconds: 0.0,
        unnoted_fix_seconds: None,
        inputs: VecDeque::new(),
        was_interrupted: false,
        surroundings,
    };
    session.conduct()
}

impl Session<'_> {
    fn conduct(&mut self) -> Result<Verdict, WriteError> {
        let (mut conductor, mut ops) = Conductor::begin(self.drill.clone(), 0.0);
        loop {
            for op in ops {
                if let Some((verdict, truth)) = self.perform(op)? {
                    return self.conclude(verdict, truth);
                }
            }
            self.surroundings.narrator.progress(&conductor.progress(self.now()));
            let (t, input) = self.next_input()?;
            ops = conductor.step(t, input);
        }
    }

    /// Requests that are over so far.
    fn requests(&self) -> u64 {
        self.load.as_ref().map_or(0, RunningLoad::ended)
    }

    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    fn report_back(&mut self, input: Input) {
        self.inputs.push_back((self.now(), input));
    }

    fn perform(&mut self, op: Op) -> Result<Option<(Verdict, GroundTruth)>, WriteError> {
        match op {
            Op::StartService => self.start_service()?,
            Op::StartLoad => self.start_load(),
            Op::StartWatching => {
                self.watching_from_seconds = self.now();
                self.watcher = Some(Watcher::new(self.settings()));
            }
            Op::Inject => self.inject()?,
            Op::Fix => self.fix()?,
            Op::Inspect => self.inspect()?,
            Op::StopLoad => self.stop_load(),
            Op::RollBack => self.roll_back()?,
            Op::Say(event) => self.say(event)?,
            Op::Finish(verdict, truth) => return Ok(Some((verdict, truth))),
        }
        Ok(None)
    }

    fn settings(&self) -> Settings {
        let watch = &self.drill.detector;
        Settings {
            signals: watch.signals.clone(),
            confirm_seconds: Some(watch.confirm_seconds),
            ..Settings::default()
        }
    }

    fn start_service(&mut self) -> Result<(), WriteError> {
        let interrupt = self.surroundings.interrupt;
        let delay = Duration::from_secs_f64(self.drill.target.delay_seconds);
        match Service::start(&self.surroundings.program, delay, || interrupt.is_set()) {
            Ok(service) => {
                let (pid, address) = (service.pid(), service.address().to_owned());
                self.target = Some(RollBack::new(&address, self.drill.target.clone()));
                self.service = Some(service);
                let t_seconds = self.now();
                self.surroundings.journal.write(&Record::Service { t_seconds, pid, address })?;
                self.report_back(Input::Started);
            }
            Err(StartError::Interrupted) => self.report_back(Input::Interrupted),
            Err(error) => self.report_back(Input::Broken(error_chain(&error))),
        }
        Ok(())
    }

    fn start_load(&mut self) {
        let Some(service) = &self.service else { return };
        let base = format!("http://{}", service.address());
        let phases = &self.drill.phases;
        let longest = phases.warm_up_seconds
            + phases.baseline_seconds
            + self.drill.longest_seconds()
            + SPARE_LOAD_SECONDS;
        self.load = Some(RunningLoad::start(&self.drill.load, format!("{base}/api/data"), longest));
        let every = self.drill.detector.every_seconds;
        match Sampling::start(service.pid(), format!("{base}/metrics"), every, self.began) {
            Ok(sampling) => self.sampling = Some(sampling),
            Err(error) => self.report_back(Input::Broken(error_chain(&error))),
        }
    }

    /// Asks something of the service, journals it, and turns a failure into an input. Says with
    /// the answer how many requests were over by then, at least and at most.
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&mut RollBack) -> Result<T, AdminError>,
    ) -> Result<(Option<T>, RangeInclusive<u64>), WriteError> {
        let least = self.requests();
        let Some(target) = &mut self.target else { return Ok((None, least..=least)) };
        let answer = question(target);
        let requests = least..=self.requests() + u64::from(self.drill.load.connections);
        let Some(target) = &mut self.target else { return Ok((None, requests)) };
        let exchanges = target.admin.take_exchanges();
        let t_seconds = self.now();
        for exchange in exchanges {
            self.surroundings.journal.write(&Record::Request { t_seconds, exchange })?;
        }
        if let Err(error) = &answer {
            self.report_back(Input::Broken(error_chain(error)));
        }
        Ok((answer.ok(), requests))
    }

    fn inject(&mut self) -> Result<(), WriteError> {
        let at_seconds = self.now();
        if let (Some(truth), requests) = self.ask(RollBack::inject)? {
            self.report_back(Input::Injected { at_seconds, truth, requests });
        }
        Ok(())
    }

    fn fix(&mut self) -> Result<(), WriteError> {
        let steps = self.drill.phases.fix.clone();
        if let (Some(after), _) = self.ask(|target| target.fix(&steps))? {
            let fixed_seconds = self.now();
            self.unnoted_fix_seconds = Some(fixed_seconds);
            self.inputs.push_back((fixed_seconds, Input::Fixed { after }));
        }
        Ok(())
    }

    fn inspect(&mut self) -> Result<(), WriteError> {
        if let (Some(truth), requests) = self.ask(RollBack::truth)? {
            self.report_back(Input::Inspected { truth, requests });
        }
        Ok(())
    }

    fn stop_load(&mut self) {
        // No more looks: nobody judges what happens from here on.
        self.sampling = None;
        if let Some(load) = self.load.take() {
            let summary = load.stop();
            self.report_back(Input::LoadEnded(summary));
        }
    }

    fn roll_back(&mut self) -> Result<(), WriteError> {
        let Some(target) = &mut self.target else {
            self.report_back(Input::RolledBack { problem: None });
            return Ok(());
        };
        let problem = target.roll_back().err().map(|error| error_chain(&error));
        let exchanges = target.admin.take_exchanges();
        let t_seconds = self.now();
        for exchange in exchanges {
            self.surroundings.journal.write(&Record::Request { t_seconds, exchange })?;
        }
        self.report_back(Input::RolledBack { problem });
        Ok(())
    }

    fn say(&mut self, event: Event) -> Result<(), WriteError> {
        self.surroundings.narrator.event(&event);
        let t_seconds = self.now();
        self.surroundings.journal.write(&Record::Event { t_seconds, event })
    }

    fn conclude(&mut self, verdict: Verdict, truth: GroundTruth) -> Result<Verdict, WriteError> {
        self.service = None;
        self.surroundings.journal.write(&Record::GroundTruth(truth))?;
        self.surroundings.journal.write(&Record::Verdict(verdict.clone()))?;
        self.surroundings.narrator.drill_ended(&verdict);
        Ok(verdict)
    }
}
