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
mod stall;
mod vanishing;

use std::{net::SocketAddr, time::Duration};

use loadgen::{Control, PlanOptions, Report};

/// Options of a run against `peer`: 200/s for half a second.
fn options(peer: SocketAddr) -> PlanOptions {
    PlanOptions::new(format!("http://{peer}/"), "200/s", Duration::from_millis(500))
}

/// Runs the plan to its end.
fn run(options: PlanOptions) -> Report {
    let plan = options.check().expect("a valid plan");
    loadgen::run(&plan, &Control::new()).expect("a report")
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
