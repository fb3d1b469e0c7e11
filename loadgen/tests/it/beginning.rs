//! How a run begins: with as many files as there may be, at the instant agreed on, and saying so on a terminal.

use std::{
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};

use crate::peer::{Peer, ok};

const LOADGEN: &str = env!("CARGO_BIN_EXE_loadgen");

fn seconds_since_1970() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64()
}

/// A whole second that is four to five ahead: even a busy machine has to wait for it.
pub fn soon() -> u64 {
    seconds_since_1970() as u64 + 5
}

#[test]
fn more_connections_are_opened_than_the_soft_limit_of_open_files() {
    let peer = Peer::start(ok);
    let load = format!(
        "ulimit -Sn 64; exec {LOADGEN} --rate 400/s --duration 1s --connections 200 \
         --max-lateness 10m http://{}/",
        peer.address()
    );
    let output = Command::new("sh").args(["-c", &load]).stdin(Stdio::null()).output();
    let output = output.expect("the command runs");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(peer.connections(), 200);
}

#[test]
fn the_clock_of_the_log_starts_at_the_instant_agreed_on() {
    let peer = Peer::start(ok);
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("run.hlog");
    let start = soon();
    let output = Command::new(LOADGEN)
        .args(["--rate=100/s", "--duration=1s", "--max-lateness=10m"])
        .arg(format!("--start-at={start}"))
        .arg(format!("--hdr-log={}", log.display()))
        .arg(format!("http://{}/", peer.address()))
        .output()
        .expect("the command runs");
    let end_seconds = seconds_since_1970();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let log = std::fs::read_to_string(log).expect("a log");
    let told = log.lines().find_map(|line| line.strip_prefix("#[StartTime: ")).expect("a start");
    let told: f64 = told.split(' ').next().expect("a word").parse().expect("seconds");
    // Written to the millisecond; a machine that is busy begins later, and never earlier.
    assert!(
        told >= start as f64 - 0.001 && told + 1.0 <= end_seconds + 0.001,
        "{told} for {start}"
    );
}

/// A terminal: what a person sees, and what a program writes to.
fn terminal() -> (File, OwnedFd) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&master).and_then(|()| unlockpt(&master)).expect("ours");
    let slave = ioctl_tiocgptpeer(&master, OpenptFlags::RDWR | OpenptFlags::NOCTTY);
    (master.into(), slave.expect("its other end"))
}

#[test]
fn a_terminal_counts_the_seconds_down_and_then_shows_how_each_went() {
    let peer = Peer::start(ok);
    let (mut master, slave) = terminal();
    let mut child = Command::new(LOADGEN)
        .args(["--rate=100/s", "--duration=1s", "--max-lateness=10m"])
        .arg(format!("--start-at={}", soon()))
        .arg(format!("http://{}/", peer.address()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(slave)
        .spawn()
        .expect("the command runs");
    // Reading fails (EIO) once nobody has the other end any more.
    let mut shown = Vec::new();
    let _ = master.read_to_end(&mut shown);
    assert!(child.wait().expect("ends").success());
    let shown = String::from_utf8_lossy(&shown);
    let lines: Vec<_> = shown.split("\r\x1b[2K").collect();
    let place = |what: &str| lines.iter().position(|line| line.starts_with(what));
    let (second, first) = (place("starts in 2s"), place("starts in 1s"));
    assert!(second.is_some() && second < first && first < place("1s of 1s"), "{lines:?}");
    assert_eq!(lines.last(), Some(&""), "the line is cleared in the end");
}
