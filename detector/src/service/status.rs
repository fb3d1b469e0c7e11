//! How a target stands: written by whoever looks at it, read by whoever asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::incident::{Figures, Kind, News, Report, Topic};
use crate::target::Reason;
use crate::threshold::Rule;
use crate::{Assessment, Signal, State};

/// One target; clones are the same one.
#[derive(Clone, Debug)]
pub struct Status(Arc<Mutex<Standing>>);

/// What is known of a target.
#[derive(Clone, Debug, Serialize)]
pub struct Standing {
    /// Its name.
    pub name: String,
    /// What it is.
    pub what: String,
    /// How often it is looked at.
    pub every_seconds: f64,
    /// Looks so far.
    pub looks: u64,
    /// Looks that were due and passed over, since the one before took too long.
    pub looks_missed: u64,
    /// How late the latest look began.
    pub lag_seconds: f64,
    /// How long it took.
    pub look_seconds: f64,
    /// When it was last seen, in Unix seconds.
    pub last_success_seconds: Option<f64>,
    /// What was wrong at the latest look, if anything.
    pub error: Option<Failure>,
    /// Since when it has not been seen, in Unix seconds.
    pub failing_since_seconds: Option<f64>,
    /// How often each reason was met.
    #[serde(skip)]
    pub errors: BTreeMap<Reason, u64>,
    /// What was seen before this is forgotten.
    pub evidence_since_seconds: f64,
    /// The start of its run, as its source tells it.
    pub run_start_seconds: Option<f64>,
    /// Its memory limit.
    pub limit_bytes: Option<u64>,
    /// Its signals.
    pub signals: BTreeMap<Signal, Judged>,
    /// The rules beside the core, by name.
    pub rules: BTreeMap<String, Ruled>,
    /// The rules that are to be checked from the next look on.
    #[serde(skip)]
    pub rules_wanted: Arc<[Rule]>,
}

/// Where a rule stands.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Ruled {
    /// Whether it fires.
    pub firing: bool,
    /// Whether its condition is known not to hold: what fired before the watch began is over then.
    #[serde(skip)]
    pub over: bool,
}

/// Why there is no observation.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// Its kind, as in `detector_source_errors_total`.
    pub reason: &'static str,
    /// What is wrong, and a way out.
    pub error: String,
}

/// A signal: its level now, and the latest change of its state.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    /// The latest value.
    pub level: Option<f64>,
    /// The judgement when the state last changed.
    pub assessment: Option<Assessment>,
}

impl Status {
    /// Of a target that has not been looked at.
    pub fn new(name: String, what: String, every_seconds: f64, now_seconds: f64) -> Self {
        Self(Arc::new(Mutex::new(Standing {
            name,
            what,
            every_seconds,
            looks: 0,
            looks_missed: 0,
            lag_seconds: 0.0,
            look_seconds: 0.0,
            last_success_seconds: None,
            error: None,
            failing_since_seconds: Some(now_seconds),
            errors: BTreeMap::new(),
            evidence_since_seconds: now_seconds,
            run_start_seconds: None,
            limit_bytes: None,
            signals: BTreeMap::new(),
            rules: BTreeMap::new(),
            rules_wanted: [].into(),
        })))
    }

    /// Whether it is the same one.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// To read or to write, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, Standing> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    /// These rules are to be checked from now on.
    pub fn want(&mut self, rules: &Arc<[Rule]>) {
        if self.rules_wanted != *rules {
            self.rules_wanted = Arc::clone(rules);
        }
    }

    /// What to say of a signal at present, if there is anything to say.
    pub fn report(&self, signal: Signal, at_seconds: f64) -> Option<Report> {
        let judged = self.signals.get(&signal)?;
        let news = match judged.assessment.as_ref()?.state {
            State::Leaking => News::Leaking,
            State::GrowthStopped => News::GrowthStopped,
            State::Recovered => News::Recovered,
            State::Steady => News::Steady,
            State::Suspect | State::Undecided => return None,
        };
        Some(self.report_as(signal, news, at_seconds))
    }

    /// The same, whatever is to be said.
    pub fn report_as(&self, signal: Signal, news: News, at_seconds: f64) -> Report {
        let judged = self.signals.get(&signal);
        let assessment = judged.and_then(|judged| judged.assessment.as_ref());
        let eta_seconds = assessment.and_then(|a| a.eta_seconds);
        Report {
            about: Topic {
                target: self.name.clone(),
                kind: Kind::Leak,
                subject: signal.to_string(),
            },
            news,
            at_seconds,
            evidence_since_seconds: self.evidence_since_seconds,
            run_start_seconds: self.run_start_seconds,
            onset_seconds: assessment.and_then(|a| a.onset_seconds),
            severity: crate::inspect::Severity::of(State::Leaking, eta_seconds).name(),
            figures: Figures {
                unit: unit(signal).to_owned(),
                level: judged.and_then(|judged| judged.level),
                limit: self.limit_bytes.filter(|_| signal.is_bytes()).map(|bytes| bytes as f64),
                slope_per_second: assessment.and_then(|a| a.slope_per_second),
                eta_seconds,
                cause: assessment.and_then(|a| a.cause.clone()),
                bytes_per_request: assessment.and_then(|a| a.bytes_per_request),
                bytes_per_entry: assessment.and_then(|a| a.bytes_per_entry),
            },
            reason: assessment.map_or_else(String::new, |a| a.reason.clone()),
        }
    }
}

/// The unit of a signal.
fn unit(signal: Signal) -> &'static str {
    match signal {
        signal if signal.is_bytes() => "bytes",
        Signal::MemoryUsedPercent => "percent",
        counted => counted.name(),
    }
}
