//! Records the real service: one leak or decoy under real load in real time, as a trace.
//!
//! It goes by the clock alone. A drill fixes a leak when the built-in detector has flagged it; here no
//! detector decides when a leak ends, or the corpus would favour that one.

use std::path::Path;
use std::time::{Duration, Instant};

use detector::source::SampleError;
use detector::{Observation, Signal};

use super::Trace;
use super::truth::{Leaked, Truth};
use crate::admin::AdminError;
use crate::conductor::Antics;
use crate::drill::Drill;
use crate::event::Truth as Told;
use crate::interrupt::Interrupt;
use crate::load::RunningLoad;
use crate::sampling::{Looked, Sampling};
use crate::service::{Service, StartError};
use crate::session::RollBack;
use crate::stats;

/// Load beyond the end of the recording, so that it never ends before that does.
const SPARE_LOAD_SECONDS: f64 = 120.0;
/// The longest time between two looks at the clock and at the interrupt.
const TICK: Duration = Duration::from_millis(100);
/// Share of requests that may fail before the load is no longer the one that was asked for.
const TOLERATED_ERRORS: f64 = 0.01;
/// What a fix has given back if it leaves no more than this share.
const NEXT_TO_NOTHING: f64 = 0.1;

/// When things happen in a recording.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "they are all durations, and say their unit")]
pub struct Timetable {
    /// From the first sample to the onset; the warm-up of the drill comes before.
    pub baseline_seconds: f64,
    /// From the onset to the fix, or how long a decoy is on.
    pub leak_seconds: f64,
    /// From the fix to the end; a decoy has none.
    pub after_seconds: f64,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The service did not start.
    #[error("the service did not start")]
    Start(#[from] StartError),
    /// The service refused.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The process cannot be looked at.
    #[error("the service cannot be sampled")]
    Sample(#[from] SampleError),
    /// The service or the sampler has ended.
    #[error("{0}")]
    Ended(String),
    /// The load was another one.
    #[error("the load was not the one that was asked for: {0}")]
    Load(String),
    /// From there on it did not leak.
    #[error("it reached the safety cap of the service before it was fixed; give a shorter --leak")]
    Capped,
    /// It has not shown that it is no leak.
    #[error(
        "the decoy neither came to rest nor gave back what it held within {0}, so nothing tells it from a leak; give a \
         longer --leak"
    )]
    NotBenign(String),
    /// It left nothing behind.
    #[error("it held nothing after {0}; give a longer --leak")]
    Nothing(String),
    /// Somebody stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// What a recording needs from outside.
#[derive(Clone, Copy, Debug)]
pub struct Recorder<'a> {
    /// The program that `serve`s.
    pub program: &'a Path,
    /// When things happen.
    pub timetable: Timetable,
    /// The memory limit that the truth states, in bytes.
    pub limit_bytes: Option<u64>,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
}

/// A recording under way. Its fields are dropped from the top: the load first, the service last.
struct Recording<'a> {
    load: RunningLoad,
    sampling: Sampling,
    target: RollBack,
    service: Service,
    began: Instant,
    seen: Vec<Observation>,
    interrupt: &'a Interrupt,
}

impl Recorder<'_> {
    /// Records the target of a drill, under its load, with its fix.
    pub fn record(&self, drill: &Drill) -> Result<Trace, RecordError> {
        let mut recording = self.start(drill)?;
        let Timetable { baseline_seconds, leak_seconds, after_seconds } = self.timetable;
        recording.watch(baseline_seconds)?;
        let onset_seconds = recording.now();
        recording.target.inject()?;
        recording.watch(leak_seconds)?;
        let told = recording.target.truth()?;
        let told_seconds = recording.now();
        let is_leak = !drill.target.is_decoy();
        let (mut fixed_seconds, mut released) = (None, false);
        if is_leak && !drill.phases.fix.is_empty() {
            let left = recording.target.fix(&drill.phases.fix)?;
            // What is only dropped is leaked anew: that is no fix.
            if drill.phases.fix.iter().any(|step| step.stops()) {
                fixed_seconds = Some(recording.now());
                released = left.held_bytes as f64 <= NEXT_TO_NOTHING * told.held_bytes as f64;
            }
            recording.watch(after_seconds)?;
        }
        let observations = recording.end()?;
        let mut truth = Truth {
            family: drill.name.clone(),
            limit: self.limit_bytes.map(|bytes| bytes as f64),
            interval_seconds: drill.detector.every_seconds,
            ..Truth::default()
        };
        let last = observations.last().map(|seen| seen.t_seconds);
        if is_leak {
            let leak = leaked(&told, &observations, onset_seconds, told_seconds)?;
            truth.leak = Some(Leaked { fixed_seconds, released, ..leak });
        } else if !is_benign(&told, &observations, onset_seconds) {
            return Err(RecordError::NotBenign(crate::quantity::seconds(leak_seconds)));
        } else {
            // Where nobody knows when a decoy is full, the end is the latest.
            let full = drill.filling().map(|(_, seconds)| onset_seconds + seconds);
            truth.settles_seconds = full.or(last);
        }
        Ok(Trace { name: drill.name.clone(), truth, observations })
    }

    fn start(&self, drill: &Drill) -> Result<Recording<'_>, RecordError> {
        let delay = Duration::from_secs_f64(drill.target.delay_seconds);
        let service = Service::start(self.program, delay, || self.interrupt.is_set());
        let service = service.map_err(|error| match error {
            StartError::Interrupted => RecordError::Interrupted,
            error => RecordError::Start(error),
        })?;
        let base = format!("http://{}", service.address());
        let target = RollBack::new(service.address(), drill.target.clone());
        let Timetable { baseline_seconds, leak_seconds, after_seconds } = self.timetable;
        let warm_up_seconds = drill.phases.warm_up_seconds;
        let longest =
            warm_up_seconds + baseline_seconds + leak_seconds + after_seconds + SPARE_LOAD_SECONDS;
        let load = RunningLoad::start(&drill.load, format!("{base}/api/data"), longest);
        let warm = Instant::now() + Duration::from_secs_f64(warm_up_seconds);
        while Instant::now() < warm && !self.interrupt.is_set() {
            std::thread::sleep(TICK);
        }
        let (every, began) = (drill.detector.every_seconds, Instant::now());
        let sampling = Sampling::start(service.pid(), format!("{base}/metrics"), every, began)?;
        let (seen, interrupt) = (Vec::new(), self.interrupt);
        Ok(Recording { load, sampling, target, service, began, seen, interrupt })
    }
}

