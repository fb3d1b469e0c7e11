//! Whatever ends a drill, the service ends with it.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lab::event::{Event, Status};
use lab::journal;
use lab::service::Service;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::{Bench, LEAKLAB, Running, is_alive, utf8, wait_until};

/// A drill whose leak is on, and the pid of its service.
fn leaking(bench: &Bench) -> (Running, u32) {
    let drill = "\
title: A drill that somebody ends
hypothesis: Nothing is left behind.
target: {leak: cache}
phases: {warm_up: 1s, baseline: 1s}
expect: {flagged_within: 1h, recovered_within: 1h}
load: {rate: 20/s}
";
    let file = bench.file("mine.yaml", drill);
    let mut command = bench.command(&["drill", utf8(&file), "--journal", utf8(&bench.journal())]);
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = Running(command.spawn().expect("leaklab starts"));
    wait_until("the leak is on", || line_with(&bench.journal(), "\"event\":\"injected\""));
    let service = line_with(&bench.journal(), "\"kind\":\"service\"").expect("the service is up");
    let service: Value = serde_json::from_str(&service).expect("JSON");
    (child, service["pid"].as_u64().expect("a pid") as u32)
}

fn line_with(journal: &Path, part: &str) -> Option<String> {
    let text = std::fs::read_to_string(journal).ok()?;
    text.lines().find(|line| line.contains(part)).map(str::to_owned)
}

fn signal(child: &Running, signal: Signal) {
    let pid = Pid::from_raw(child.0.id().cast_signed()).expect("a pid");
    kill_process(pid, signal).expect("a signal");
}

#[test]
fn an_interrupt_rolls_back_and_leaves_no_orphan() {
    for ending in [Signal::INT, Signal::TERM] {
        let bench = Bench::new();
        let (mut leaklab, service) = leaking(&bench);
        signal(&leaklab, ending);
        let status = leaklab.0.wait().expect("it ends");
        assert_eq!(status.code(), Some(130));
        assert!(!is_alive(service), "the service was ended before leaklab");
        let journal = journal::read(&bench.journal()).expect("a journal");
        let drill = &journal.drills[0];
        assert_eq!(drill.verdict.as_ref().map(|verdict| verdict.status), Some(Status::Interrupted));
        let rolled_back = |(_, event): &(f64, Event)| *event == Event::RolledBack { problem: None };
        assert!(drill.events.iter().any(rolled_back));
    }
}

#[test]
fn a_kill_leaves_no_orphan_and_a_journal_that_can_be_read() {
    let bench = Bench::new();
    let (mut leaklab, service) = leaking(&bench);
    signal(&leaklab, Signal::KILL);
    leaklab.0.wait().expect("it ends");
    wait_until("the service ends with its parent", || (!is_alive(service)).then_some(()));
    let journal = journal::read(&bench.journal()).expect("a journal");
    assert_eq!(journal.drills[0].verdict, None);
}

#[test]
fn a_service_that_ends_by_itself_is_told() {
    let bench = Bench::new();
    let (mut leaklab, service) = leaking(&bench);
    let pid = Pid::from_raw(service.cast_signed()).expect("a pid");
    kill_process(pid, Signal::KILL).expect("a signal");
    assert_eq!(leaklab.0.wait().expect("it ends").code(), Some(2));
    let journal = journal::read(&bench.journal()).expect("a journal");
    let verdict = journal.drills[0].verdict.clone().expect("a verdict");
    assert_eq!(verdict.status, Status::CouldNotRun);
    assert!(verdict.reasons[0].contains("the service ended, signal: 9"), "{verdict:?}");
}

#[test]
fn a_panic_leaves_no_orphan() {
    let _bench = Bench::new();
    let mut pid = 0;
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        let service =
            Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
        pid = service.pid();
        assert!(is_alive(pid));
        panic!("while a drill runs");
    }));
    assert!(panicked.is_err());
    assert!(pid != 0 && !is_alive(pid));
}

#[test]
fn a_program_that_is_no_service_is_told_with_its_last_words() {
    let _bench = Bench::new();
    let error =
        Service::start(Path::new("/bin/ls"), Duration::ZERO, || false).expect_err("no service");
    let told = lab::error_chain(&error);
    assert!(told.starts_with("the service ended at once, exit status: 2, saying `"), "{told}");
    let missing = Service::start(Path::new("no/such/program"), Duration::ZERO, || false)
        .expect_err("no program");
    assert!(lab::error_chain(&missing).starts_with("cannot start no/such/program: "));
}
