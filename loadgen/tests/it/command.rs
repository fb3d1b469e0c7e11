//! The command `loadgen` as people and scripts meet it: output, exit codes, signals.

use std::{
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::peer::{Peer, ok};

fn loadgen(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs with a bound of lateness that even a busy machine keeps.
fn output_unhurried(arguments: &[&str]) -> Output {
    output(&[&["--max-lateness", "10m"], arguments].concat())
}

fn output(arguments: &[&str]) -> Output {
    loadgen(arguments).output().expect("the command runs")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn a_good_run_exits_0_and_reports_on_stdout_alone() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/api/data", peer.address());
    let output = output_unhurried(&["--rate", "200/s", "--duration", "200ms", &url]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(text(&output.stdout).contains("40 of 40 planned"), "{}", text(&output.stdout));
    assert!(output.stderr.is_empty(), "no progress without a terminal: {output:?}");
}

#[test]
fn json_has_the_keys_that_scripts_read() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let output = output_unhurried(&[
        "--rate",
        "200/s",
        "--duration",
        "200ms",
        "--format",
        "json",
        "--seed",
        "7",
        &url,
    ]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let number = |key: &str| report[key].as_f64().unwrap_or_else(|| panic!("{key} in {report}"));
    for (key, value) in [
        ("schema_version", 1.0),
        ("seed", 7.0),
        ("requests_planned", 40.0),
        ("requests_sent", 40.0),
        ("requests_completed", 40.0),
        ("errors_total", 0.0),
        ("arrivals_dropped", 0.0),
        ("rate_asked_per_second", 200.0),
        ("bytes_received", 200.0),
    ] {
        assert!((number(key) - value).abs() < 1e-9, "{key} in {report}");
    }
    assert!(number("rate_sent_per_second") > 0.0 && number("elapsed_seconds") > 0.0);
    for times in ["response_time_seconds", "service_time_seconds", "lateness_seconds"] {
        for key in ["p50", "p90", "p99", "p999", "max", "mean"] {
            assert!(report[times][key].is_f64(), "{times}.{key} in {report}");
        }
    }
    assert_eq!(report["errors"]["timeout"], 0);
    assert_eq!(report["valid"], true);
    assert_eq!(report["invalid_reasons"], serde_json::json!([]));
    assert_eq!(report["schedule_hash"].as_str().map(str::len), Some(16));
}

#[test]
fn failed_requests_exit_1() {
    let peer = Peer::start(|_| false);
    let url = format!("http://{}/", peer.address());
    let output = output_unhurried(&["--rate", "100/s", "--duration", "100ms", &url]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("errors     10: 10 closed"), "{output:?}");
}

#[test]
fn an_unreachable_target_exits_2_with_the_whole_cause_in_one_line() {
    let address = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let output = output(&["--rate", "100/s", &format!("http://{address}/")]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = text(&output.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.starts_with("error: only 0 of 10 connections to http://127"), "{error}");
    assert!(error.contains("Connection refused"), "{error}");
}

#[test]
fn every_problem_of_the_arguments_is_reported_at_once_and_exits_2() {
    let arguments = [
        "--rate=fast",
        "--arrivals=sometimes",
        "--seed=x",
        "--connections=0",
        "--duration=never",
        "--timeout=0s",
        "--backlog=-1",
        "--max-lateness=1",
        "https://localhost/",
    ];
    let output = output(&arguments);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = text(&output.stderr);
    let options = [
        "URL: ",
        "rate: ",
        "arrivals: ",
        "seed: ",
        "connections: ",
        "duration: ",
        "timeout: ",
        "backlog: ",
        "max-lateness: ",
    ];
    for option in options {
        assert!(error.contains(&format!("error: {option}")), "{option} in {error}");
    }
    assert_eq!(error.lines().count(), arguments.len(), "{error}");
}

#[test]
fn an_invalid_run_exits_3_whatever_the_target_did() {
    let peer = Peer::start(|_| false);
    let url = format!("http://{}/", peer.address());
    let output = output(&["--rate", "100/s", "--duration", "100ms", "--max-lateness", "1us", &url]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(text(&output.stdout).contains("valid      NO"), "{output:?}");
}

#[test]
fn an_interrupt_exits_130_with_a_report_of_what_was_done() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let child = loadgen(&["--rate", "200/s", "--duration", "10m", "--format", "json", &url])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the command runs");
    let deadline = Instant::now() + Duration::from_secs(30);
    while peer.requests() < 20 && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(1));
    }
    kill_process(Pid::from_child(&child), Signal::INT).expect("the command is alive");
    let output = child.wait_with_output().expect("the command ends");
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["interrupted"], true);
    assert!(report["requests_completed"].as_u64() >= Some(19), "{report}");
}
