//! Clients that go away on purpose, as impatient people do.

use std::{
    io::{Read, Write},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    assert_every_arrival_is_accounted_for, options,
    peer::{OK, Peer, ok},
    run,
};

#[test]
fn the_share_goes_away_before_the_reply_and_the_others_get_theirs() {
    // A server that waits for the end of the stream sees who goes away: it comes within
    // milliseconds, and the server answers only after a second.
    let gone = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&gone);
    let peer = Peer::start(move |stream: &mut TcpStream| {
        stream.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        if let Ok(0) = stream.read(&mut [0]) {
            seen.fetch_add(1, SeqCst);
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
    // The run may be over before the server has noticed all.
    let deadline = Instant::now() + Duration::from_secs(30);
    while gone.load(SeqCst) < report.requests_aborted && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(gone.load(SeqCst), report.requests_aborted);
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
    // Nobody is answered: who goes away does so after a millisecond, the others when the time is
    // over, and that is long enough for a busy machine to send every request in.
    let peer = Peer::start(|_| true);
    let aborted = |seed| {
        let mut options = options(peer.address());
        options.abort_share = "50%".parse().expect("a share");
        options.timeout = Duration::from_secs(3);
        options.connections = 100;
        options.seed = seed;
        let report = run(options);
        let in_vain = report.errors.get("timeout").copied().unwrap_or(0);
        assert_eq!(report.requests_aborted + in_vain, 100, "{report}");
        report.requests_aborted
    };
    let once = aborted(1);
    assert!((20..80).contains(&once), "{once}");
    assert_eq!(aborted(1), once);
}
