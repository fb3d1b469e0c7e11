//! The watch itself: look, judge, narrate what changes, note what is missing.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use super::advice;
use super::alerts::Alerts;
use super::intervals::{Intervals, memory_signal};
use super::leak_report;
use super::pace::{Interrupts, Pace};
use super::plan::Plan;
use super::report::{CutShort, Ending, LimitReport, Report, SignalReport, Verdict, cut_short};
use super::started::Started;
use crate::cli::outcome::{Refusal, chain};
use crate::cli::units::{Limit, bytes, duration};
use crate::source::{Restart, SampleError};
use crate::target::{Kind, Look, LookError, Looker, Reason, Target};
use crate::trace::TraceWriter;
use crate::{Assessment, Observation, Signal, State, Watcher};

/// Looks in a row that may fail until the target is given up...
const MOST_MISSED: u32 = 5;
/// ... and how long they may at least: a container takes its time to be restarted.
const LONGEST_MISSED_SECONDS: f64 = 10.0;

/// What becomes another program (`exec`) before it was watched for so long was still starting...
const STARTS_WITHIN_SECONDS: f64 = 1.0;
/// ... but does so no more than this often.
pub const MOST_REPLACED: u32 = 10;

/// A watch that has begun: the first look is done.
pub struct Watch<'a> {
    plan: &'a Plan,
    looker: Looker,
    watcher: Watcher,
    trace: Option<TraceWriter>,
    limit: Option<LimitReport>,
    pace: Pace,
    levels: BTreeMap<Signal, Levels>,
    intervals: Intervals,
    warnings: Vec<String>,
    alerts: Alerts,
    samples: u64,
    elapsed_seconds: f64,
    pages_missed: u64,
    page_error: Option<String>,
    load_note: Option<String>,
    /// Looks in a row that failed, and why the latest did.
    missed: u32,
    gone: Option<LookError>,
    /// All looks that failed.
    misses: u64,
    /// When the present run of the target began, and how many began while it was watched.
    start_seconds: Option<f64>,
    restarts: u64,
}

