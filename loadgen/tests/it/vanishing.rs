//! Runs whose target goes away in the middle.

use std::{
    thread,
    time::{Duration, Instant},
};

use loadgen::Control;

use crate::{
    assert_every_arrival_is_accounted_for, options,
    peer::{Peer, ok},
};

#[test]
fn a_target_that_vanishes_leaves_errors_by_kind_and_a_run_that_stops_at_once() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.duration = Duration::from_mins(10);
    let plan = options.check().expect("a valid plan");
    let control = Control::new();
    let handle = control.clone();
    let running = thread::spawn(move || loadgen::run(&plan, &handle));

    wait_for(|| control.counts().completed >= 20);
    drop(peer);
    wait_for(|| control.counts().errors >= 40);
    let stopped = Instant::now();
    control.stop();
    let report = running.join().expect("no panic").expect("a report");

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
    let plan = options.check().expect("a valid plan");
    let control = Control::new();
    let handle = control.clone();
    let running = thread::spawn(move || loadgen::run(&plan, &handle));

    wait_for(|| control.counts().planned >= 20);
    control.stop();
    let report = running.join().expect("no panic").expect("a report");

    assert_eq!(report.requests_sent, 10, "one per connection: {report}");
    assert_eq!(report.requests_abandoned, report.requests_planned, "{report}");
}

fn wait_for(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition did not come true");
        thread::sleep(Duration::from_millis(1));
    }
}
