//! `detector check`, by its real binary, on real processes.
//!
//! The processes to watch are commands of the shell.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// A process that is killed at the end of its test, by its pid.
struct Target(Child);

impl Target {
    /// Runs a command of the shell that says `ready`, and waits until it does.
    fn running(script: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut target = Self(command.spawn().expect("starts"));
        let mut out = BufReader::new(target.0.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("a line");
        assert_eq!(line, "ready\n", "it ended early");
        // Keep the pipe open, so that the target never fails to write.
        thread::spawn(move || out.read_to_end(&mut Vec::new()));
        target
    }

    /// Keeps 20 to 40 KB more every 10 ms.
    fn leaking() -> Self {
        Self::running(
            r#"exec awk 'BEGIN {
                print "ready"
                for (more = "x"; length(more) < 20000;) more = more more
                while (1) { system("sleep 0.01"); kept[n++] = more n }
            }'"#,
        )
    }

    fn sleeping() -> Self {
        let mut command = Command::new("sleep");
        let target = Self(command.arg("600").stdin(Stdio::null()).spawn().expect("starts"));
        // In the middle of its `exec` it still has our name.
        let name = format!("/proc/{}/comm", target.pid());
        eventually(|| fs::read_to_string(&name).is_ok_and(|name| name == "sleep\n"));
        target
    }

    fn pid(&self) -> String {
        self.0.id().to_string()
    }
}

/// Waits until it is so.
fn eventually(is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "not within a minute");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a trace has the heads and some looks.
fn has_lines(trace: &Path, lines: usize) {
    eventually(|| fs::read_to_string(trace).is_ok_and(|trace| trace.lines().count() >= lines));
}

