//! Inspection: which of many series leak, by what they did in the last hours.
//!
//! A series is judged as if it had been watched live, and forgotten: memory does not grow with their number.

mod batches;
pub mod choice;
mod curve;
mod hosts;
pub mod judges;
mod questions;
pub mod request;
mod restarts;
pub mod shard;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use serde::Serialize;

pub use choice::Step;
pub use curve::Curve;
pub use hosts::Event;
pub use request::Request;

use crate::source::{Labels, RangeSeries, Sample};
use crate::{Assessment, Observation, Settings, Signal, State, Watcher};

/// The outcome of an inspection.
#[derive(Debug, Serialize)]
pub struct Inspection {
    /// Version of the JSON; raised when a field changes its meaning or goes away.
    pub schema_version: u32,
    /// What was asked for.
    pub query: String,
    /// The signal that the values are of.
    pub signal: Signal,
    /// From when, in Unix seconds.
    pub from_seconds: f64,
    /// Until when.
    pub to_seconds: f64,
    /// Which of how many shards this is, if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shard: Option<String>,
    /// Why it is not all that was asked for; empty if it is. What is not there was not judged, which is no sign of health.
    pub incomplete: Vec<String>,
    /// What else is to be known of the inspection.
    pub notes: Vec<String>,
    /// What the list of hosts and each filter left.
    pub filters: Vec<Step>,
    /// How many series were judged how.
    pub counts: Counts,
    /// Samples that were judged.
    pub samples: u64,
    /// Seconds from the first question to the last answer.
    pub elapsed_seconds: f64,
    /// How many threads judged.
    pub judges: usize,
    /// Seconds of it that a judge was at work, on average; in the rest all waited for the server and the network.
    pub judging_seconds: f64,
    /// What leaks, most urgent first.
    pub findings: Vec<Finding>,
    /// Those series that were judged steady, of those that were asked after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steady: Vec<String>,
    /// Those that could not be judged. What was asked after and is in neither, nor a finding, is not there any more.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsure: Vec<String>,
}

/// Series by their state in the end.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Leaks now, or did until a restart after which it cannot be told yet.
    pub leaking: u64,
    /// Leaked, and no longer grows.
    pub growth_stopped: u64,
    /// Leaked, and was given back.
    pub recovered: u64,
    /// Grows, for not long enough yet.
    pub suspect: u64,
    /// No leak.
    pub steady: u64,
    /// Cannot be told.
    pub undecided: u64,
}

impl Counts {
    fn of(&mut self, state: State) -> &mut u64 {
        match state {
            State::Leaking => &mut self.leaking,
            State::GrowthStopped => &mut self.growth_stopped,
            State::Recovered => &mut self.recovered,
            State::Suspect => &mut self.suspect,
            State::Steady => &mut self.steady,
            State::Undecided => &mut self.undecided,
        }
    }

    fn merge(&mut self, other: Self) {
        let Self { leaking, growth_stopped, recovered, suspect, steady, undecided } = other;
        for (state, count) in [
            (State::Leaking, leaking),
            (State::GrowthStopped, growth_stopped),
            (State::Recovered, recovered),
            (State::Suspect, suspect),
            (State::Steady, steady),
            (State::Undecided, undecided),
        ] {
            *self.of(state) += count;
        }
    }

    /// All series.
    pub fn total(&self) -> u64 {
        let Self { leaking, growth_stopped, recovered, suspect, steady, undecided } = self;
        leaking + growth_stopped + recovered + suspect + steady + undecided
    }
}

/// A series that leaks, or did.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// Its labels.
    pub labels: Labels,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// The judgement; times in it are Unix seconds.
    #[serde(flatten)]
    pub assessment: Assessment,
    /// The restart that ended the run that leaked, if what came after it is too young to be judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarted_seconds: Option<f64>,
    /// The first value.
    pub first: f64,
    /// The latest value.
    pub latest: f64,
    /// The largest processes or containers of its host, or why none are listed.
    pub largest: Largest,
    /// Restarts and kills on its host in that time.
    pub events: Vec<Event>,
    /// Other findings on its host, by their place in the list of findings, from 1.
    pub related: Vec<usize>,
    /// The curve.
    pub curve: Curve,
}

