//! `detector check --run CMD --load CMD`: a leak gate in one line, by its real binary.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

fn command(options: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.args(["check", "--every", "100ms", "--format", "json"]).args(options);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn check(options: &[&str]) -> Output {
    command(options).output().expect("runs")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits for a condition, for half a minute at most.
fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "in vain for {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn runs(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// A command that writes its pid into the file before it becomes another program.
fn telling_its_pid(file: &Path, then: &str) -> String {
    format!("sh -c 'echo $$ > {}; exec {then}'", file.display())
}

fn pid_in(file: &Path) -> String {
    until("a pid", || fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')));
    fs::read_to_string(file).expect("a file").trim().to_owned()
}

fn files(folder: &tempfile::TempDir) -> (PathBuf, PathBuf) {
    (folder.path().join("program"), folder.path().join("load"))
}

#[test]
fn the_program_and_its_load_are_started_watched_and_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let (program, load) = files(&folder);
    let (run, drive) =
        (telling_its_pid(&program, "sleep 600"), telling_its_pid(&load, "sleep 600"));
    let ready = format!("test -s {}", program.display());
    let output = check(&["--run", &run, "--ready", &ready, "--load", &drive, "--for", "4s"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!((&report["verdict"], &report["process"]), (&"steady".into(), &"sleep".into()));
    assert_eq!(report["pid"].to_string(), pid_in(&program));
    for pid in [pid_in(&program), pid_in(&load)] {
        assert!(!runs(&pid), "{pid}");
    }
}

#[test]
fn the_load_begins_when_the_program_is_ready_which_is_asked_again_and_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let (attempts, seen) = files(&folder);
    let (attempts, seen) = (attempts.display(), seen.display());
    let ready = format!("sh -c 'echo x >> {attempts}; test $(wc -l < {attempts}) -ge 3'");
    let load = format!("sh -c 'wc -l < {attempts} > {seen}'");
    let output = check(&["--run", "sleep 600", "--ready", &ready, "--load", &load, "--for", "1h"]);
    assert_eq!(report(&output)["ending"], "complete", "{}", stderr(&output));
    assert_eq!(fs::read_to_string(seen.to_string()).expect("a file").trim(), "3");
}

#[test]
fn a_program_that_leaks_fails_the_gate() {
    // A shell whose variable grows by 10 KB every 10 ms.
    let grows = "sh -c 'more=$(printf %10000d 0); while sleep 0.01; do kept=$kept$more; done'";
    let output =
        check(&["--run", grows, "--for", "12s", "--confirm", "4s", "--signal", "rss_anon_bytes"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(report(&output)["verdict"], "leaking");
}

#[test]
fn a_child_that_leaks_fails_the_gate_and_a_load_of_several_commands_is_run_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (parent, child, driven) = (path("parent"), path("child"), path("driven"));
    let log = path("check.log");
    let grows = "more=$(printf %10000d 0); while sleep 0.01; do kept=$kept$more; done";
    fs::write(&child, grows).expect("a script");
    fs::write(&parent, format!("sh {child} & wait")).expect("a script");
    let load = format!("sleep 1 && touch {driven} && sleep 600");
    let run = format!("sh {parent}");
    let options = ["--for", "12s", "--confirm", "4s", "--signal", "rss_anon_bytes", "-a"];
    let output = check(&[&["--run", &run, "--load", &load, "--log", &log][..], &options].concat());
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["verdict"], "leaking");
    assert!(fs::exists(driven).expect("readable"), "the second command of the load was not run");
    let alert = format!("ALERT process {}: ", report["pid"]);
    assert!(stderr(&output).contains(&alert), "{alert} in {}", stderr(&output));
}

#[test]
fn the_watch_ends_with_the_load_and_says_so() {
    let output =
        check(&["--run", "sleep 600", "--load", "sleep 1", "--for", "1h", "--confirm", "1s"]);
    let report = report(&output);
    assert_eq!(report["ending"], "complete", "{report}");
    assert!(report["elapsed_seconds"].as_f64() < Some(600.0), "{report}");
    assert!(report["notes"].to_string().contains("so was the watch"), "{report}");
}

#[test]
fn what_a_failed_load_left_unused_is_not_called_steady() {
    let output = check(&["--run", "sleep 600", "--load", "false", "--for", "10m"]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["cut_short_by"], "the load ended, exit status: 1");
    assert_ne!(report["verdict"], "steady");
    assert_eq!(report["process"], "sleep", "not the shell that it was started by");
}

#[test]
fn a_program_that_does_not_start_is_refused_with_what_it_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = folder.path().join("no-such-program").display().to_string();
    let output = check(&["--run", &missing, "--ready", "false", "--for", "10m"]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains("ended at once, exit status: 127"), "{told}");
    assert!(told.contains("not found"), "{told}");
    assert!(output.stdout.is_empty());

    let output = check(&["--run", "sleep 600", "1", "--for", "10m"]);
    assert_eq!(output.status.code(), Some(2), "a pid beside a program to start");
}

#[test]
fn an_interrupt_ends_what_was_started_even_what_ignores_the_first_signal() {
    let folder = tempfile::tempdir().expect("a folder");
    let (program, load) = files(&folder);
    let run = telling_its_pid(&program, "sleep 600");
    let stubborn = format!("sh -c 'trap \"\" TERM; echo $$ > {}; sleep 600'", load.display());
    let mut running = command(&["--run", &run, "--load", &stubborn, "--for", "10m"]);
    let running = running.spawn().expect("runs");
    let (program, load) = (pid_in(&program), pid_in(&load));
    let interrupted = Command::new("kill").args(["-INT", &running.id().to_string()]).status();
    assert!(interrupted.expect("runs").success());
    let output = running.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    until("both to end", || !runs(&program) && !runs(&load));
}
