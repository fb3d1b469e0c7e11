//! Whole runs against real peers on real sockets: honest, stalled and malicious ones.
#![expect(clippy::expect_used, reason = "a test that cannot set up its world must fail")]

mod aborts;
mod beginning;
mod command;
mod honest;
mod misbehaving;
mod misbehaving_http2;
mod nginx;
mod peer;
mod plans;
mod reports;
mod reserved_port;
mod stall;
mod vanishing;

use std::{
    net::SocketAddr,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use loadgen::{Control, Counts, LoadError, PlanOptions, Report};

/// Options of a run against `peer`: 200/s for half a second.
fn options(peer: SocketAddr) -> PlanOptions {
    PlanOptions::new(format!("http://{peer}/"), "200/s", Duration::from_millis(500))
}

/// Runs the plan to its end.
fn run(options: PlanOptions) -> Report {
    let plan = options.check().expect("a valid plan");
    loadgen::run(&plan, &Control::new()).expect("a report")
}

/// A run that goes on while the test does something to it.
struct Running {
    control: Control,
    thread: JoinHandle<Result<Report, LoadError>>,
}

impl Running {
    fn start(options: PlanOptions) -> Self {
        let plan = options.check().expect("a valid plan");
        let control = Control::new();
        let handle = control.clone();
        Self { control, thread: thread::spawn(move || loadgen::run(&plan, &handle)) }
    }

    /// Waits until the counts are so or the run has ended; then its report says why.
    fn wait_until(&self, condition: impl Fn(Counts) -> bool) {
        wait_until(|| condition(self.control.counts()) || self.thread.is_finished());
    }

    /// The report, once the run has ended.
    fn report(self) -> Report {
        self.thread.join().expect("no panic").expect("a report")
    }
}

/// Waits for what comes soon, and fails if it has not after half a minute.
fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not come true");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The books of every run balance: an arrival is in exactly one column.
fn assert_every_arrival_is_accounted_for(report: &Report) {
    let columns = report.requests_completed
        + report.errors_total
        + report.requests_aborted
        + report.arrivals_dropped
        + report.requests_abandoned;
    assert_eq!(columns, report.requests_planned, "{report}");
    assert_eq!(report.errors.values().sum::<u64>(), report.errors_total, "{report}");
}