impl Recording<'_> {
    fn now(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Keeps what is seen for so long.
    fn watch(&mut self, seconds: f64) -> Result<(), RecordError> {
        let until = Instant::now() + Duration::from_secs_f64(seconds);
        while Instant::now() < until {
            if self.interrupt.is_set() {
                return Err(RecordError::Interrupted);
            }
            if let Some(end) = self.service.ended() {
                return Err(RecordError::Ended(end));
            }
            match self.sampling.next(TICK) {
                Looked::Seen(observation) => self.seen.push(*observation),
                // A metrics page that did not answer once is a gap.
                Looked::NotYet | Looked::Failed(SampleError::Metrics { .. }) => {}
                Looked::Failed(error) => return Err(error.into()),
                Looked::Over => return Err(RecordError::Ended("the sampler broke down".into())),
            }
        }
        Ok(())
    }

    fn end(mut self) -> Result<Vec<Observation>, RecordError> {
        self.target.roll_back()?;
        let load = self.load.stop();
        if let Some(problem) = load.problem {
            return Err(RecordError::Load(problem));
        }
        if load.errors as f64 > TOLERATED_ERRORS * load.sent as f64 {
            return Err(RecordError::Load(format!("{} of {} failed", load.errors, load.sent)));
        }
        Ok(self.seen)
    }
}

/// Whether a decoy has done in its time what tells it from a leak, by the gauge of the bytes that it holds.
fn is_benign(told: &Told, seen: &[Observation], onset_seconds: f64) -> bool {
    let Some(gauge) = told.gauges.iter().find(|gauge| gauge.ends_with("_bytes")) else {
        return true;
    };
    let mut antics = Antics::default();
    for look in seen.iter().filter(|look| look.t_seconds >= onset_seconds) {
        if let Some(held) = look.gauges.get(gauge) {
            antics.note(look.t_seconds, *held);
        }
    }
    antics.is_benign()
}

/// The truth of a leak by the word of the service, just before the fix.
fn leaked(
    told: &Told,
    seen: &[Observation],
    onset_seconds: f64,
    until: f64,
) -> Result<Leaked, RecordError> {
    if told.capped {
        return Err(RecordError::Capped);
    }
    let has = |signal: &Signal| seen.iter().any(|o| o.signals.contains_key(signal));
    let held = |signal: Signal| told.signals.get(&signal).copied().flatten();
    let mut signals: Vec<Signal> = told.shows_on().filter(has).collect();
    // The numbers are of the first, so it is one of which they are known.
    signals.sort_by_key(|signal| held(*signal).is_none());
    let first = signals.first().copied().filter(|_| told.entries > 0 || told.held_bytes > 0);
    let lasted = until - onset_seconds;
    let first = first.ok_or_else(|| RecordError::Nothing(crate::quantity::seconds(lasted)))?;
    let growth = held(first).unwrap_or(told.held_bytes as f64);
    let before = seen.iter().filter(|o| o.t_seconds <= onset_seconds);
    Ok(Leaked {
        onset_seconds,
        slope_per_second: growth / lasted,
        bytes_per_request: told.bytes_per_request,
        causes: told.gauges.clone(),
        growth,
        residual_sd: stats::deviation(before.filter_map(|o| o.signals.get(&first).copied())),
        signals,
        ..Leaked::default()
    })
}
