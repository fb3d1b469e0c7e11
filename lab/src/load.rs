//! The load of a drill: `loadgen` on a thread of its own, from the warm-up to the end.

use std::thread::{self, JoinHandle};
use std::time::Duration;

use loadgen::{Control, PlanOptions};

use crate::drill::{Arrivals, Load};
use crate::event::LoadSummary;

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
        let control = Control::new();
        let shared = control.clone();
        let thread = thread::spawn(move || send(options, &shared));
        Self { control, thread: Some(thread) }
    }

    /// Requests answered so far.
    pub fn completed(&self) -> u64 {
        self.control.counts().completed
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

fn send(options: PlanOptions, control: &Control) -> LoadSummary {
    let failed = |problem: String| LoadSummary { problem: Some(problem), ..LoadSummary::default() };
    let plan = match options.check() {
        Ok(plan) => plan,
        Err(problems) => return failed(problems.to_string()),
    };
    match loadgen::run(&plan, control) {
        Ok(report) => LoadSummary {
            sent: report.requests_sent,
            completed: report.requests_completed,
            errors: report.errors_total,
            problem: None,
        },
        Err(error) => failed(crate::error_chain(&error)),
    }
}
