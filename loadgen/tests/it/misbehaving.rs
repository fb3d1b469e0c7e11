//! Runs against servers that do what servers must not: each fault is counted under its kind, in
//! bounded time and memory, and never ends the run.

use std::{
    io::Write,
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use loadgen::{Control, LoadError, Report};
use proptest::{prelude::*, test_runner::Config};

use crate::{
    assert_every_arrival_is_accounted_for, options, peer::Peer, reserved_port::ReservedPort, run,
};

/// 25 requests over 2 connections.
fn report_on(answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static) -> Report {
    report_within(Duration::from_secs(30), answer)
}

fn report_within(
    timeout: Duration,
    answer: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
) -> Report {
    let peer = Peer::start(answer);
    let mut options = options(peer.address());
    options.rate = "50/s".into();
    options.connections = 2;
    options.timeout = timeout;
    let report = run(options);
    assert_eq!(report.requests_planned, 25, "{report}");
    assert_every_arrival_is_accounted_for(&report);
    report
}

#[test]
fn a_connection_cut_before_the_reply_is_closed() {
    let report = report_on(|_| false);
    assert_eq!(report.errors["closed"], 25, "{report}");
    assert_eq!(report.response_time_seconds, None, "no answer has no response time");
}

#[test]
fn a_reset_is_closed() {
    // Closing with bytes unread makes the kernel send a reset instead of an end.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut options = options(listener.local_addr().expect("an address"));
    options.rate = "50/s".into();
    options.connections = 1;
    let resetter = thread::spawn(move || {
        let mut served = 0;
        while served < 25 {
            let (stream, _) = listener.accept().expect("a connection");
            let mut first = [0; 1];
            served += stream.peek(&mut first).expect("a request");
        }
    });
    let report = run(options);
    assert_eq!(report.errors["closed"], 25, "{report}");
    resetter.join().expect("no panic");
}

#[test]
fn half_a_reply_is_closed() {
    let report = report_on(|stream| {
        assert!(stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf").is_ok());
        false
    });
    assert_eq!(report.errors["closed"], 25, "{report}");
}

#[test]
fn garbage_is_a_protocol_error() {
    let report = report_on(|stream| stream.write_all(b"\0\xffgarbage\r\n\r\n").is_ok());
    assert_eq!(report.errors["protocol"], 25, "{report}");
}

#[test]
fn a_broken_chunk_is_a_protocol_error() {
    let report = report_on(|stream| {
        let reply = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nabc\r\n";
        stream.write_all(reply).is_ok()
    });
    assert_eq!(report.errors["protocol"], 25, "{report}");
}

#[test]
fn endless_headers_are_a_protocol_error() {
    let report = report_on(|stream| {
        if stream.write_all(b"HTTP/1.1 200 OK\r\n").is_ok() {
            while stream.write_all(b"x-more: and more and more and more\r\n").is_ok() {}
        }
        false
    });
    assert_eq!(report.errors["protocol"], 25, "{report}");
}

#[test]
fn an_endless_body_is_oversized() {
    let peer = Peer::start(|stream| {
        let chunk = vec![b'x'; 1024 * 1024];
        if stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").is_ok() {
            while stream.write_all(&chunk).is_ok() {}
        }
        false
    });
    // Each is read for 64 MiB before it is too much, and a busy machine takes its time.
    let mut options = options(peer.address());
    options.rate = "8/s".into();
    options.connections = 2;
    options.timeout = Duration::from_mins(5);
    let report = run(options);
    assert_eq!((report.requests_planned, report.errors["oversized"]), (4, 4), "{report}");
    assert_every_arrival_is_accounted_for(&report);
    assert_eq!(report.bytes_received, 0, "only whole replies count");
}

#[test]
fn a_server_that_never_answers_costs_each_its_timeout() {
    let report = report_within(Duration::from_millis(200), |_| true);
    assert_eq!(report.errors["timeout"] + report.errors["expired"], 25, "{report}");
    assert!(report.errors["timeout"] >= 2, "{report}");
    let waited = report.response_time_seconds.expect("those who waited in vain count");
    assert_eq!(waited.count, 25);
    assert!(waited.p50 > 0.19, "{report}");
}

#[test]
fn a_refusing_target_is_no_run() {
    let port = ReservedPort::new();
    let plan = options(port.address()).check().expect("a valid plan");
    let error = loadgen::run(&plan, &Control::new()).expect_err("nobody is there");
    assert!(matches!(error, LoadError::Connect { opened: 0, asked: 10, .. }), "{error:?}");
}

#[test]
fn an_unknown_host_is_no_run() {
    let mut options = options(([127, 0, 0, 1], 1).into());
    options.url = "http://no-such-host.invalid/".to_owned();
    let plan = options.check().expect("a valid plan");
    let error = loadgen::run(&plan, &Control::new()).expect_err("no such host");
    assert!(matches!(&error, LoadError::Resolve { host, .. } if host == "no-such-host.invalid"));
}

/// Two requests to a peer that answers each with `bytes` and closes.
fn report_on_bytes(bytes: Vec<u8>) -> Report {
    let peer = Peer::start(move |stream| stream.write_all(&bytes).is_err());
    let mut options = options(peer.address());
    options.rate = "100/s".into();
    options.duration = Duration::from_millis(15);
    options.connections = 1;
    run(options)
}

proptest! {
    #![proptest_config(Config::with_cases(64))]

    // Whatever a peer sends back, each request ends in one column, in time, without a panic.
    #[test]
    fn any_reply_is_accounted_for(
        head in prop::sample::select(vec![
            "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 204 No Content\r\n", "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "HTTP/2.0 200 OK\r\n\r\n",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let report = report_on_bytes([head.as_bytes(), &rest].concat());
        prop_assert_eq!(report.requests_planned, 2);
        assert_every_arrival_is_accounted_for(&report);
        prop_assert_eq!(report.requests_abandoned, 0);
    }
}
