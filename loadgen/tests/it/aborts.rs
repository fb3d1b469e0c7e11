//! Clients that go away on purpose, as impatient people do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::{
    assert_every_arrival_is_accounted_for, options,
    peer::{OK, Peer, ok},
    run,
};

#[test]
fn the_share_goes_away_before_the_reply_and_the_others_get_theirs() {
    // A server that waits for the end of the stream sees who goes away: it comes long before the
    // server would have answered.
    let gone = Arc::new(Mutex::new(0));
    let seen = Arc::clone(&gone);
    let peer = Peer::start(move |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        if let Ok(0) = stream.read(&mut [0]) {
            *seen.lock().expect("no thread failed") += 1;
            return false;
        }
        stream.set_read_timeout(None).expect("no timeout");
        stream.write_all(OK).is_ok()
    });
    let mut options = options(peer.address());
    options.abort_share = "30%".parse().expect("a share");
    options.connections = 50;
    let report = run(options);
    assert_eq!((report.requests_sent, report.errors_total), (100, 0), "{report}");
    assert_eq!(report.requests_completed + report.requests_aborted, 100, "{report}");
    assert!((10..60).contains(&report.requests_aborted), "{report}");
    assert_eq!(*gone.lock().expect("no thread failed"), report.requests_aborted);
    assert_every_arrival_is_accounted_for(&report);
}

#[test]
fn a_reply_that_comes_first_is_a_reply() {
    let peer = Peer::start(ok);
    let mut options = options(peer.address());
    options.abort_share = "100%".parse().expect("a share");
    options.abort_after = Duration::from_mins(1);
    let report = run(options);
    assert_eq!((report.requests_completed, report.requests_aborted), (100, 0), "{report}");
}

#[test]
fn the_seed_decides_who_goes_away() {
    let peer = Peer::start(|_| true);
    let aborted = |seed| {
        let mut options = options(peer.address());
        options.abort_share = "50%".parse().expect("a share");
        options.timeout = Duration::from_millis(50);
        options.connections = 100;
        options.seed = seed;
        run(options).requests_aborted
    };
    assert_eq!(aborted(1), aborted(1));
}