/// What uses memory on a host.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Largest {
    /// The largest first: what it is, and bytes.
    Users(Vec<(String, f64)>),
    /// Nobody knows, because of this.
    NoAnalysis(String),
}

/// By the time until the limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Within an hour.
    Critical,
    /// Within a day.
    Warning,
    /// Later, or nobody knows the limit.
    Notice,
    /// It no longer grows.
    Past,
}

impl Severity {
    /// Of a leak in this state, so long before the limit.
    pub fn of(state: State, eta_seconds: Option<f64>) -> Self {
        const HOUR: f64 = 3600.0;
        match eta_seconds {
            _ if state != State::Leaking => Self::Past,
            Some(eta) if eta < HOUR => Self::Critical,
            Some(eta) if eta < 24.0 * HOUR => Self::Warning,
            _ => Self::Notice,
        }
    }

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Past => "past",
        }
    }
}

/// Takes in one series after the other.
#[derive(Clone, Debug)]
pub struct Inspector {
    signal: Signal,
    settings: Settings,
    asked_after: Arc<BTreeSet<String>>,
    /// How the series so far were judged.
    pub counts: Counts,
    /// Samples so far.
    pub samples: u64,
    /// What leaks, in the order in which it came.
    pub findings: Vec<Finding>,
    /// What was judged steady of what was asked after.
    pub steady: Vec<String>,
    /// And what could not be judged.
    pub unsure: Vec<String>,
}

impl Inspector {
    /// One that has seen nothing and takes all values for `signal`.
    pub fn new(signal: Signal, settings: Settings) -> Self {
        Self {
            signal,
            settings,
            asked_after: Arc::default(),
            counts: Counts::default(),
            samples: 0,
            findings: Vec::new(),
            steady: Vec::new(),
            unsure: Vec::new(),
        }
    }

    /// One that also names which of these series, by their [`subject`], are steady.
    #[must_use]
    pub fn asked_after(self, subjects: &BTreeSet<String>) -> Self {
        Self { asked_after: Arc::new(subjects.clone()), ..self }
    }

    /// Judges a series, of which `starts` tells when it began anew. Values that are no numbers are gaps, as are those out
    /// of order.
    pub fn take(&mut self, series: &RangeSeries, starts: &[Sample]) {
        let mut watcher = Watcher::new(self.settings.clone());
        let (mut curve, mut ends, mut restarted_seconds) = (Curve::default(), None, None);
        for sample in &series.values {
            let observation = Observation {
                t_seconds: sample.0,
                start_seconds: restarts::start_at(starts, sample.0),
                signals: [(self.signal, sample.1)].into(),
                ..Observation::default()
            };
            if watcher.observe(&observation).is_ok() {
                self.samples += 1;
                curve.push(sample.0, sample.1);
                ends = Some((ends.map_or(sample.1, |(first, _)| first), sample.1));
                let leaked = watcher.cut_off().first();
                restarted_seconds = leaked.and(restarted_seconds.or(observation.start_seconds));
            }
        }
        watcher.finish();
        let Some((assessment, (first, latest))) = watcher.current().into_iter().next().zip(ends)
        else {
            *self.counts.of(State::Undecided) += 1;
            self.answer_for(&series.metric, State::Undecided);
            return;
        };
        let cut_off = watcher.cut_off().first().zip(restarted_seconds);
        let assessment = cut_off.map_or(assessment, |(leak, restart)| {
            cut_off_by(
                leak,
                restart,
                self.settings.limit_of(self.signal).map(|limit| limit - latest),
            )
        });
        self.answer_for(&series.metric, assessment.state);
        *self.counts.of(assessment.state) += 1;
        if matches!(assessment.state, State::Leaking | State::GrowthStopped | State::Recovered) {
            self.findings.push(Finding {
                labels: series.metric.clone(),
                severity: Severity::of(assessment.state, assessment.eta_seconds),
                assessment,
                restarted_seconds,
                first,
                latest,
                largest: Largest::NoAnalysis("not asked".to_owned()),
                events: Vec::new(),
                related: Vec::new(),
                curve,
            });
        }
    }

