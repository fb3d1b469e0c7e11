//! The command `loadgen` as people and scripts meet it: output, exit codes, signals.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    peer::{OK, Peer, ok},
    reserved_port::ReservedPort,
    wait_until,
};

fn loadgen(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(arguments).stdin(Stdio::null());
    command
}

/// A command that goes on while the test does something to it; ended when dropped.
struct Background(Child);

impl Background {
    /// `loadgen` with a pipe where the test wants to read.
    fn start(arguments: &[&str], stdout: Stdio, stderr: Stdio) -> Self {
        let child = loadgen(arguments).stdout(stdout).stderr(stderr).spawn();
        Self(child.expect("the command runs"))
    }

    fn interrupt(&self) {
        kill_process(Pid::from_child(&self.0), Signal::INT).expect("not yet waited for");
    }

    /// How it ended and what it said on its stdout, once it has.
    fn output(mut self) -> Output {
        let mut stdout = Vec::new();
        let mut pipe = self.0.stdout.take().expect("a pipe");
        pipe.read_to_end(&mut stdout).expect("the command ends");
        Output { status: self.0.wait().expect("a child"), stdout, stderr: Vec::new() }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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

/// On one processor with three who compute all the time it gets a quarter of it.
#[test]
fn a_generator_without_a_processor_to_spare_says_that_requests_waited_for_it() {
    let status = fs::read_to_string("/proc/self/status").expect("Linux");
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    let first = allowed.and_then(|list| list.trim().split([',', '-']).next()).expect("a processor");
    let there = |program: &str| {
        let mut command = Command::new("taskset");
        command.args(["-c", first, program]).stdin(Stdio::null());
        command
    };
    let computes = |()| {
        let child = there("sh").args(["-c", "ulimit -t 60; while :; do :; done"]).spawn();
        Background(child.expect("a shell"))
    };
    let _busy = [(); 3].map(computes);
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let output = there(env!("CARGO_BIN_EXE_loadgen"))
        .args(["--rate", "30000/s", "--duration", "500ms", "--format", "json", &url])
        .output();
    let output = output.expect("the command runs");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reasons = report["invalid_reasons"].to_string();
    assert!(reasons.contains("had no processor to spare"), "{reasons}");
}

#[test]
fn a_file_is_written_by_one_output_alone() {
    let output = loadgen(&["--rate", "1/s", "--json", "x", "--html", "x", "http://127.0.0.1:9/"])
        .output()
        .expect("the command runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("html: `x` is written by json"), "{told}");
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

fn keys(value: &serde_json::Value) -> BTreeSet<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
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
    let schema = include_str!("../../report.schema.json");
    let schema: serde_json::Value = serde_json::from_str(schema).expect("JSON");
    for (place, value) in [
        ("", &report),
        ("/$defs/times", &report["response_time_seconds"]),
        ("/$defs/cell", &report["timeline"][0]),
        ("/$defs/judgement", &report["thresholds"][0]),
    ] {
        let described = schema.pointer(&format!("{place}/properties")).expect(place);
        assert_eq!(keys(value), keys(described), "report.schema.json at {place}/");
    }
    assert_eq!(report["errors"]["timeout"], 0);
    assert_eq!(report["replies"], serde_json::json!({"2xx": 40, "3xx": 0, "4xx": 0, "5xx": 0}));
    assert_eq!(report["valid"], true);
    assert_eq!(report["invalid_reasons"], serde_json::json!([]));
    assert_eq!(report["schedule_hash"].as_str().map(str::len), Some(16));
}

#[test]
fn metrics_are_served_while_the_run_goes_on() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let arguments = ["--rate=200/s", "--duration=10m", "--metrics=0", &url];
    let mut command = Background::start(&arguments, Stdio::null(), Stdio::piped());
    let mut said = BufReader::new(command.0.stderr.take().expect("a pipe"));
    let mut line = String::new();
    said.read_line(&mut line).expect("where the metrics are");
    let address = line.trim().strip_prefix("metrics on http://").expect(&line);
    let address = address.strip_suffix("/metrics").expect(&line);
    let scrape = || {
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").expect("it reads");
        let mut page = String::new();
        stream.read_to_string(&mut page).expect("it answers");
        page
    };
    assert!(scrape().contains("\nloadgen_requests_sent_total "), "{}", scrape());
    wait_until(|| !scrape().contains("\nloadgen_response_time_seconds_count 0\n"));
}

#[test]
fn files_that_cannot_be_written_are_named_before_a_request_is_sent() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let output = output(&[
        "--rate=200/s",
        "--csv=/nowhere/a.csv",
        "--html=/nowhere/a.html",
        "--metrics=localhost",
        &url,
    ]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 3, "{said}");
    for part in ["/nowhere/a.csv", "/nowhere/a.html", "metrics: `localhost` is no address"] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(peer.requests(), 0);
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
fn the_conditions_decide_the_exit_code() {
    fn every_other(count: &AtomicU64, stream: &mut TcpStream) -> bool {
        let missing = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
        let odd = count.fetch_add(1, Relaxed) % 2 == 1;
        stream.write_all(if odd { missing } else { OK }).is_ok()
    }
    let count = AtomicU64::new(0);
    let peer = Peer::start(move |stream| every_other(&count, stream));
    let url = format!("http://{}/", peer.address());
    for (conditions, code, said) in [
        (&[][..], 1, "conditions errors<=0  NOT KEPT  10"),
        (&["--threshold", "errors<=50%"], 0, "conditions errors<=50%  kept      50.00%"),
        (&["--threshold", "errors<50%"], 1, "conditions errors<50%  NOT KEPT  50.00%"),
        (&["--threshold", "status_4xx<=10", "--threshold", "max<10m"], 0, "max<10m "),
        (&["--threshold", "errors<=50%", "--threshold", "rate>1000000/s"], 1, "rate>1000000/s"),
    ] {
        let arguments = [&["--rate=100/s", "--duration=200ms", &url], conditions].concat();
        let output = output_unhurried(&arguments);
        assert_eq!(output.status.code(), Some(code), "{conditions:?}: {output:?}");
        assert!(text(&output.stdout).contains(said), "{}", text(&output.stdout));
    }
}

#[test]
fn checks_decide_what_counts_as_completed() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    for (checks, code, said) in [
        (&["--check-status=2xx", "--check-body=hell"][..], 0, "errors     0"),
        (&["--check-status=201,404"], 1, "errors     20: 20 check_status"),
        (&["--check-body=hello", "--check-body=world"], 1, "errors     20: 20 check_body"),
    ] {
        let arguments = [&["--rate=100/s", "--duration=200ms", &url], checks].concat();
        let output = output_unhurried(&arguments);
        assert_eq!(output.status.code(), Some(code), "{checks:?}: {output:?}");
        assert!(text(&output.stdout).contains(said), "{}", text(&output.stdout));
    }
}

#[test]
fn a_run_that_does_not_keep_its_stop_condition_ends_early_and_exits_1() {
    let peer = Peer::start(|_| false);
    let url = format!("http://{}/", peer.address());
    let conditions = ["--stop-unless=errors<50%", "--stop-grace=1s"];
    let load = ["--rate=100/s", "--duration=10m", "--format=json", &url];
    let output = output_unhurried(&[&conditions[..], &load].concat());
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let reason = report["stop_reason"].as_str().expect("a reason");
    assert!(reason.starts_with("errors<50% was 100.00% after"), "{reason}");
    assert_eq!(report["interrupted"], false);
    assert_eq!(report["thresholds"][0]["held"], false, "{report}");
}

#[test]
fn an_unreachable_target_exits_2_with_the_whole_cause_in_one_line() {
    let port = ReservedPort::new();
    let output = output(&["--rate", "100/s", &format!("http://{}/", port.address())]);
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
        "--threshold=p99<5",
        "--stop-unless=errors",
        "--stop-grace=x",
        "--check-status=20",
        "--check-body=",
        "ftp://localhost/",
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
        "threshold: ",
        "stop-unless: ",
        "stop-grace: ",
        "check-status: ",
        "check-body: ",
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
fn a_second_interrupt_ends_the_command_at_once() {
    // Nothing is ever answered, so that the requests under way hold the end up.
    let interrupted = || {
        let peer = Peer::start(|_| true);
        let url = format!("http://{}/", peer.address());
        let arguments = ["--rate=200/s", "--duration=10m", "--timeout=10m", &url];
        let mut command = Background::start(&arguments, Stdio::piped(), Stdio::inherit());
        wait_until(|| peer.requests() >= 10);
        // Signals that come too close together are one to the kernel, so it is asked again and
        // again.
        wait_until(|| {
            command.interrupt();
            thread::sleep(Duration::from_millis(5));
            command.0.try_wait().expect("a child").is_some()
        });
        let output = command.output();
        assert_eq!(output.status.code(), Some(130), "{output:?}");
        output.stdout.is_empty()
    };
    // Where this thread sleeps longer than the grace of the first, the report is there before the
    // second. A busy machine may do so at times, and a command that ignores the second always.
    assert!((0..3).any(|_| interrupted()), "the grace of the first was never cut short");
}

#[test]
fn an_interrupt_exits_130_with_a_report_of_what_was_done() {
    let peer = Peer::start(ok);
    let url = format!("http://{}/", peer.address());
    let arguments = ["--rate=200/s", "--duration=10m", "--format=json", &url];
    let command = Background::start(&arguments, Stdio::piped(), Stdio::inherit());
    wait_until(|| peer.requests() >= 20);
    command.interrupt();
    let output = command.output();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["interrupted"], true);
    assert!(report["requests_completed"].as_u64() >= Some(19), "{report}");
}

#[test]
fn what_cannot_be_read_is_one_problem_and_nothing_else_is_said_to_be_missing() {
    for (arguments, said) in [
        ("--users=many", "users: `many` is no whole number"),
        ("--plan=/nowhere", "plan: cannot read `/nowhere`"),
        ("--rate=5/s --body={{kye}}", "body: `{{kye}}` has `{{kye}}`, which stands for nothing"),
        ("--stage=soon", "stage: `soon` is no stage"),
        ("--rate-curve=/nowhere", "rate-curve: cannot read `/nowhere`"),
        ("--rate=5/s --shard=/3", "shard: `/3` takes i from the variable JOB_COMPLETION_INDEX"),
        ("--users=5 --connections=9", "connections: 5 users take 5, one each"),
        ("--stage=5s:1/s --duration=9s", "duration: the load that is given takes 5s by itself"),
        ("--rate=5/s --keep-alive=no", "keep-alive: `no` is neither `true` nor `false`"),
        (
            "--rate=5/s --start-at=2020-01-01T00:00:00Z",
            "start-at: `2020-01-01T00:00:00Z` has passed",
        ),
    ] {
        let arguments: Vec<_> = arguments.split(' ').chain(["http://localhost/"]).collect();
        let mut command = loadgen(&arguments);
        command.env_remove("JOB_COMPLETION_INDEX");
        let output = command.output().expect("the command runs");
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let error = text(&output.stderr);
        assert!(error.starts_with(&format!("error: {said}")), "{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_reader_that_has_read_enough_costs_neither_the_files_nor_the_exit_code() {
    let peer = Peer::start(ok);
    let directory = tempfile::tempdir().expect("a directory");
    let json = directory.path().join("run.json");
    let (read, written) = std::io::pipe().expect("a pipe");
    drop(read);
    let output = loadgen(&["--rate=200/s", "--duration=100ms", "--max-lateness=10m"])
        .args(["--json", json.to_str().expect("text"), &format!("http://{}/", peer.address())])
        .stdout(written)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(Child::wait_with_output)
        .expect("the command runs");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
    let report: serde_json::Value =
        serde_json::from_slice(&fs::read(json).expect("a report")).expect("JSON");
    assert_eq!(report["requests_completed"], 20);
}

#[test]
fn a_run_that_could_not_begin_leaves_the_results_of_an_earlier_one() {
    let port = ReservedPort::new();
    let directory = tempfile::tempdir().expect("a directory");
    let files = ["json", "html", "csv", "hdr-log"].map(|kind| directory.path().join(kind));
    let mut command = loadgen(&["--rate=100/s", &format!("http://{}/", port.address())]);
    for file in &files {
        fs::write(file, "earlier").expect("written");
        let flag = file.file_name().and_then(|name| name.to_str()).expect("text");
        command.arg(format!("--{flag}={}", file.display()));
    }
    assert_eq!(command.output().expect("the command runs").status.code(), Some(2));
    for file in &files {
        assert_eq!(fs::read_to_string(file).expect("text"), "earlier", "{}", file.display());
    }
}
