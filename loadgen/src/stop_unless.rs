//! Ends a run early when a condition is not kept: there is no use in a week of load on a target
//! that fails every request. Looked at once a second, on all that was recorded since the start.

use std::time::Duration;

use crate::{
    collector::{Listener, Second},
    control::Control,
    plan::Plan,
    threshold::{Evidence, Threshold},
};

/// Stops the run behind a control.
pub(crate) struct StopUnless {
    conditions: Vec<Threshold>,
    grace: Duration,
    control: Control,
}

impl StopUnless {
    /// By the plan's conditions.
    pub(crate) fn new(plan: &Plan, control: Control) -> Self {
        let goals = &plan.options().goals;
        Self { conditions: goals.stop_unless.clone(), grace: goals.stop_grace, control }
    }
}

impl Listener for StopUnless {
    fn second(&mut self, second: &Second<'_>) {
        let elapsed = Duration::from_nanos(second.end_nanos);
        if elapsed < self.grace || self.control.is_stopped() {
            return;
        }
        let seconds = elapsed.as_secs_f64();
        let evidence = Evidence {
            recording: second.total,
            sending_seconds: seconds,
            elapsed_seconds: seconds,
        };
        let judgements = self.conditions.iter().map(|condition| condition.judge(evidence));
        // What was not measured yet is no reason to stop.
        let mut failed = judgements.filter(|one| !one.held && one.measured.is_some());
        if let Some(failed) = failed.next() {
            let condition = &failed.threshold;
            self.control.stop_because(format!("{condition} was {failed} after {seconds:.0}s"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PlanOptions, recording::Recording};

    /// Whether and why a run stops after so many seconds with one error in ten.
    fn reason_after(seconds: u64, condition: &str) -> Option<String> {
        let mut options = PlanOptions::new("http://localhost/", "10/s", Duration::from_mins(1));
        options.goals.stop_unless = vec![condition.parse().expect(condition)];
        options.goals.stop_grace = Duration::from_secs(5);
        let control = Control::new();
        let plan = options.check().expect("a valid plan");
        let mut listener = StopUnless::new(&plan, control.clone());
        let mut total = Recording::new().expect("valid bounds");
        (total.counts.completed, total.counts.errors) = (90, 10);
        let end_nanos = seconds * 1_000_000_000;
        let recording = &Recording::new().expect("valid bounds");
        listener.second(&Second { start_nanos: 0, end_nanos, recording, total: &total });
        control.is_stopped().then(|| control.stop_reason().expect("a reason").to_owned())
    }

    #[test]
    fn a_condition_that_is_not_kept_stops_the_run_after_the_grace() {
        assert_eq!(reason_after(4, "errors<5%"), None);
        let reason = reason_after(5, "errors<5%");
        assert_eq!(reason.as_deref(), Some("errors<5% was 10.00% after 5s"));
        assert_eq!(reason_after(5, "errors<50%"), None);
    }

    #[test]
    fn a_condition_on_what_was_not_measured_yet_stops_nothing() {
        assert_eq!(reason_after(60, "p99<1s"), None);
    }
}