    /// Takes over what another one found.
    pub fn merge(&mut self, other: Self) {
        self.counts.merge(other.counts);
        self.samples += other.samples;
        self.findings.extend(other.findings);
        self.steady.extend(other.steady);
        self.unsure.extend(other.unsure);
    }

    /// Names a series if it was asked after and is no finding.
    fn answer_for(&mut self, labels: &Labels, state: State) {
        if self.asked_after.is_empty() {
            return;
        }
        let asked = self.asked_after.get(&subject(labels)).cloned();
        match state {
            State::Steady => self.steady.extend(asked),
            State::Undecided | State::Suspect => self.unsure.extend(asked),
            State::Leaking | State::GrowthStopped | State::Recovered => {}
        }
    }

    /// Puts the most urgent first, and notes which others are on the same host: those with the same value of
    /// `host_label`, up to a port.
    pub fn rank(&mut self, host_label: &str) {
        self.steady.sort_unstable();
        self.unsure.sort_unstable();
        let eta = |finding: &Finding| finding.assessment.eta_seconds.unwrap_or(f64::INFINITY);
        self.findings.sort_by(|a, b| {
            a.severity
                .cmp(&b.severity)
                .then(eta(a).total_cmp(&eta(b)))
                .then(a.labels.cmp(&b.labels))
        });
        let hosts: Vec<Option<String>> =
            self.findings.iter().map(|finding| host(&finding.labels, host_label)).collect();
        for (at, finding) in self.findings.iter_mut().enumerate() {
            let same = |other: &usize| {
                *other != at && hosts[*other].is_some() && hosts[*other] == hosts[at]
            };
            finding.related = (0..hosts.len()).filter(same).map(|other| other + 1).collect();
        }
    }
}

/// A leak that was cut off, with so much room from the latest value of the new run to the limit. Whether that run leaks
/// is not known; if so, it reaches the limit at the slope of the old one.
fn cut_off_by(leak: &Assessment, restart_seconds: f64, room: Option<f64>) -> Assessment {
    let slope = leak.slope_per_second.filter(|slope| *slope > 0.0);
    let at = instant(restart_seconds);
    Assessment {
        eta_seconds: room.zip(slope).map(|(room, slope)| room.max(0.0) / slope),
        reason: format!("leaked until the restart at {at}; the new run is too young to be judged"),
        ..leak.clone()
    }
}

/// An instant of Unix seconds, in UTC.
pub fn instant(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
    humantime::format_rfc3339_seconds(UNIX_EPOCH + since).to_string()
}

/// The labels on one line: `{instance="a",job="b"}`.
pub fn subject(labels: &Labels) -> String {
    let pair = |(name, value): (&String, &String)| {
        format!("{name}={}", serde_json::Value::from(value.as_str()))
    };
    format!("{{{}}}", labels.iter().map(pair).collect::<Vec<_>>().join(","))
}

/// The host that the labels name, without a port.
pub fn host(labels: &Labels, label: &str) -> Option<String> {
    let value = labels.get(label)?;
    let bare = value.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
    Some(bare.map_or(value.as_str(), |(host, _)| host).to_owned())
}

