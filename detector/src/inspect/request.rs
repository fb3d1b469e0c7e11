//! One inspection from beginning to end: what was asked for, and what came of it.

use std::collections::BTreeSet;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::choice::Choice;
use super::hosts::Hosts;
use super::questions::{self, Answered, Questions};
use super::shard::Shard;
use super::{Inspection, Inspector, error_chain, judges};
use crate::source::{Credentials, Prometheus, PrometheusError};
use crate::{Settings, Signal};

const SCHEMA_VERSION: u32 = 1;

/// How much of the past may be judged.
const SPANS: std::ops::RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(90 * 24);

/// What to inspect.
#[derive(Debug, Clone)]
pub struct Request {
    /// The server.
    pub url: String,
    /// Whose certificates are believed (PEM); by default the system's.
    pub authority: Option<PathBuf>,
    /// A metric with matchers, or an expression.
    pub query: String,
    /// What the values are; by default what the metric is known for.
    pub signal: Option<Signal>,
    /// How much of the past.
    pub over: Duration,
    /// How often an expression is evaluated.
    pub step: Duration,
    /// The memory limit of each, in the unit of the signal.
    pub limit: Option<f64>,
    /// Shortest growth that may be called a leak.
    pub confirm: Option<Duration>,
    /// The label that names the host.
    pub host_label: String,
    /// Which series.
    pub choice: Choice,
    /// Asks for what is largest on a host, which stands in it as `$host`.
    pub processes_query: Option<String>,
    /// Which part of the series.
    pub shard: Option<Shard>,
    /// Series that are named if they are steady, by their [`super::subject`].
    pub asked_after: BTreeSet<String>,
    /// How many threads judge.
    pub judges: NonZeroU8,
    /// Longest that all of it may take.
    pub time_limit: Duration,
}

impl Request {
    /// The last six hours of every series of a query.
    pub fn new(url: &str, query: &str) -> Self {
        Self {
            url: url.to_owned(),
            authority: None,
            query: query.to_owned(),
            signal: None,
            over: Duration::from_hours(6),
            step: Duration::from_mins(1),
            limit: None,
            confirm: None,
            host_label: "instance".to_owned(),
            choice: Choice::default(),
            processes_query: None,
            shard: None,
            asked_after: BTreeSet::new(),
            judges: judges::cores(),
            time_limit: Duration::from_mins(15),
        }
    }

    /// What its values are taken for.
    pub fn signal(&self) -> Signal {
        self.signal.unwrap_or_else(|| questions::signal_of(&self.query))
    }

    /// Everything that makes it meaningless.
    pub fn problems(&self) -> Vec<InspectError> {
        let mut problems = Vec::new();
        if !SPANS.contains(&self.over) {
            problems.push(InspectError::Span(self.over));
        }
        if self.step < Duration::from_secs(1) || self.step > self.over / 10 {
            problems.push(InspectError::Step(self.step));
        }
        if self.processes_query.as_ref().is_some_and(|query| !query.contains("$host")) {
            problems.push(InspectError::NoHost);
        }
        problems
    }

    /// Inspects up to now.
    pub fn run(&self, credentials: Option<Credentials>) -> Result<Inspection, InspectError> {
        if let Some(problem) = self.problems().into_iter().next() {
            return Err(problem);
        }
        let started = Instant::now();
        let asked = |source| InspectError::Asked { url: self.url.clone(), source };
        let deadline = started + self.time_limit;
        let authority = self.authority.as_deref();
        let server = Prometheus::believing(authority, &self.url, credentials, deadline);
        // An address that is refused may hold a password, and is not repeated.
        let server = server.map_err(InspectError::Server)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Whole milliseconds: that is what servers count in.
        let to_seconds = since.as_millis() as f64 / 1000.0;
        let span = (to_seconds - self.over.as_secs_f64(), to_seconds);
        let questions = Questions {
            server: &server,
            query: &self.query,
            span,
            step: self.step,
            choice: &self.choice,
            shard: self.shard,
            host_label: &self.host_label,
        };
        let template =
            Inspector::new(self.signal(), self.settings()).asked_after(&self.asked_after);
        let (answered, judged) =
            judges::judge(self.judges, &template, |desk| questions.ask_all(desk));
        let (answered, mut inspector) = (answered.map_err(asked)?, judged.inspector);
        if answered.there == 0 {
            return Err(InspectError::NoSeries {
                url: self.url.clone(),
                query: self.query.clone(),
            });
        }
        inspector.rank(&self.host_label);
        let hosts = Hosts {
            server: &server,
            label: &self.host_label,
            processes_query: self.processes_query.as_deref(),
            span,
        };
        let unknown = hosts.tell(&mut inspector.findings);
        let incomplete = incomplete(&answered, &inspector, &server);
        Ok(Inspection {
            schema_version: SCHEMA_VERSION,
            query: self.query.clone(),
            signal: self.signal(),
            from_seconds: span.0,
            to_seconds: span.1,
            shard: self.shard.map(|shard| shard.to_string()),
            incomplete,
            notes: answered.notes.into_iter().chain(unknown).chain(warned(&server)).collect(),
            filters: answered.chosen.steps,
            counts: inspector.counts,
            samples: inspector.samples,
            elapsed_seconds: started.elapsed().as_secs_f64(),
            judges: self.judges.get().into(),
            judging_seconds: judged.busy.as_secs_f64(),
            findings: inspector.findings,
            steady: inspector.steady,
            unsure: inspector.unsure,
        })
    }

    fn settings(&self) -> Settings {
        Settings {
            signals: vec![self.signal()],
            confirm_seconds: self.confirm.map(|confirm| confirm.as_secs_f64()),
            limit: self.limit,
        }
    }
}

/// Why it is not all that was asked for.
fn incomplete(answered: &Answered, inspector: &Inspector, server: &Prometheus) -> Vec<String> {
    let broke_off = answered.broke_off.as_ref().map(|error| {
        let judged = inspector.counts.total();
        format!("only {judged} series were judged: the server {}", error_chain(error))
    });
    let partial = server.was_partial().then(|| {
        "the server says that its answers are partial: a part of it could not be asked".to_owned()
    });
    let absent = answered.chosen.absent.iter().map(|host| format!("host {host} has no series"));
    broke_off.into_iter().chain(partial).chain(absent).collect()
}

fn warned(server: &Prometheus) -> impl Iterator<Item = String> {
    server.warnings().into_iter().map(|warning| format!("the server warns: {warning}"))
}

/// Why nothing was inspected.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// Too little of the past, or too much.
    #[error("--over {}: at least a minute, at most 90 days", humantime::format_duration(*.0))]
    Span(Duration),
    /// Too often, or too seldom.
    #[error("--step {}: at least a second, at most a tenth of --over", humantime::format_duration(*.0))]
    Step(Duration),
    /// It would be the same for every host.
    #[error("--processes-query: no `$host` in it, in whose place the host is put")]
    NoHost,
    /// It cannot be asked at all.
    #[error(transparent)]
    Server(PrometheusError),
    /// Nothing to judge is no health.
    #[error("{url}: no series of `{query}` in that time")]
    NoSeries {
        /// The server.
        url: String,
        /// The query.
        query: String,
    },
    /// The server did not answer.
    #[error("{url}")]
    Asked {
        /// The server.
        url: String,
        /// Why.
        source: PrometheusError,
    },
}
