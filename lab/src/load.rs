//! The load of a drill: `loadgen` on a thread of its own, from the warm-up to the end.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use loadgen::{Control, PlanOptions, Share, ShareError, Stage};

use crate::drill::{Arrivals, Load};
use crate::event::LoadSummary;

/// Clients that go away do so when the service has begun to work on their request.
const ABORT_AFTER: Duration = Duration::from_millis(2);

/// A load under way. Dropping it ends it.
#[derive(Debug)]
pub struct RunningLoad {
    control: Control,
    thread: Option<JoinHandle<LoadSummary>>,
}

impl RunningLoad {
    /// Starts sending to `url` for `longest_seconds` at most.
    pub fn start(load: &Load, url: String, longest_seconds: f64) -> Self {
        let mut options = PlanOptions::new(
            url,
            format!("{}/s", load.rate_per_second),
            Duration::from_secs_f64(longest_seconds),
        );
        options.arrivals = match load.arrivals {
            Arrivals::Constant => loadgen::Arrivals::Constant,
            Arrivals::Poisson => loadgen::Arrivals::Poisson,
        };
        options.seed = load.seed;
        options.connections = load.connections as usize;
        options.stages = stages(load, longest_seconds);
        options.abort_after = ABORT_AFTER;
        let abort_share = Share::from_fraction(load.abort_share);
        let control = Control::new();
        let shared = control.clone();
        let thread = thread::spawn(move || send(options, abort_share, &shared));
        Self { control, thread: Some(thread) }
    }

    /// Requests that are over so far: answered, failed, or left by a client that went away.
    pub fn ended(&self) -> u64 {
        let counts = self.control.counts();
        counts.completed + counts.errors + counts.aborted
    }

    /// Whether it has ended by itself.
    pub fn is_over(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Ends it, and says what it did.
    pub fn stop(mut self) -> LoadSummary {
        self.control.stop();
        let failed = || LoadSummary {
            problem: Some("the load generator broke down".to_owned()),
            ..LoadSummary::default()
        };
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_else(failed)
    }
}

impl Drop for RunningLoad {
    fn drop(&mut self) {
        self.control.stop();
        if let Some(thread) = self.thread.take() {
            // A load that broke down has ended, too.
            let _ = thread.join();
        }
    }
}

/// There and back until the end; none for a rate that does not change.
fn stages(load: &Load, longest_seconds: f64) -> Vec<Stage> {
    let Some(swing) = load.swing else { return Vec::new() };
    let duration = Duration::from_secs_f64(swing.period_seconds / 2.0);
    let stage = |rate_per_second| Stage { duration, rate_per_second };
    let periods = (longest_seconds / swing.period_seconds).ceil() as usize;
    let there_and_back = [stage(swing.to_per_second), stage(load.rate_per_second)];
    there_and_back.into_iter().cycle().take(2 * periods).collect()
}

fn send(
    mut options: PlanOptions,
    abort_share: Result<Share, ShareError>,
    control: &Control,
) -> LoadSummary {
    let failed = |problem: String| LoadSummary { problem: Some(problem), ..LoadSummary::default() };
    match abort_share {
        Ok(share) => options.abort_share = share,
        Err(error) => return failed(crate::error_chain(&error)),
    }
    let plan = match options.check() {
        Ok(plan) => plan,
        Err(problems) => return failed(problems.to_string()),
    };
    match loadgen::run(&plan, control) {
        Ok(report) => LoadSummary {
            sent: report.requests_sent,
            completed: report.requests_completed,
            errors: report.errors_total,
            aborted: report.requests_aborted,
            problem: None,
        },
        Err(error) => failed(crate::error_chain(&error)),
    }
}
