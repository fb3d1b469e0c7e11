//! Runs one rule on one target: looks in, changes out.

use std::collections::BTreeMap;

use serde::Serialize;

use super::window::Window;
use super::{Condition, Measure, Rule};
use crate::Observation;
use crate::observation::Seen;

const SECONDS_PER_HOUR: f64 = 3600.0;

/// Share of the time for which a condition must hold that may pass unseen: one scrape that fails does not prove that it
/// held no longer, an hour without any does not prove that it held.
const UNSEEN_SHARE: f64 = 0.25;

/// One look at a target.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// It was seen.
    Seen {
        /// What the core is shown.
        observation: &'a Observation,
        /// What rules ask for by name ([`Rule::asks_for`]).
        named: &'a BTreeMap<String, f64>,
    },
    /// It answers, and nothing new was due yet: a series between two of its samples.
    Waiting,
    /// It refused our credentials, or asked for some.
    Refused,
    /// Who was asked failed itself: a status of 500 or more.
    Failing,
    /// It could not be seen for another reason.
    Failed,
}

/// A change of a rule's state.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Transition {
    /// Whether it fires now; otherwise it is resolved.
    pub firing: bool,
    /// When, in seconds of the looks.
    pub t_seconds: f64,
    /// Since when the condition holds, or held.
    pub since_seconds: f64,
    /// What was measured now, in the unit of the measure; none where something is missing.
    pub value: Option<f64>,
}

/// Where a condition stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Standing {
    /// It does not hold.
    Quiet,
    /// It holds, for not long enough yet.
    Pending { since_seconds: f64, seen_seconds: f64 },
    /// It has held for long enough, and nobody has seen since that it holds no longer.
    Firing { since_seconds: f64 },
}

/// A rule at work on one target.
#[derive(Clone, Debug)]
pub struct Guard {
    rule: Rule,
    window: Option<Window>,
    seen: Option<Seen>,
    latest_seconds: Option<f64>,
    /// The first look that told something.
    first_seconds: Option<f64>,
    /// Whether the figure was missing when something was seen last, which holds until something new is due.
    was_missing: Option<bool>,
    /// Whether the latest look at which something was due told that the condition does not hold.
    is_denied: bool,
    standing: Standing,
}

impl Guard {
    /// One that has seen nothing.
    pub fn new(rule: Rule) -> Self {
        let window = match rule.condition {
            Condition::Above { measure, window_seconds, .. } if measure != Measure::Level => {
                Some(Window::new(window_seconds))
            }
            _ => None,
        };
        Self {
            rule,
            window,
            seen: None,
            latest_seconds: None,
            first_seconds: None,
            was_missing: None,
            is_denied: false,
            standing: Standing::Quiet,
        }
    }

    /// The rule.
    pub fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Whether it fires.
    pub fn is_firing(&self) -> bool {
        matches!(self.standing, Standing::Firing { .. })
    }

    /// Whether the condition is known not to hold: the latest look says so, and the looks go back as far as the rule asks
    /// for. What has just begun to look knows that of nothing.
    pub fn is_over(&self) -> bool {
        let reach_seconds = match self.rule.condition {
            Condition::Above { window_seconds, .. } if self.window.is_some() => window_seconds,
            _ => 0.0,
        };
        let seen_seconds = self.latest_seconds.zip(self.first_seconds).map(|(to, from)| to - from);
        self.is_denied && seen_seconds.is_some_and(|seen_seconds| seen_seconds >= reach_seconds)
    }

    /// Takes in a look at `t_seconds`, on any clock that rises; one that does not come after the others is passed over.
    ///
    /// A look that tells nothing of the condition changes nothing: what fires goes on firing.
    pub fn step(&mut self, look: Look<'_>, t_seconds: f64) -> Option<Transition> {
        if !t_seconds.is_finite() || self.latest_seconds.is_some_and(|before| t_seconds <= before) {
            return None;
        }
        self.latest_seconds = Some(t_seconds);
        let told = self.ask(look, t_seconds);
        if told.is_some() || matches!(look, Look::Seen { .. }) {
            self.first_seconds.get_or_insert(t_seconds);
        }
        if !matches!(look, Look::Waiting) {
            self.is_denied = matches!(told, Some((false, _)));
        }
        let (holds, value) = told?;
        self.stand(holds, value, t_seconds)
    }

