//! Runs against a server that does its work.

use std::{io::Write, net::TcpStream, time::Duration};

use loadgen::{Arrivals, Control, Counts};

use crate::{
    Running, assert_every_arrival_is_accounted_for, options,
    peer::{OK, Peer, ok},
    run,
};

#[test]
fn every_planned_request_is_sent_and_completed() {
    let peer = Peer::start(ok);
    let report = run(options(peer.address()));
    assert_eq!(report.requests_planned, 100, "{report}");
    assert_eq!(report.requests_sent, 100, "{report}");
    assert_eq!(report.requests_completed, 100, "{report}");
    assert_eq!(peer.requests(), 100);
    assert_eq!(report.bytes_received, 500);
    assert!(!report.interrupted);
    assert!(report.elapsed_seconds >= 0.5, "{report}");
    assert!(report.rate_sent_per_second <= 200.0, "never faster than asked: {report}");
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn connections_are_kept_alive_and_all_used() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.connections = 7;
    run(options);
    assert_eq!(peer.connections(), 7);
}

#[test]
fn each_histogram_has_every_request() {
    let peer = Peer::start(ok);
    let report = run(options(peer.address()));
    let distributions =
        [report.response_time_seconds, report.service_time_seconds, report.lateness_seconds];
    for distribution in distributions {
        let d = distribution.expect("something was measured");
        assert_eq!(d.count, 100);
        assert!([d.p50, d.p90, d.p99, d.p999, d.max].is_sorted(), "{d:?}");
        assert!(d.mean <= d.max, "{d:?}");
    }
}

#[test]
fn the_same_seed_sends_the_same_schedule() {
    let peer = Peer::start(ok);
    let hash = |seed| {
        let mut options = options(peer.address());
        options.arrivals = Arrivals::Poisson;
        options.seed = seed;
        run(options).schedule_hash
    };
    let first = hash(1);
    assert_eq!(first, hash(1));
    assert_ne!(first, hash(2));
}

#[test]
fn a_server_that_closes_after_each_reply_costs_no_errors() {
    fn close_after_reply(stream: &mut TcpStream) -> bool {
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello";
        assert!(stream.write_all(head).is_ok());
        false
    }
    let peer = Peer::start(close_after_reply);
    let report = run(options(peer.address()));
    assert_eq!(report.requests_completed, 100, "{report}");
    assert!(peer.connections() >= 100, "{} connections", peer.connections());
}

#[test]
fn a_chunked_reply_is_read_to_its_end() {
    fn chunked(stream: &mut TcpStream) -> bool {
        let reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\
            3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        stream.write_all(reply).is_ok()
    }
    let peer = Peer::start(chunked);
    let report = run(options(peer.address()));
    assert_eq!((report.requests_completed, report.bytes_received), (100, 500), "{report}");
    assert_eq!(peer.connections(), 10);
}

#[test]
fn error_statuses_are_errors_that_keep_the_connection() {
    fn missing(stream: &mut TcpStream) -> bool {
        stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").is_ok()
    }
    let peer = Peer::start(missing);
    let report = run(options(peer.address()));
    assert_eq!(report.errors["status_4xx"], 100, "{report}");
    assert_eq!(report.response_time_seconds.expect("replies").count, 100);
    assert_eq!(peer.connections(), 10);
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn a_stop_from_another_thread_ends_the_run_with_a_report_of_what_was_done() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.duration = Duration::from_mins(10);
    let running = Running::start(options);
    let control = running.control.clone();
    running.wait_until(|counts| counts.completed >= 20);
    control.stop();
    let report = running.report();
    assert!(report.interrupted && report.requests_completed >= 20, "{report}");
    assert!(report.requests_planned < 12_000, "{report}");
    assert_every_arrival_is_accounted_for(&report);
    let Counts { planned, sent, completed, errors, aborted } = control.counts();
    let shown = (planned, sent, completed, errors, aborted);
    let reported = (
        report.requests_planned,
        report.requests_sent,
        report.requests_completed,
        report.errors_total,
        report.requests_aborted,
    );
    assert_eq!(shown, reported);
}

#[test]
fn nobody_waits_for_a_user_who_thinks_beyond_the_end() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    (options.rate, options.users) = (String::new(), Some(2));
    options.think_time = Duration::from_mins(5);
    // Long enough for a busy machine to let the first user begin.
    options.duration = Duration::from_secs(3);
    let report = run(options);
    assert_eq!(report.requests_completed, 1, "{report}");
    assert!(report.elapsed_seconds < 60.0, "{report}");
}

#[test]
fn a_run_that_is_stopped_before_it_starts_sends_nothing() {
    let peer = Peer::start(ok);
    let plan = options(peer.address()).check().expect("a valid plan");
    let control = Control::new();
    control.stop();
    let report = loadgen::run(&plan, &control).expect("a report");
    assert_eq!((report.requests_planned, report.interrupted), (0, true), "{report}");
    assert_eq!(report.response_time_seconds, None);
}

#[test]
fn a_small_backlog_that_overflows_makes_the_run_invalid() {
    fn slow(stream: &mut TcpStream) -> bool {
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(OK).is_ok()
    }
    let peer = Peer::start(slow);
    let mut options = options(peer.address());
    options.connections = 1;
    options.backlog = Some(3);
    let report = run(options);
    assert!(report.arrivals_dropped > 50, "{report}");
    assert!(!report.valid && report.invalid_reasons[0].contains("backlog of 3"), "{report}");
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn a_generator_later_than_its_bound_makes_the_run_invalid() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.max_lateness = Duration::from_micros(1);
    let report = run(options);
    assert!(!report.valid && report.invalid_reasons[0].contains("late"), "{report}");
}
