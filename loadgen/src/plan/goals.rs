//! What a run must keep to count as good, and what ends it early.

use std::time::Duration;

use super::{Problems, options::MAX_DURATION};
use crate::{checks::Checks, threshold::Threshold};

/// Most conditions of one kind: each is looked at once a second.
const MAX_CONDITIONS: usize = 100;

/// What a plan asks of replies and of the whole run.
#[derive(Debug, Clone, PartialEq)]
pub struct Goals {
    /// What every reply must be.
    pub checks: Checks,
    /// Judged at the end. Unless one here or below is about errors, no request may fail.
    pub thresholds: Vec<Threshold>,
    /// The run ends as soon as one of these is not kept; they are judged at the end, too.
    pub stop_unless: Vec<Threshold>,
    /// How long after the start they are looked at first, at most a week.
    pub stop_grace: Duration,
}

impl Default for Goals {
    fn default() -> Self {
        let stop_grace = Duration::from_secs(5);
        let checks = Checks::default();
        Self { checks, thresholds: Vec::new(), stop_unless: Vec::new(), stop_grace }
    }
}

impl Goals {
    /// All that is judged at the end, each once.
    pub(crate) fn all(&self) -> Vec<Threshold> {
        let mut all: Vec<Threshold> = Vec::new();
        for threshold in self.thresholds.iter().chain(&self.stop_unless) {
            if !all.contains(threshold) {
                all.push(threshold.clone());
            }
        }
        if !all.iter().any(Threshold::is_about_errors) {
            all.push(Threshold::no_errors());
        }
        all
    }

    pub(super) fn check(&self, problems: &mut Problems) {
        problems.count_within("threshold", self.thresholds.len(), 0, MAX_CONDITIONS);
        problems.count_within("stop-unless", self.stop_unless.len(), 0, MAX_CONDITIONS);
        problems.count_within("check-status", self.checks.status.len(), 0, MAX_CONDITIONS);
        problems.count_within("check-body", self.checks.body.len(), 0, MAX_CONDITIONS);
        problems.time_within("stop-grace", self.stop_grace, Duration::ZERO, MAX_DURATION);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(thresholds: &[&str], stop_unless: &[&str]) -> Vec<String> {
        let parsed = |texts: &[&str]| texts.iter().map(|text| text.parse().expect(text)).collect();
        let goals = Goals {
            thresholds: parsed(thresholds),
            stop_unless: parsed(stop_unless),
            ..Goals::default()
        };
        goals.all().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_request_may_fail_unless_the_plan_says_how_many() {
        assert_eq!(all(&[], &[]), ["errors<=0"]);
        assert_eq!(all(&["p99<1s"], &[]), ["p99<1s", "errors<=0"]);
        assert_eq!(all(&["errors<1%"], &[]), ["errors<1%"]);
        assert_eq!(all(&["p99<1s"], &["timeout<50%"]), ["p99<1s", "timeout<50%"]);
    }

    #[test]
    fn a_condition_is_judged_once_however_often_it_is_given() {
        assert_eq!(all(&["errors<1%", "errors < 1%"], &["errors<1%"]), ["errors<1%"]);
    }
}
