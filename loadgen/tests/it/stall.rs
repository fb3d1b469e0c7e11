//! The test that a load generator must not fail: a real server process is stopped for a while in
//! the middle of a run, and everybody who came meanwhile must be seen to have waited.

use std::{
    env,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use loadgen::Report;
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    Running, assert_every_arrival_is_accounted_for, options,
    peer::{Peer, ok},
};

const ANNOUNCEMENT: &str = "listening on ";
const RUN_SECONDS: f64 = 4.0;
const RATE: f64 = 500.0;

/// The server as a process of its own: this test binary, asked for the one "test" that serves.
struct Server {
    child: Child,
    address: std::net::SocketAddr,
}

impl Server {
    fn start() -> Self {
        let mut child = Command::new(env::current_exe().expect("the test binary"))
            .args(["--exact", "stall::serve_until_stdin_ends", "--ignored", "--nocapture"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = BufReader::new(child.stdout.take().expect("a pipe"));
        let address = output
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.split_once(ANNOUNCEMENT)?.1.parse().expect("an address")))
            .expect("the server says where it listens");
        Self { child, address }
    }

    /// Stops the process for `length`; says for how long it was at least, by the clock between the
    /// two signals.
    fn stall(&self, length: Duration) -> Duration {
        self.signal(Signal::STOP);
        let start = Instant::now();
        thread::sleep(length);
        let stalled = start.elapsed();
        self.signal(Signal::CONT);
        stalled
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the server is alive");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A stopped process can be killed too; it is waited for so that none is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "is no test but the server process of the test below"]
fn serve_until_stdin_ends() {
    let peer = Peer::start(ok);
    println!("\n{ANNOUNCEMENT}{}", peer.address());
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest).expect("the pipe to the parent");
}

/// A run of 4 s with a stall of about 1 s in the middle; also the length of the stall.
fn run_with_stall() -> (Report, f64) {
    let server = Server::start();
    let mut options = options(server.address);
    options.rate = format!("{RATE}/s");
    options.duration = Duration::from_secs_f64(RUN_SECONDS);
    let running = Running::start(options);
    running.wait_until(|counts| counts.planned >= (RATE * RUN_SECONDS / 3.0) as u64);
    let stalled = server.stall(Duration::from_secs(1)).as_secs_f64();
    (running.report(), stalled)
}

/// A busy machine lets everybody wait for longer, so that it may need several tries, or show more
/// than the stall in all of them; a generator that hides a part of the stall needs forever.
const TRIES: usize = 5;
const TOLERANCE: f64 = 0.015;

#[derive(Debug)]
struct Try {
    /// What is measured beyond the truth, as a share of it, at p99 and at p999.
    excess: [f64; 2],
    /// The machine never kept the generator waiting for as long as the tolerance.
    at_rest: bool,
}

impl Try {
    fn run() -> Self {
        let (report, stalled) = run_with_stall();
        let response = report.response_time_seconds.expect("replies");
        let lateness = report.lateness_seconds.expect("arrivals");
        // Who arrives t after the beginning of the stall waits for the rest of it, so the waits
        // are spread evenly from 0 to its length, and the worst share q of the run's arrivals is
        // those of its first q * RUN_SECONDS.
        let excess = [(response.p99, 0.01), (response.p999, 0.001)].map(|(measured, share)| {
            let truth = stalled - share * RUN_SECONDS;
            (measured - truth) / truth
        });
        Self { excess, at_rest: lateness.max < TOLERANCE * stalled }
    }

    fn shows_all(&self) -> bool {
        self.excess.iter().all(|excess| *excess > -TOLERANCE)
    }

    fn shows_more(&self) -> bool {
        self.excess.iter().any(|excess| *excess >= TOLERANCE)
    }
}

#[test]
fn the_worst_percentiles_are_the_truth_of_a_stall_to_1_5_per_cent() {
    let mut tries = Vec::new();
    while tries.len() < TRIES {
        let one = Try::run();
        if one.shows_all() && !one.shows_more() {
            return;
        }
        tries.push(one);
    }
    assert!(tries.iter().any(Try::shows_all), "a part of the stall is hidden: {tries:?}");
    let invented = tries.iter().any(|one| one.shows_more() && one.at_rest);
    assert!(!invented, "more than the stall is shown: {tries:?}");
    eprintln!("too busy a machine to tell whether more than the stall is shown: {tries:?}");
}

#[test]
fn a_stall_of_the_server_shows_in_full_in_the_response_time() {
    let (report, stalled) = run_with_stall();
    assert_eq!(report.arrivals_dropped, 0, "{report}");
    assert_eq!(report.requests_sent, report.requests_planned, "{report}");
    assert_eq!(report.requests_completed, report.requests_planned, "{report}");
    assert_every_arrival_is_accounted_for(&report);

    let response = report.response_time_seconds.expect("replies");
    assert!(response.p99 > stalled / 2.0, "{report}");
    // One request per connection was under way, 10 of 2000: who counts from the sending sees
    // nothing of the stall at p99.
    let service = report.service_time_seconds.expect("replies");
    assert!(service.max > stalled - 0.2, "{report}");
    assert!(service.p99 < stalled / 2.0, "{report}");
}
