//! One target as it is watched: looked at, judged by the core, its changes handed on as reports.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::incident::{Figures, Kind, News, Report, Topic};
use super::status::{Failure, Judged, Ruled, Standing, Status};
use super::voice::narrate;
use crate::cli::chain;
use crate::target::{Look, LookError, Looker, Reason, Target};
use crate::threshold::{self, Condition, Guard, Measure, Rule, Transition};
use crate::{Settings, Signal, State, Watcher};

/// How often a target is looked at where nothing is said.
pub const EVERY: Duration = Duration::from_secs(5);

/// What is to be watched.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// The target.
    pub target: Target,
    /// The rules beside the core.
    pub rules: Arc<[Rule]>,
}

/// A target and all that is remembered of it.
#[derive(Debug)]
pub struct Watched {
    /// What it is.
    pub target: Target,
    /// Those that it was shown last ([`Standing::rules_wanted`]).
    rules: Arc<[Rule]>,
    guards: Vec<Guard>,
    /// How it stands, for those who ask.
    pub status: Status,
    clock: Clock,
    looker: Option<Looker>,
    watcher: Option<Watcher>,
}

impl Watched {
    /// One that has not been looked at.
    pub fn new(task: Task, clock: Clock) -> Self {
        let Task { target, rules } = task;
        let every = target.every.unwrap_or(EVERY);
        let status = Status::new(
            target.name.clone(),
            target.kind.to_string(),
            every.as_secs_f64(),
            clock.now_seconds(),
        );
        status.lock().want(&rules);
        let (rules, guards) = ([].into(), Vec::new());
        let mut watched =
            Self { target, rules, guards, status, clock, looker: None, watcher: None };
        watched.adopt_rules();
        watched
    }

    /// Goes on with the rules that are wanted now; those that are as they were keep what they have seen.
    fn adopt_rules(&mut self) {
        let mut standing = self.status.lock();
        if Arc::ptr_eq(&self.rules, &standing.rules_wanted) {
            return;
        }
        self.rules = Arc::clone(&standing.rules_wanted);
        let mut before = std::mem::take(&mut self.guards);
        before.retain(|guard| self.rules.contains(guard.rule()));
        let is_kept = |name: &str| before.iter().any(|guard| guard.rule().name == name);
        standing.rules.retain(|name, _| is_kept(name));
        for rule in self.rules.iter() {
            standing.rules.entry(rule.name.clone()).or_default();
            let kept = before.iter().position(|guard| guard.rule() == rule);
            let guard = kept.map_or_else(|| Guard::new(rule.clone()), |at| before.swap_remove(at));
            self.guards.push(guard);
        }
        if let Some(looker) = &mut self.looker {
            looker.ask_for(&names(&self.rules));
        }
    }

    /// How often it is looked at.
    pub fn every(&self) -> Duration {
        self.target.every.unwrap_or(EVERY)
    }

    /// Looks once, `lag` later than was due; returns what there is to report.
    pub fn look(&mut self, lag: Duration) -> Vec<Report> {
        let began = Instant::now();
        let t_seconds = self.clock.now_seconds();
        self.adopt_rules();
        let look = self.see(t_seconds);
        {
            let mut standing = self.status.lock();
            standing.looks += 1;
            standing.lag_seconds = lag.as_secs_f64();
            standing.look_seconds = began.elapsed().as_secs_f64();
        }
        let ruled = self.rule(&look, t_seconds);
        let mut reports = match look {
            Ok(look) => self.take(look),
            Err(error) => {
                self.fail(&error, true);
                Vec::new()
            }
        };
        reports.extend(ruled);
        reports
    }

    /// Shows the look to the rules.
    fn rule(&mut self, look: &Result<Look, LookError>, t_seconds: f64) -> Vec<Report> {
        let failure = match look {
            Ok(Look { page_error, .. }) => page_error.as_ref(),
            Err(error) => Some(error),
        };
        let failed = failure.map(|error| match error.reason() {
            Reason::Unauthorized => threshold::Look::Refused,
            Reason::ServerError => threshold::Look::Failing,
            _ => threshold::Look::Failed,
        });
        let seen = look.as_ref().ok().map(|look| match look {
            Look { waiting: true, .. } => threshold::Look::Waiting,
            Look { observation, named, .. } => threshold::Look::Seen { observation, named },
        });
        let mut standing = self.status.lock();
        let report = |guard: &mut Guard| {
            // Where only the page beside a process fails, the process is seen all the same.
            let of_page = matches!(guard.rule().condition, Condition::Refused | Condition::Failing);
            let shown = if of_page { failed.or(seen) } else { seen.or(failed) };
            let change = guard.step(shown?, t_seconds);
            let rule = guard.rule();
            let ruled = Ruled { firing: guard.is_firing(), over: guard.is_over() };
            standing.rules.insert(rule.name.clone(), ruled);
            Some(rule_report(&standing, rule, &change?, failure))
        };
        self.guards.iter_mut().filter_map(report).collect()
    }

    fn see(&mut self, t_seconds: f64) -> Result<Look, LookError> {
        let looker = if let Some(looker) = &mut self.looker {
            looker
        } else {
            let mut looker = self.target.open()?;
            looker.ask_for(&names(&self.rules));
            self.looker.insert(looker)
        };
        looker.look(t_seconds)
    }

