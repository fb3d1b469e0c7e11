//! `detector check` by the words for targets, on servers that behave and on servers that do not.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Output, Stdio};
use std::thread;

use serde_json::Value;

/// Short enough for a test, long enough for ten looks before a verdict.
const CHECKS: [&str; 6] = ["-i", "1s", "-c", "3", "--format", "json"];

fn check(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.arg("check").args(words).stdin(Stdio::null());
    for name in ["METRICS_AUTH_USERNAME", "METRICS_AUTH_PASSWORD", "METRICS_AUTH_TOKEN"] {
        command.env_remove(name);
    }
    command.output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("a report in JSON")
}

/// Answers every connection with what `answer` writes, until the test ends; the count is of looks so far.
fn server(answer: impl Fn(&mut TcpStream, u64) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        for (count, stream) in (0..).zip(listener.incoming()) {
            let Ok(mut stream) = stream else { return };
            let mut request = BufReader::new(stream.try_clone().expect("a socket"));
            let mut line = String::new();
            while request.read_line(&mut line).is_ok_and(|n| n > 2) {
                line.clear();
            }
            answer(&mut stream, count);
        }
    });
    format!("http://{address}")
}

fn ok(stream: &mut TcpStream, body: &str) {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    let _ = stream.write_all((head + body).as_bytes());
}

#[test]
fn a_service_elsewhere_is_judged_by_its_page_alone_in_n_intervals() {
    let url = server(|stream, count| {
        let memory = 50_000_000 + 400_000 * count;
        ok(
            stream,
            &format!(
                "process_resident_memory_bytes {memory}\nprocess_open_fds 7\ngo_goroutines {}\n",
                5 + count
            ),
        );
    });
    let folder = tempfile::tempdir().expect("a folder");
    let [left, log] = ["report.md", "check.log"].map(|name| folder.path().join(name));
    let [left_at, log_at] = [&left, &log].map(|path| path.to_str().expect("UTF-8"));
    let more = ["--metrics", &url, "-a", "--log", log_at, "--report", left_at];
    let output = check(&[&more[..], &CHECKS].concat());
    let report = report(&output);
    assert_eq!(output.status.code(), Some(1), "{report:#}");
    assert_eq!(report["verdict"], "leaking");
    // A busy machine may miss the end of one.
    let [first, warm_up, .., last] = &report["intervals"].as_array().expect("rows")[..] else {
        panic!("{report:#}")
    };
    let flags = [first, warm_up, last].map(|row| row["warm_up"] == true);
    assert_eq!(flags, [false, true, false], "{report:#}");
    assert!(last["t_seconds"].as_f64() >= Some(3.0), "{report:#}");
    assert!(last["growth_bytes"].as_f64() > Some(0.0), "{report:#}");
    let steps = report["next_steps"].to_string();
    assert!(steps.contains(&format!("{url}/debug/pprof/heap && go tool pprof")), "{steps}");
    let log = fs::read_to_string(log).expect("a log");
    assert!(log.contains(" ALERT ") && log.contains("rss_bytes leaking"), "{log}");
    assert!(log.ends_with("verdict: leaking\n"), "{log}");
    let left = fs::read_to_string(left).expect("a report");
    for part in ["Verdict: **leaking**", "| at its peak |", "## Growth per interval", "## Next"] {
        assert!(left.contains(part), "{part} in {left}");
    }
}

#[test]
fn a_memory_page_that_stays_the_same_is_steady() {
    let url = server(|stream, _| {
        ok(
            stream,
            r#"{"heap_alloc_mb": 12.5, "num_goroutine": 7, "num_gc": 3, "stack_inuse_mb": 1}"#,
        );
    });
    let output = check(&[&["--json", &url][..], &CHECKS].concat());
    let report = report(&output);
    assert_eq!(
        (output.status.code(), &report["verdict"]),
        (Some(0), &"steady".into()),
        "{report:#}"
    );
    assert_eq!(report["intervals"][0]["heap_bytes"], 12.5 * 1024.0 * 1024.0);
    let last = report["intervals"].as_array().and_then(|rows| rows.last()).expect("a row");
    assert_eq!(last["tasks"], 7.0);
    assert!(report["pid"].is_null());
}