impl Drop for Target {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn detector(binary: &Path, pid: &str, more: &[&str]) -> Command {
    let mut command = Command::new(binary);
    command.args(["check", pid, "--format", "json"]).args(more);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn check(pid: &str, more: &[&str]) -> Output {
    let binary = Path::new(env!("CARGO_BIN_EXE_detector"));
    detector(binary, pid, more).output().expect("runs")
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("a report in JSON")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn signal<'a>(report: &'a Value, name: &str) -> &'a Value {
    let signals = report["signals"].as_array().expect("signals");
    signals.iter().find(|signal| signal["signal"] == name).expect("the signal")
}

#[test]
fn a_quiet_process_is_steady_after_n_intervals_of_n_plus_one_samples() {
    let target = Target::sleeping();
    let output = check(&target.pid(), &["--for", "4s", "--every", "100ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["verdict"], "steady");
    assert_eq!(report["schema_version"], 1);
    assert_eq!(report["process"], "sleep");
    assert_eq!(report["intervals_asked"], 40);
    assert!(report["elapsed_seconds"].as_f64() >= Some(4.0), "{report}");
    // A busy machine may miss some; it can never take more.
    assert!((3..=41).contains(&report["samples"].as_u64().expect("a number")), "{report}");
    for name in ["rss_anon_bytes", "fds", "threads"] {
        assert_eq!(signal(&report, name)["state"], "steady");
    }
}

#[test]
fn a_leaking_process_is_leaking_and_its_trace_gives_the_same_verdict() {
    let target = Target::leaking();
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.csv");
    let trace = trace.to_str().expect("UTF-8");
    let options = ["--for", "10s", "--every", "100ms", "--limit", "1GiB", "--trace", trace];
    let output = check(&target.pid(), &options);
    let report = report(&output);
    assert_eq!(report["verdict"], "leaking", "{report:#}");
    assert_eq!(output.status.code(), Some(1));
    let memory = signal(&report, "rss_anon_bytes");
    let (first, latest) = (memory["first"].as_f64(), memory["latest"].as_f64());
    let grown = latest.expect("a number") - first.expect("a number");
    let slope = memory["slope_per_second"].as_f64().expect("a slope");
    let mean = grown / report["elapsed_seconds"].as_f64().expect("a time");
    // It grows by the loop: less per second while others are busy.
    assert!((0.25..4.0).contains(&(slope / mean)), "{slope} of {mean}");
    assert!(memory["eta_seconds"].as_f64() > Some(0.0), "{memory}");
    assert_eq!(signal(&report, "threads")["state"], "steady");
    let steps = report["next_steps"].as_array().expect("steps");
    assert!(steps.iter().any(|step| step.as_str().is_some_and(|s| s.contains("--metrics"))));

    let replayed = Command::new(env!("CARGO_BIN_EXE_detector"))
        .args(["replay", trace, "--confirm", "5s", "--limit", "1GiB"])
        .output()
        .expect("runs");
    assert_eq!(replayed.status.code(), Some(1), "{}", stderr(&replayed));
    let lines = String::from_utf8_lossy(&replayed.stdout).into_owned();
    let last = lines.lines().rfind(|line| line.contains("rss_anon_bytes")).expect("a line");
    let last: Value = serde_json::from_str(last).expect("JSON");
    assert_eq!(
        (&last["state"], &last["onset_seconds"]),
        (&memory["state"], &memory["onset_seconds"])
    );
}

#[test]
fn the_metrics_page_names_the_cause_in_bytes_per_entry_and_per_request() {
    let target = Target::leaking();
    let (address, server) = page_of(target.0.id());
    let url = format!("http://{address}/metrics");
    let options = ["--for", "10s", "--every", "100ms", "--metrics", &url];
    let output = check(&target.pid(), &options);
    let report = report(&output);
    let memory = signal(&report, "rss_anon_bytes");
    assert_eq!(memory["state"], "leaking", "{report:#}");
    assert_eq!(memory["cause"], "kept_entries", "{report:#}");
    let each = memory["bytes_per_entry"].as_f64().expect("bytes per entry");
    assert!((15_000.0..25_000.0).contains(&each), "{each}");
    let each = memory["bytes_per_request"].as_f64().expect("bytes per request");
    assert!((7_500.0..12_500.0).contains(&each), "{each}");
    assert!(report["next_steps"].to_string().contains("kept_entries"), "{report:#}");
    drop(target);
    // One more visit, and the server sees that there is nothing left to serve.
    TcpStream::connect(address).expect("the server listens");
    server.join().expect("the server ends");
}

/// Serves a metrics page whose gauge counts what the target must be holding.
fn page_of(pid: u32) -> (SocketAddr, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    let server = thread::spawn(move || {
        let entries = move || {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let anonymous = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
            anonymous.trim().strip_suffix(" kB")?.parse::<u64>().ok().map(|kib| kib * 1024 / 20_000)
        };
        for stream in listener.incoming() {
            let (Ok(mut stream), Some(entries)) = (stream, entries()) else { return };
            let mut requests = BufReader::new(stream.try_clone().expect("a socket"));
            let mut line = String::new();
            while requests.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            let page = format!(
                "# TYPE kept_entries gauge\nkept_entries {entries}\n\
                 # TYPE idle_workers gauge\nidle_workers {}\n\
                 # TYPE http_requests_total counter\nhttp_requests_total {}\n",
                entries % 3,
                entries * 2
            );
            let length = page.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{page}"
            );
        }
    });
    (address, server)
}

#[test]
fn a_process_that_ends_in_the_middle_is_never_steady_and_exits_2() {
    let mut target = Target::sleeping();
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.csv");
    let (pid, to) = (target.pid(), trace.to_str().expect("UTF-8").to_owned());
    let options = ["--for", "60s", "--every", "100ms", "--trace"].map(str::to_owned);
    let watching = thread::spawn(move || {
        let options: Vec<&str> = options.iter().chain([&to]).map(String::as_str).collect();
        check(&pid, &options)
    });
    has_lines(&trace, 5);
    target.0.kill().expect("killed");
    target.0.wait().expect("reaped");
    let output = watching.join().expect("ends");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report = report(&output);
    assert_eq!(report["ending"], "cut_short");
    assert_eq!(report["verdict"], "undecided");
    assert!(report["cut_short_by"].as_str().is_some_and(|by| by.contains("has ended")), "{report}");
    assert!(!report.to_string().contains("\"state\":\"steady\""), "{report}");
}

#[test]
fn a_zombie_has_ended() {
    let mut target = Target::sleeping();
    target.0.kill().expect("killed");
    let status = format!("/proc/{}/status", target.pid());
    eventually(|| fs::read_to_string(&status).is_ok_and(|status| status.contains("zombie")));
    let output = check(&target.pid(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("has ended"), "{}", stderr(&output));
}

#[test]
fn a_process_that_replaces_its_program_was_restarted_and_exits_2() {
    let target =
        Target::running("trap 'exec sleep 600' USR1; echo ready; while :; do sleep 0.1; done");
    let folder = tempfile::tempdir().expect("a folder");
    let trace = folder.path().join("run.csv");
    let options = ["--for", "60s", "--every", "100ms", "--trace", trace.to_str().expect("UTF-8")];
    let running = detector(Path::new(env!("CARGO_BIN_EXE_detector")), &target.pid(), &options);
    let running = { running }.spawn().expect("runs");
    has_lines(&trace, 16);
    let told = Command::new("kill").args(["-USR1", &target.pid()]).status().expect("runs");
    assert!(told.success());
    let output = running.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let report = report(&output);
    assert!(report["cut_short_by"].as_str().is_some_and(|by| by.contains("restarted")), "{report}");
    assert_eq!(report["verdict"], "undecided");
}

#[test]
fn wrappers_that_become_the_program_are_no_restarts() {
    let target = Target::running("echo ready; sleep 0.1; exec sh -c 'sleep 0.1; exec sleep 600'");
    let output = check(&target.pid(), &["--for", "3s", "--every", "50ms"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(report(&output)["process"], "sleep");
}

#[test]
fn a_process_that_replaces_its_program_at_the_first_look_is_looked_at_again() {
    let again = "echo ready; exec sh -c \"$0\" \"$0\" > /dev/null";
    let target =
        Target::running(&format!("set -- '{again}'; echo ready; exec sh -c \"$1\" \"$1\""));
    for _ in 0..30 {
        let output = check(&target.pid(), &["--for", "200ms", "--every", "10ms"]);
        assert!(!output.stdout.is_empty(), "{}", stderr(&output));
    }
}

#[test]
fn what_is_no_process_of_ours_to_watch_is_refused_with_the_reason() {
    // Of this test: no other one may end during it.
    let thread = fs::read_link("/proc/thread-self").expect("a link");
    let thread = thread.file_name().and_then(|id| id.to_str()).expect("a number").to_owned();
    for (pid, what) in [
        ("2147483647".to_owned(), "process 2147483647 does not exist, or has ended"),
        (thread, "is a thread of process"),
        ("0".to_owned(), "0 is not in"),
        ("me".to_owned(), "invalid digit"),
    ] {
        let output = check(&pid, &["--for", "60s"]);
        assert_eq!(output.status.code(), Some(2), "{pid}: {}", stderr(&output));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn contradictions_are_refused_before_anything_starts_all_at_once() {
    let own = std::process::id().to_string();
    let options = ["--for", "10s", "--confirm", "20s", "--every", "1ms", "--limit", "90%"];
    let more = ["--signal", "heap_bytes", "--signal", "memory_used_percent"];
    let output = check(&own, &[options.as_slice(), more.as_slice()].concat());
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for what in [
        "--every 1ms: at least 10ms apart",
        "--for 10s is shorter than --confirm 20s",
        "--limit 90%: a process has no percentage",
        "--signal heap_bytes is only told by a metrics page; give --metrics",
        "--signal memory_used_percent is no signal of a process",
    ] {
        assert!(told.contains(what), "{told}");
    }
    assert_eq!(told.lines().count(), 5, "{told}");

    let output = check(&own, &["--for", "5s", "--every", "1s"]);
    assert!(stderr(&output).contains("--confirm 2.5s needs at least 10 intervals of 1s"));
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_trace_that_cannot_be_written_is_refused_at_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("none/run.csv");
    let target = Target::sleeping();
    let output = check(&target.pid(), &["--trace", path.to_str().expect("UTF-8")]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(told.contains(&format!("cannot write the trace {}: ", path.display())), "{told}");
    assert!(output.stdout.is_empty());
}

#[test]
fn an_interrupt_prints_what_is_known_and_exits_130() {
    let target = Target::sleeping();
    let binary = Path::new(env!("CARGO_BIN_EXE_detector"));
    let mut child = detector(binary, &target.pid(), &["--for", "10m"]).spawn().expect("runs");
    // The narration begins after the signal handler is in place.
    let mut narration = BufReader::new(child.stderr.take().expect("a pipe"));
    let mut line = String::new();
    narration.read_line(&mut line).expect("a line");
    assert!(line.starts_with("watching process"), "{line}");
    let kill = format!("kill -INT {}", child.id());
    let interrupted = Command::new("sh").args(["-c", &kill]).status();
    assert!(interrupted.expect("runs").success());
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&report["ending"], &report["verdict"]),
        (&"interrupted".into(), &"undecided".into())
    );
}

/// As root, from another user; as a user, at a process of root: the other's memory is there for
/// all to read, and what is not is said to be missing.
#[test]
fn another_users_process_is_judged_by_what_may_be_read_and_the_rest_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let binary = folder.path().join("detector");
    // By a program: another test that starts one must not inherit the file while it is written.
    let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_detector")).arg(&binary).status();
    assert!(copied.expect("runs").success());
    for path in [folder.path(), binary.as_path()] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("for all to run");
    }
    let target = Target::sleeping();
    let as_root =
        fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0);
    let (pid, uid) = if as_root { (target.pid(), Some(65_534)) } else { ("1".to_owned(), None) };
    let mut command = detector(&binary, &pid, &["--for", "2s", "--every", "50ms"]);
    command.current_dir("/");
    if let Some(uid) = uid {
        command.uid(uid);
    }
    let output = command.output().expect("runs");
    let report = report(&output);
    assert_eq!(report["ending"], "complete", "{}", stderr(&output));
    assert!(signal(&report, "rss_anon_bytes")["latest"].as_f64() > Some(0.0), "{report}");
    let judged = report["signals"].to_string().contains("\"fds\"");
    let named = report["notes"].to_string().contains("fds: not judged");
    assert!(judged != named, "{report}");
}

#[test]
fn the_text_names_verdict_states_slope_and_next_steps() {
    let target = Target::sleeping();
    let output = Command::new(env!("CARGO_BIN_EXE_detector"))
        .args(["check", &target.pid(), "--for", "2s", "--every", "50ms"])
        .output()
        .expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.starts_with(&format!("process {} (sleep): steady\n", target.pid())), "{text}");
    for part in
        ["watched for 2", "s every 50ms", "rss_anon_bytes   steady", "per hour (", "next:\n  - "]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
}