    fn fail(&self, error: &LookError, unseen: bool) {
        let mut standing = self.status.lock();
        let reason = error.reason();
        *standing.errors.entry(reason).or_default() += 1;
        let failure = Failure { reason: reason.name(), error: chain(error) };
        if standing.error.as_ref().is_none_or(|before| before.reason != failure.reason) {
            narrate!("{}: {} ({})", standing.name, failure.error, failure.reason);
        }
        standing.error = Some(failure);
        if unseen {
            let since = standing.failing_since_seconds.unwrap_or(self.clock.now_seconds());
            standing.failing_since_seconds = Some(since);
        }
    }

    fn take(&mut self, look: Look) -> Vec<Report> {
        let Look { observation, page_error, .. } = look;
        let limit_bytes = match &self.watcher {
            Some(_) => self.status.lock().limit_bytes,
            None => self.limit_bytes(),
        };
        let watcher =
            self.watcher.get_or_insert_with(|| Watcher::new(settings(&self.target, limit_bytes)));
        let judged = watcher.observe(&observation);
        let at_seconds = observation.t_seconds;
        let mut standing = self.status.lock();
        standing.last_success_seconds = Some(at_seconds);
        standing.failing_since_seconds = None;
        standing.limit_bytes = limit_bytes;
        standing.run_start_seconds = observation.start_seconds.or(standing.run_start_seconds);
        if let Some(what) = self.looker.as_ref().and_then(Looker::described) {
            standing.what = what;
        }
        for (signal, value) in &observation.signals {
            let new = || Judged { level: None, assessment: None };
            standing.signals.entry(*signal).or_insert_with(new).level = Some(*value);
        }
        let changes = match judged {
            Ok(changes) => changes,
            Err(error) => {
                narrate!("{}: {}", standing.name, chain(&error));
                Vec::new()
            }
        };
        let begun_anew = changes.iter().any(|change| change.state == State::Undecided);
        if begun_anew {
            standing.evidence_since_seconds = at_seconds;
        }
        if page_error.is_none() && standing.error.take().is_some() {
            narrate!("{}: seen again", standing.name);
        }
        let reports = changes.into_iter().filter_map(|change| {
            let (signal, state) = (change.signal, change.state);
            let judged = standing.signals.get_mut(&signal)?;
            judged.assessment = Some(change);
            match state {
                State::Undecided => Some(standing.report_as(signal, News::Restarted, at_seconds)),
                _ => standing.report(signal, at_seconds),
            }
        });
        let reports = reports.collect();
        drop(standing);
        if let Some(error) = page_error {
            self.fail(&error, false);
        }
        reports
    }

    fn limit_bytes(&self) -> Option<u64> {
        let told = || self.looker.as_ref()?.memory_limit().map(|limit| limit.bytes);
        self.target.limit_bytes.or_else(told)
    }
}

/// Of what is missing, `failure` says why.
fn rule_report(
    standing: &Standing,
    rule: &Rule,
    change: &Transition,
    failure: Option<&LookError>,
) -> Report {
    let measured = change.value.map(|value| format!("; now {}", rule.amount(value)));
    let why = || failure.map(|error| format!("; {}", chain(error)));
    let value = measured.or_else(why).unwrap_or_default();
    Report {
        about: Topic {
            target: standing.name.clone(),
            kind: Kind::Rule,
            subject: rule.name.clone(),
        },
        news: if change.firing { News::Leaking } else { News::Recovered },
        at_seconds: change.t_seconds,
        evidence_since_seconds: standing.evidence_since_seconds,
        run_start_seconds: standing.run_start_seconds,
        onset_seconds: Some(change.since_seconds),
        severity: rule.severity.name(),
        figures: figures(standing, rule, change.value),
        reason: if change.firing {
            format!("{rule}{value}")
        } else {
            format!("no longer: {rule}{value}")
        },
    }
}

/// What is known beside the one number that the rule measured.
fn figures(standing: &Standing, rule: &Rule, measured: Option<f64>) -> Figures {
    let Condition::Above { measure, of, .. } = &rule.condition else {
        return Figures::default();
    };
    let level = |signal: &Signal| standing.signals.get(signal)?.level;
    let now = of.signals().iter().find_map(level);
    let limit = standing.limit_bytes.filter(|_| of.signals().iter().any(|s| s.is_bytes()));
    Figures {
        unit: of.unit().to_owned(),
        level: match measure {
            Measure::Level => measured,
            Measure::Base | Measure::Peak => now.or(measured),
            Measure::Growth | Measure::Events | Measure::Rate => now,
        },
        limit: limit.map(|bytes| bytes as f64),
        slope_per_second: measured.and_then(|value| match measure {
            Measure::Growth => Some(value / 3600.0),
            Measure::Rate => Some(value),
            _ => None,
        }),
        ..Figures::default()
    }
}

/// What rules ask a page for.
fn names(rules: &[Rule]) -> BTreeSet<String> {
    rules.iter().filter_map(Rule::asks_for).map(str::to_owned).collect()
}

fn settings(target: &Target, limit_bytes: Option<u64>) -> Settings {
    Settings {
        signals: target.signals.clone(),
        confirm_seconds: target.confirm.map(|confirm| confirm.as_secs_f64()),
        limit: limit_bytes.map(|bytes| bytes as f64),
    }
}
