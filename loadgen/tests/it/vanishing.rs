//! Runs whose target goes away in the middle.

use std::time::{Duration, Instant};

use crate::{
    Running, assert_every_arrival_is_accounted_for, options,
    peer::{Peer, ok},
};

#[test]
fn a_target_that_vanishes_leaves_errors_by_kind_and_a_run_that_stops_at_once() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.duration = Duration::from_mins(10);
    let running = Running::start(options);

    running.wait_until(|counts| counts.completed >= 20);
    peer.close();
    running.wait_until(|counts| counts.errors >= 40);
    let stopped = Instant::now();
    running.control.stop();
    let report = running.report();

    assert!(stopped.elapsed() < Duration::from_secs(2), "{:?} to stop", stopped.elapsed());
    assert!(report.errors["connect"] >= 20, "{report}");
    assert_eq!(report.errors["connect"] + report.errors["closed"], report.errors_total, "{report}");
    assert!(report.requests_completed >= 20, "{report}");
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn a_stop_does_not_wait_for_replies_that_never_come() {
    let peer = Peer::start(|_| true);
    let mut options = options(peer.address());
    options.duration = Duration::from_mins(10);
    options.timeout = Duration::from_mins(10);
    let running = Running::start(options);

    running.wait_until(|counts| counts.planned >= 20);
    running.control.stop();
    let report = running.report();

    assert_eq!(report.requests_sent, 10, "one per connection: {report}");
    assert_eq!(report.requests_abandoned, report.requests_planned, "{report}");
}