/// From where to where a signal went.
#[derive(Clone, Copy, Debug)]
struct Levels {
    first: f64,
    latest: f64,
    highest: f64,
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
        let (looker, first) = first_look(&plan.target)?;
        let pace = Pace::start(plan.every, plan.intervals);
        let Look { observation: first, page_error, .. } = first;
        if let Some(error) = page_error {
            return Err(error.into());
        }
        let limit = limit(plan, &looker);
        plan.report.as_deref().map(leak_report::prepare).transpose()?;
        let (length, checks) = plan.checks;
        let settings = plan.judging.settings(limit.as_ref().map(|limit| Limit::Bytes(limit.bytes)));
        let mut watch = Self {
            plan,
            watcher: Watcher::new(settings),
            trace: create_trace(plan)?,
            limit,
            intervals: Intervals::new(length.as_secs_f64(), checks),
            alerts: Alerts::open(plan.target.name.clone(), plan.log.as_deref())?,
            warnings: Vec::new(),
            looker,
            pace,
            levels: BTreeMap::new(),
            samples: 0,
            elapsed_seconds: 0.0,
            pages_missed: 0,
            page_error: None,
            load_note: None,
            missed: 0,
            gone: None,
            misses: 0,
            start_seconds: None,
            restarts: 0,
        };
        watch.narrate_beginning()?;
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
                // Named targets come back, and are then another run.
                Err(error) if self.may_come_back(&error) => self.missed(error),
                Err(error) => return Ok(Err(error.into())),
            }
        }
        Ok(match self.gone.take() {
            Some(error) => Err(error.into()),
            None => Ok(Ending::Complete),
        })
    }

    /// Whether what was looked at was a shell that had yet to become the program (`server & detector
    /// check $!`, a wrapper that ends with `exec`): little is lost by beginning again.
    pub fn saw_it_start(&self, ending: &Result<Ending, CutShort>) -> bool {
        let replaced = matches!(ending, Err(CutShort::Target(error)) if is_another_program(error));
        replaced && self.elapsed_seconds < STARTS_WITHIN_SECONDS
    }

    /// A page that fails once the watch is on is a gap and not the end of it: services under
    /// memory pressure are slow to answer, and that is when they are watched.
    fn look(&mut self) -> Result<Observation, LookError> {
        let look = self.looker.look(self.pace.elapsed_seconds())?;
        if let Some(error) = look.page_error {
            self.pages_missed += 1;
            self.page_error = Some(chain(&error));
        }
        Ok(look.observation)
    }

    /// What is followed by its name may be restarted, and a server may be slow for a while.
    fn may_come_back(&self, error: &LookError) -> bool {
        let pinned = matches!(self.plan.target.kind, Kind::Pid(_));
        let answers = !matches!(error.reason(), Reason::Unauthorized | Reason::MissingMetric);
        let missed_seconds = self.pace.elapsed_seconds() - self.elapsed_seconds;
        let is_over = self.missed >= MOST_MISSED && missed_seconds > LONGEST_MISSED_SECONDS;
        !pinned && answers && !is_over
    }

    fn missed(&mut self, error: LookError) {
        if self.missed == 0 {
            eprintln!("{}: not seen: {}", duration(self.pace.elapsed_seconds()), chain(&error));
        }
        self.missed += 1;
        self.misses += 1;
        self.gone = Some(error);
    }

    fn take(&mut self, observation: &Observation) -> Result<(), Refusal> {
        (self.missed, self.gone) = (0, None);
        let is_another = self.start_seconds.is_some_and(|s| Some(s) != observation.start_seconds);
        self.restarts += u64::from(is_another);
        self.start_seconds = observation.start_seconds;
        self.samples += 1;
        self.elapsed_seconds = observation.t_seconds;
        for (signal, value) in &observation.signals {
            let first = Levels { first: *value, latest: *value, highest: *value };
            let levels = self.levels.entry(*signal).or_insert(first);
            levels.latest = *value;
            levels.highest = levels.highest.max(*value);
        }
        if let (Some(trace), Some(path)) = (&mut self.trace, &self.plan.trace) {
            let written = trace.write(observation);
            written.map_err(|source| TraceNotWritten { path: path.clone(), source })?;
        }
        for change in self.watcher.observe(observation)? {
            let at = duration(change.t_seconds);
            let told = format!("{} {}: {}", change.signal, change.state, change.reason);
            eprintln!("{at}: {told}");
            match change.state {
                State::Leaking => self.alerts.alert(&told)?,
                _ => self.alerts.note(&told)?,
            }
        }
        self.take_interval(observation)
    }

    fn take_interval(&mut self, observation: &Observation) -> Result<(), Refusal> {
        let memory = memory_signal(observation);
        let current = self.watcher.current();
        let judged = current.iter().find(|line| Some(line.signal) == memory);
        let Some(row) = self.intervals.take(observation, judged.map(|line| line.state)) else {
            return Ok(());
        };
        let cells = leak_report::cells(row).join("  ");
        if self.plan.checks.1 > 1 {
            eprintln!("check: {cells}");
        }
        self.alerts.note(&format!("check: {cells}"))?;
        for warning in self.intervals.warnings() {
            self.alerts.alert(&warning)?;
            // Of each kind the latest stands in the report; the log has all.
            let kind = |told: &String| told.split(':').next().map(str::to_owned);
            self.warnings.retain(|before| kind(before) != kind(&warning));
            self.warnings.push(warning);
        }
        Ok(())
    }

    /// Everything that is known at the end.
    pub fn end(mut self, ending: Result<Ending, CutShort>) -> Result<Report, Refusal> {
        self.watcher.finish();
        let judged = self.watcher.current();
        let signals: Vec<SignalReport> = judged.into_iter().map(|line| self.signal(line)).collect();
        let verdict = Verdict::of(signals.iter().map(|signal| signal.assessment.state));
        let mut report = Report {
            schema_version: super::report::SCHEMA_VERSION,
            target: self.target(),
            pid: self.looker.pid(),
            process: self.looker.process_name(),
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
            intervals: self.intervals.rows().to_vec(),
            warnings: self.warnings,
            next_steps: Vec::new(),
        };
        match ending {
            Ok(ending) => report.ending = ending,
            Err(error) => cut_short(&mut report, &error),
        }
        report.next_steps = advice::next_steps(&report, self.plan);
        self.alerts.note(&format!("verdict: {}", report.verdict.name()))?;
        Ok(report)
    }

    fn target(&self) -> String {
        self.looker.described().unwrap_or_else(|| self.plan.target.kind.to_string())
    }

    fn signal(&self, line: Assessment) -> SignalReport {
        let levels = self.levels.get(&line.signal);
        SignalReport {
            first: levels.map(|levels| levels.first),
            latest: levels.map(|levels| levels.latest),
            highest: levels.map(|levels| levels.highest),
            assessment: line,
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> = self.looker.notes().map(str::to_owned).collect();
        notes.extend(self.load_note.clone());
        if self.restarts > 0 {
            let restarts = self.restarts;
            notes.push(format!("restarts: {restarts}; each run is judged by itself"));
        }
        if self.misses > 0 {
            notes.push(format!("looks that failed: {}", self.misses));
        }
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

    fn narrate_beginning(&mut self) -> Result<(), Refusal> {
        let total = duration(self.plan.every.as_secs_f64() * f64::from(self.plan.intervals));
        let (every, confirm) = (self.plan.every.as_secs_f64(), self.plan.confirm.as_secs_f64());
        let told = format!(
            "watching {} for {total}, every {}; growth must last {} to be called a leak",
            self.target(),
            duration(every),
            duration(confirm)
        );
        eprintln!("{told}");
        self.alerts.note(&told)?;
        if let Some(limit) = &self.limit {
            eprintln!("memory limit {} ({})", bytes(limit.bytes as f64), limit.set_by);
        }
        Ok(())
    }
}

/// Opens the target and looks. A shell that becomes the program between the two is opened again.
fn first_look(target: &Target) -> Result<(Looker, Look), LookError> {
    let mut again = MOST_REPLACED;
    loop {
        let mut looker = target.open()?;
        match looker.look(0.0) {
            Err(error) if is_another_program(&error) && again > 0 => again -= 1,
            look => return Ok((looker, look?)),
        }
    }
}

fn is_another_program(error: &LookError) -> bool {
    let another = Restart::NewProgram;
    matches!(error, LookError::Sample(SampleError::Restarted { how, .. }) if *how == another)
}

fn limit(plan: &Plan, looker: &Looker) -> Option<LimitReport> {
    let asked = plan.target.limit_bytes;
    let set_by = if plan.service.is_some() { "set for it" } else { "--limit" };
    let asked = asked.map(|bytes| LimitReport { bytes, set_by: set_by.to_owned() });
    let found = || looker.memory_limit();
    asked.or_else(|| found().map(|l| LimitReport { bytes: l.bytes, set_by: l.set_by }))
}

fn create_trace(plan: &Plan) -> Result<Option<TraceWriter>, TraceNotWritten> {
    let create = |path: &PathBuf| {
        TraceWriter::create(path).map_err(|source| TraceNotWritten { path: path.clone(), source })
    };
    plan.trace.as_ref().map(create).transpose()
}
