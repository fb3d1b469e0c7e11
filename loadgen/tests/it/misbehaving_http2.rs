//! Servers that do what servers must not, over HTTP/2 and TLS: each fault is counted under its
//! kind, in bounded time and memory.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::Duration,
};

use loadgen::{Control, LoadError, Protocol, Report};
use proptest::{prelude::*, test_runner::Config};

use crate::{assert_every_arrival_is_accounted_for, options, run};

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
/// Nothing is processed, no error: a graceful way to send everybody away.
const GO_AWAY: [u8; 17] = [0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// A server that does this with every connection, once it has read something.
fn server(answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    // Ends with the test's process: nobody connects any more.
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                answer(stream);
            });
        }
    });
    address
}

/// 25 requests over 2 connections.
fn report_on(answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> Report {
    report_within(Duration::from_secs(30), answer)
}

fn report_within(
    timeout: Duration,
    answer: impl Fn(TcpStream) + Send + Sync + Clone + 'static,
) -> Report {
    let mut options = options(server(answer));
    options.rate = "50/s".into();
    (options.protocol, options.connections) = (Protocol::Http2, 2);
    options.timeout = timeout;
    let report = run(options);
    assert_eq!((report.requests_planned, report.errors_total), (25, 25), "{report}");
    assert_every_arrival_is_accounted_for(&report);
    report
}

/// A frame of headers that does not end them, then more of them without end.
fn endless_headers(mut stream: TcpStream) {
    let frame = |kind: u8| [&[0, 0x20, 0, kind, 0, 0, 0, 0, 1][..], &[b'x'; 0x2000]].concat();
    let (headers, continuation) = (frame(1), frame(9));
    let begun = stream.write_all(&[&SETTINGS[..], &headers].concat());
    if begun.is_ok() {
        while stream.write_all(&continuation).is_ok() {}
    }
}

#[test]
fn garbage_is_a_protocol_error() {
    let report = report_on(|mut stream| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert!(report.errors["protocol"] > 0, "{report}");
    assert_eq!(report.errors["protocol"] + report.errors["closed"], 25, "{report}");
}

#[test]
fn a_connection_cut_before_the_reply_is_closed() {
    assert_eq!(report_on(drop).errors["closed"], 25);
    let report = report_on(|mut stream| {
        let _ = stream.write_all(&[&SETTINGS[..], &GO_AWAY].concat());
    });
    assert_eq!(report.errors["closed"], 25, "{report}");
}

#[test]
fn silence_costs_each_its_timeout() {
    let report = report_within(Duration::from_millis(200), |mut stream| {
        let _ = stream.write_all(&SETTINGS);
        let _ = stream.read_to_end(&mut Vec::new());
    });
    assert_eq!(report.errors["timeout"] + report.errors["expired"], 25, "{report}");
}

#[test]
fn endless_headers_are_bounded() {
    let report = report_on(endless_headers);
    assert_eq!(report.errors["protocol"] + report.errors["closed"], 25, "{report}");
}

#[test]
fn who_speaks_no_tls_or_says_nothing_gets_no_load() {
    for answer in [
        |mut stream: TcpStream| {
            let _ = stream.write_all(b"220 smtp ready\r\n");
        },
        |mut stream: TcpStream| {
            let _ = stream.read_to_end(&mut Vec::new());
        },
    ] {
        let mut options = options(server(answer));
        options.url = options.url.replace("http://", "https://");
        (options.insecure, options.timeout) = (true, Duration::from_millis(200));
        let plan = options.check().expect("a valid plan");
        let error = loadgen::run(&plan, &Control::new()).expect_err("no TLS");
        assert!(matches!(error, LoadError::Connect { opened: 0, .. }), "{error:?}");
    }
}

proptest! {
    #![proptest_config(Config::with_cases(32))]

    // Whatever frames come back, each request ends in one column, in time, without a panic.
    #[test]
    fn any_frames_are_accounted_for(
        frames in prop::collection::vec(
            (0_u8..12, any::<u8>(), 0_u8..4, prop::collection::vec(any::<u8>(), 0..40)), 0..6),
    ) {
        let mut bytes = SETTINGS.to_vec();
        for (kind, flags, stream, payload) in frames {
            bytes.extend([0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream]);
            bytes.extend(payload);
        }
        let mut options = options(server(move |mut stream: TcpStream| {
            let _ = stream.write_all(&bytes);
        }));
        options.rate = "100/s".into();
        options.duration = Duration::from_millis(15);
        (options.protocol, options.connections) = (Protocol::Http2, 1);
        options.timeout = Duration::from_millis(500);
        let report = run(options);
        prop_assert_eq!(report.requests_planned, 2);
        assert_every_arrival_is_accounted_for(&report);
    }
}