/// None of them is "no leak".
#[test]
fn a_page_that_cannot_be_used_is_an_error_that_says_which() {
    type Answer = fn(&mut TcpStream, u64);
    let answers: [(Answer, &str); 7] = [
        (
            |s, _| drop(s.write_all(b"HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")),
            "refuses us with status 401",
        ),
        (
            |s, _| drop(s.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")),
            "answers with status 500",
        ),
        (|s, _| ok(s, "up 1\n"), "has none of the gauges"),
        (|s, _| ok(s, "<html>\n"), "is not in the Prometheus text format"),
        (
            |s, _| drop(s.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nup 1\n")),
            "cannot be read to its end",
        ),
        (endless, "cannot be read to its end"),
        (|s, _| drop(s.write_all(b"SSH-2.0-no\r\n")), "is unreachable"),
    ];
    for (answer, what) in answers {
        let url = server(answer);
        let output = check(&["--metrics", &url]);
        assert_eq!(output.status.code(), Some(2), "{what}: {}", stderr(&output));
        assert!(stderr(&output).contains(what), "{what}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

/// As much as it takes, and more.
fn endless(stream: &mut TcpStream, _: u64) {
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
    let line = "x 1\n".repeat(1 << 14);
    while stream.write_all(line.as_bytes()).is_ok() {}
}

#[test]
fn a_target_of_the_configuration_is_checked_by_its_name() {
    let url = server(|stream, _| ok(stream, "process_resident_memory_bytes 5e7\n"));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("detector.yaml");
    let file = path.to_str().expect("UTF-8");
    fs::write(&path, format!("targets:\n- {{name: api, metrics: '{url}'}}\n")).expect("a file");
    let output = check(&[&["-s", "api", "--config", file][..], &CHECKS].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let output = check(&["-s", "ipa", "--config", file]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no target is named `ipa`; there are: api"));

    fs::write(&path, "targets:\n- {name: api, pid: x}\n- {nam: api}\n").expect("a file");
    let output = check(&["-s", "api", "--config", file]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    assert!(
        told.lines().count() >= 3 && told.contains(":2:20: ") && told.contains(":3:9: "),
        "{told}"
    );
}

struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program of a name of its own: the shell, under that name, which waits for as long as its input is open. It runs by now:
/// in the middle of its `exec` a process has no name of its own.
fn program(folder: &std::path::Path, name: &str) -> Ends {
    let path = folder.join(name);
    if !path.exists() {
        std::os::unix::fs::symlink("/bin/sh", &path).expect("a link");
    }
    let mut command = Command::new(path);
    command.args(["-c", "echo ready; read line"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = Ends(command.spawn().expect("starts"));
    let mut line = String::new();
    let says = program.0.stdout.take().expect("piped");
    BufReader::new(says).read_line(&mut line).expect("a line");
    assert_eq!(line, "ready\n");
    program
}

#[test]
fn a_process_is_found_by_its_name_and_two_strangers_of_one_name_are_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let name = format!("a-long-name-{}", std::process::id());
    let nobody = check(&["--process", &name]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(stderr(&nobody).contains(&format!("no process is named `{name}`")));

    let first = program(folder.path(), &name);
    let output = check(&[&["--process", &name][..], &CHECKS].concat());
    let found = report(&output);
    assert_eq!((output.status.code(), &found["pid"]), (Some(0), &first.0.id().into()), "{found:#}");

    let second = program(folder.path(), &name);
    let output = check(&["--process", &name]);
    assert_eq!(output.status.code(), Some(2));
    let told = stderr(&output);
    for part in [
        format!("2 processes are named `{name}`"),
        first.0.id().to_string(),
        second.0.id().to_string(),
    ] {
        assert!(told.contains(&part), "{part} in {told}");
    }
}

#[test]
fn nothing_to_check_and_two_things_to_check_are_refused() {
    for (words, what) in [
        (&[][..], "what is to be checked? give a PID"),
        (&["1", "--process", "x"], "cannot be used with"),
        (&["--json", "http://127.0.0.1:1", "--metrics", "http://127.0.0.1:1"], "cannot accompany"),
        (&["1", "-i", "0"], "expected seconds, or a duration"),
        (&["1", "-i", "5", "--for", "1m"], "cannot be used with"),
        (&["--metrics", "ftp://h/"], "expected an address like"),
        (&["--cgroup", "/no/such/group"], "there is no control group /no/such/group"),
    ] {
        let output = check(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(what), "{words:?}: {}", stderr(&output));
    }
}