    /// Whether the condition holds, and what was measured; nothing where that cannot be told.
    fn ask(&mut self, look: Look<'_>, t_seconds: f64) -> Option<(bool, Option<f64>)> {
        match (&self.rule.condition, look) {
            (Condition::Refused | Condition::Failing, Look::Seen { .. } | Look::Waiting)
            | (Condition::Refused, Look::Failing)
            | (Condition::Failing, Look::Refused) => Some((false, None)),
            (Condition::Missing(of), Look::Seen { observation, named }) => {
                let missing = of.of(observation, named).is_none();
                self.was_missing = Some(missing);
                Some((missing, None))
            }
            (Condition::Missing(_), Look::Waiting) => Some((self.was_missing?, None)),
            (Condition::Missing(_) | Condition::Refused, Look::Refused)
            | (Condition::Missing(_) | Condition::Failing, Look::Failing)
            | (Condition::Missing(_), Look::Failed) => Some((true, None)),
            (
                Condition::Above { measure, of, threshold, .. },
                Look::Seen { observation, named },
            ) => {
                let (measure, threshold) = (*measure, *threshold);
                let value = of.of(observation, named);
                self.forget_other_runs(observation);
                let measured = self.measure(measure, value?, t_seconds)?;
                Some((measured > threshold, Some(measured)))
            }
            (
                Condition::Above { .. },
                Look::Waiting | Look::Refused | Look::Failing | Look::Failed,
            )
            | (Condition::Refused | Condition::Failing, Look::Failed) => None,
        }
    }

    /// After a restart memory begins anew, and a counter shows that itself.
    fn forget_other_runs(&mut self, observation: &Observation) {
        let Condition::Above { measure, window_seconds, .. } = self.rule.condition else {
            return;
        };
        let counts = matches!(measure, Measure::Events | Measure::Rate);
        let restarted = self.seen.is_some_and(|seen| seen.restarted_by(observation));
        if restarted && !counts && self.window.is_some() {
            self.window = Some(Window::new(window_seconds));
        }
        self.seen = Some(self.seen.unwrap_or_default().and(observation));
    }

    fn measure(&mut self, measure: Measure, value: f64, t_seconds: f64) -> Option<f64> {
        let Some(window) = &mut self.window else {
            return Some(value);
        };
        window.push(t_seconds, value);
        match measure {
            Measure::Level => Some(value),
            Measure::Base => window.low(),
            Measure::Peak => window.high(),
            Measure::Growth => window.growth().map(|slope| slope * SECONDS_PER_HOUR),
            Measure::Events => window.rise(),
            Measure::Rate => window.rate(),
        }
    }

    fn stand(&mut self, holds: bool, value: Option<f64>, t_seconds: f64) -> Option<Transition> {
        let hold_seconds = self.rule.hold_seconds;
        let since_seconds = match self.standing {
            Standing::Firing { .. } if holds => return None,
            Standing::Firing { since_seconds } => {
                self.standing = Standing::Quiet;
                return Some(Transition { firing: false, t_seconds, since_seconds, value });
            }
            Standing::Pending { since_seconds, seen_seconds }
                if t_seconds - seen_seconds <= UNSEEN_SHARE * hold_seconds =>
            {
                since_seconds
            }
            Standing::Quiet | Standing::Pending { .. } => t_seconds,
        };
        if !holds {
            self.standing = Standing::Quiet;
            return None;
        }
        if t_seconds - since_seconds < hold_seconds {
            self.standing = Standing::Pending { since_seconds, seen_seconds: t_seconds };
            return None;
        }
        self.standing = Standing::Firing { since_seconds };
        Some(Transition { firing: true, t_seconds, since_seconds, value })
    }
}