/// An error with its causes.
fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| (*cause).source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sample;

    fn series(instance: &str, value: impl Fn(f64) -> f64) -> RangeSeries {
        let samples = (0..1440).map(|k| f64::from(k) * 15.0);
        RangeSeries {
            metric: [("instance".to_owned(), instance.to_owned())].into(),
            values: samples.map(|t| Sample(1.7e9 + t, value(t))).collect(),
            value: None,
        }
    }

    #[test]
    fn leaks_are_found_ranked_by_urgency_and_related_by_host() {
        let settings = Settings { limit: Some(1e9), ..Settings::default() };
        let mut inspector = Inspector::new(Signal::RssBytes, settings);
        inspector.take(&series("b:1", |t| 5e8 + 1e3 * t), &[]);
        inspector.take(&series("a:1", |_| 3e8), &[]);
        inspector.take(&series("c:1", |t| 5e8 + 2e4 * t), &[]);
        inspector.take(&series("b:2", |t| 1e8 + 1e3 * t), &[]);
        inspector.take(&series("d:1", |_| f64::NAN), &[]);
        inspector.rank("instance");
        let counts = Counts { leaking: 3, steady: 1, undecided: 1, ..Counts::default() };
        assert_eq!(inspector.counts, counts);
        let found: Vec<_> = inspector
            .findings
            .iter()
            .map(|f| (f.labels["instance"].as_str(), f.severity))
            .collect();
        assert_eq!(
            found,
            [("c:1", Severity::Critical), ("b:1", Severity::Notice), ("b:2", Severity::Notice)]
        );
        let related: Vec<_> = inspector.findings.iter().map(|f| f.related.clone()).collect();
        assert_eq!(related, [vec![], vec![3], vec![2]]);
    }

    #[test]
    fn severity_follows_the_time_to_the_limit() {
        for (state, eta, severity) in [
            (State::Leaking, Some(3599.0), Severity::Critical),
            (State::Leaking, Some(3600.0), Severity::Warning),
            (State::Leaking, Some(86_400.0), Severity::Notice),
            (State::Leaking, None, Severity::Notice),
            (State::GrowthStopped, Some(1.0), Severity::Past),
        ] {
            assert_eq!(Severity::of(state, eta), severity);
        }
    }

    #[test]
    fn a_host_is_the_label_without_its_port() {
        let labels = |value: &str| [("instance".to_owned(), value.to_owned())].into();
        for (value, name) in [("a:9100", "a"), ("a", "a"), ("[::1]:80", "[::1]"), ("a:b", "a:b")] {
            assert_eq!(host(&labels(value), "instance").as_deref(), Some(name));
        }
        assert_eq!(host(&labels("a"), "node"), None);
    }

    #[test]
    fn a_leak_that_was_cut_off_is_kept_over_further_restarts_until_a_run_is_steady() {
        const START: f64 = 1.7e9;
        let judged = |restarts: &[f64], value: fn(f64) -> f64| {
            let settings = Settings { limit: Some(1e9), ..Settings::default() };
            let mut inspector = Inspector::new(Signal::RssBytes, settings);
            let starts = restarts.iter().map(|at| Sample(START + at, START + at));
            let starts: Vec<Sample> = [Sample(START, START)].into_iter().chain(starts).collect();
            inspector.take(&series("a:1", value), &starts);
            inspector.findings.pop()
        };
        let leaks = |t: f64| 1e8 + 2e4 * if t < 21_000.0 { t } else { t - 21_000.0 };
        let found = judged(&[21_000.0, 21_300.0], leaks).expect("a finding");
        assert_eq!(found.restarted_seconds, Some(START + 21_000.0));
        let eta = found.assessment.eta_seconds.expect("a limit");
        assert!((eta / ((1e9 - found.latest) / 2e4) - 1.0).abs() < 0.01, "{eta}");
        let fixed = |t: f64| 1e8 + if t < 10_000.0 { 2e4 * t } else { 0.0 };
        assert!(judged(&[10_000.0, 21_300.0], fixed).is_none());
        assert_eq!(judged(&[], |t| 1e8 + 2e4 * t).and_then(|found| found.restarted_seconds), None);
    }
}
