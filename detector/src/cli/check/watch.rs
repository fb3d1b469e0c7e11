//! The watch itself: look, judge, narrate what changes, note what is missing.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::advice;
use super::pace::{Interrupts, Pace};
use super::plan::Plan;
use super::report::{CutShort, Ending, LimitReport, Report, SignalReport, Verdict, cut_short};
use super::started::Started;
use crate::cli::outcome::{Refusal, chain};
use crate::cli::units::{Limit, bytes, duration};
use crate::source::{Restart, SampleError, Sampler};
use crate::trace::TraceWriter;
use crate::{Assessment, Observation, Signal, Watcher};

/// A watch that has begun: the first look is done.
pub struct Watch<'a> {
    plan: &'a Plan,
    sampler: Sampler,
    watcher: Watcher,
    trace: Option<TraceWriter>,
    limit: Option<LimitReport>,
    pace: Pace,
    /// First and latest value of each signal.
    levels: BTreeMap<Signal, (f64, f64)>,
    samples: u64,
    elapsed_seconds: f64,
    pages_missed: u64,
    page_error: Option<String>,
    load_note: Option<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("cannot write the trace {}", path.display())]
struct TraceNotWritten {
    path: PathBuf,
    source: io::Error,
}

impl<'a> Watch<'a> {
    /// Looks for the first time. What cannot be seen now is refused: a wrong pid or address is a
    /// mistake of whoever typed it.
    pub fn begin(plan: &'a Plan) -> Result<Self, Refusal> {
        let mut sampler = Sampler::new(plan.sampler.clone())?;
        let pace = Pace::start(plan.every, plan.intervals);
        let first = sampler.sample(0.0)?;
        let limit = limit(plan, &sampler);
        let settings = plan.judging.settings(limit.as_ref().map(|limit| Limit::Bytes(limit.bytes)));
        let mut watch = Self {
            plan,
            watcher: Watcher::new(settings),
            trace: create_trace(plan)?,
            limit,
            sampler,
            pace,
            levels: BTreeMap::new(),
            samples: 0,
            elapsed_seconds: 0.0,
            pages_missed: 0,
            page_error: None,
            load_note: None,
        };
        watch.narrate_beginning();
        watch.take(&first)?;
        Ok(watch)
    }

    /// Looks on until the time is over, the load is, the user interrupts, or the process is gone.
    pub fn go_on(
        &mut self,
        interrupts: &Interrupts,
        started: &mut Started,
    ) -> Result<Result<Ending, CutShort>, Refusal> {
        while let Some(then) = self.pace.advance() {
            if !interrupts.wait_until(then) {
                return Ok(Ok(Ending::Interrupted));
            }
            if let Some(ended) = started.load_ended() {
                let after = duration(self.elapsed_seconds);
                self.load_note =
                    Some(format!("load after {after}: it was over, and so was the watch"));
                return Ok(if ended.well() { Ok(Ending::Complete) } else { Err(ended.into()) });
            }
            match self.look() {
                Ok(observation) => self.take(&observation)?,
                Err(error) => return Ok(Err(error.into())),
            }
        }
        Ok(Ok(Ending::Complete))
    }

    /// Whether the first look was at a shell that had yet to become the program (`server & detector
    /// check $!`): nothing is lost by beginning again.
    pub fn saw_it_start(&self, ending: &Result<Ending, CutShort>) -> bool {
        let replaced = matches!(
            ending,
            Err(CutShort::Process(SampleError::Restarted { how: Restart::NewProgram, .. }))
        );
        replaced && self.samples == 1
    }

    /// A page that fails once the watch is on is a gap and not the end of it: services under
    /// memory pressure are slow to answer, and that is when they are watched.
    fn look(&mut self) -> Result<Observation, SampleError> {
        let mut observation = self.sampler.sample_process(self.pace.elapsed_seconds())?;
        if let Err(error) = self.sampler.add_metrics(&mut observation) {
            self.pages_missed += 1;
            self.page_error = Some(chain(&error));
        }
        Ok(observation)
    }

    fn take(&mut self, observation: &Observation) -> Result<(), Refusal> {
        self.samples += 1;
        self.elapsed_seconds = observation.t_seconds;
        for (signal, value) in &observation.signals {
            self.levels.entry(*signal).or_insert((*value, *value)).1 = *value;
        }
        if let (Some(trace), Some(path)) = (&mut self.trace, &self.plan.trace) {
            let written = trace.write(observation);
            written.map_err(|source| TraceNotWritten { path: path.clone(), source })?;
        }
        for change in self.watcher.observe(observation)? {
            let at = duration(change.t_seconds);
            eprintln!("{at}: {} {}: {}", change.signal, change.state, change.reason);
        }
        Ok(())
    }

    /// Everything that is known at the end.
    pub fn end(mut self, ending: Result<Ending, CutShort>) -> Report {
        self.watcher.finish();
        let judged = self.watcher.current();
        let signals: Vec<SignalReport> = judged.into_iter().map(|line| self.signal(line)).collect();
        let verdict = Verdict::of(signals.iter().map(|signal| signal.assessment.state));
        let mut report = Report {
            schema_version: super::report::SCHEMA_VERSION,
            pid: self.plan.sampler.pid,
            process: self.sampler.process().name().to_owned(),
            verdict,
            ending: Ending::Complete,
            cut_short_by: None,
            elapsed_seconds: self.elapsed_seconds,
            every_seconds: self.plan.every.as_secs_f64(),
            intervals_asked: self.plan.intervals,
            samples: self.samples,
            confirm_seconds: self.plan.confirm.as_secs_f64(),
            notes: self.notes(),
            limit: self.limit,
            signals,
            next_steps: Vec::new(),
        };
        match ending {
            Ok(ending) => report.ending = ending,
            Err(error) => cut_short(&mut report, &error),
        }
        report.next_steps = advice::next_steps(&report, self.plan);
        report
    }

    fn signal(&self, line: Assessment) -> SignalReport {
        let levels = self.levels.get(&line.signal);
        SignalReport {
            first: levels.map(|levels| levels.0),
            latest: levels.map(|levels| levels.1),
            assessment: line,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.sampler.notes().map(str::to_owned).collect();
        notes.extend(self.load_note.clone());
        if let Some(error) = &self.page_error {
            notes.push(format!(
                "{} times without the metrics page; last: {error}",
                self.pages_missed
            ));
        }
        let left_out = self.trace.as_ref().map_or(0, TraceWriter::left_out);
        if left_out > 0 {
            notes.push(format!("the trace lacks {left_out} gauges that appeared after its header"));
        }
        notes
    }

    fn narrate_beginning(&self) {
        let (pid, name) = (self.plan.sampler.pid, self.sampler.process().name());
        let total = duration(self.plan.every.as_secs_f64() * f64::from(self.plan.intervals));
        let (every, confirm) = (self.plan.every.as_secs_f64(), self.plan.confirm.as_secs_f64());
        eprintln!(
            "watching process {pid} ({name}) for {total}, every {}; growth must last {} to be \
             called a leak",
            duration(every),
            duration(confirm)
        );
        if let Some(limit) = &self.limit {
            eprintln!("memory limit {} ({})", bytes(limit.bytes as f64), limit.set_by);
        }
    }
}

fn limit(plan: &Plan, sampler: &Sampler) -> Option<LimitReport> {
    let asked = plan.limit_bytes.map(|bytes| LimitReport { bytes, set_by: "--limit".to_owned() });
    let found = || sampler.process().memory_limit();
    asked.or_else(|| found().map(|l| LimitReport { bytes: l.bytes, set_by: l.set_by }))
}

fn create_trace(plan: &Plan) -> Result<Option<TraceWriter>, TraceNotWritten> {
    let create = |path: &PathBuf| {
        TraceWriter::create(path).map_err(|source| TraceNotWritten { path: path.clone(), source })
    };
    plan.trace.as_ref().map(create).transpose()
}
