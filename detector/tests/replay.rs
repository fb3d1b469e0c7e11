//! `detector replay`, by its real binary: lines, exit codes, and what it refuses.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use flate2::{Compression, write::GzEncoder};
use serde_json::Value;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder"))
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).expect("written");
        path
    }
}

fn detector() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.arg("replay").stdin(Stdio::null());
    command
}

fn replay(trace: &str, more: &[&str]) -> Output {
    let folder = Folder::new();
    let path = folder.file("run.csv", trace);
    detector().arg(path).args(more).output().expect("runs")
}

fn lines(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
}

fn states(output: &Output, signal: &str) -> Vec<String> {
    let lines = lines(output).into_iter().filter(|line| line["signal"] == signal);
    lines.map(|line| line["state"].as_str().expect("a state").to_owned()).collect()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Ten minutes, a sample per second: so many bytes more per second until then, and never less.
fn growing(bytes_per_second: u64, until: u64) -> String {
    (0..600).fold("t_seconds,rss_anon_bytes,fds\n".to_owned(), |text, t| {
        format!("{text}{t},{},20\n", 50_000_000 + t.min(until) * bytes_per_second)
    })
}

#[test]
fn a_leak_is_leaking_with_its_slope_and_the_time_to_the_limit_and_exits_1() {
    let output = replay(&growing(100_000, 600), &["--confirm", "60s", "--limit", "256MiB"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let lines = lines(&output);
    let leaking = lines.iter().find(|line| line["state"] == "leaking").expect("leaking");
    assert_eq!(leaking["signal"], "rss_anon_bytes");
    let slope = leaking["slope_per_second"].as_f64().expect("a slope");
    assert!((slope / 100_000.0 - 1.0).abs() < 0.01, "{slope}");
    assert!(leaking["slope_low"].as_f64() <= Some(slope));
    assert!(leaking["slope_high"].as_f64() >= Some(slope));
    let at = leaking["t_seconds"].as_f64().expect("a time");
    let left = (268_435_456.0 - 50_000_000.0 - at * 100_000.0) / slope;
    let eta = leaking["eta_seconds"].as_f64().expect("a time to the limit");
    assert!((eta / left - 1.0).abs() < 0.05, "{eta} instead of {left}");
    assert!(leaking["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
    assert_eq!(states(&output, "fds"), ["steady"]);
}

#[test]
fn a_flat_trace_is_steady_and_exits_0() {
    let output = replay(&growing(0, 0), &["--confirm", "60s"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(states(&output, "rss_anon_bytes"), ["steady"]);
    assert_eq!(states(&output, "fds"), ["steady"]);
}

#[test]
fn an_alarm_that_is_withdrawn_was_leaking_all_the_same_and_exits_1() {
    let output = replay(&growing(100_000, 200), &["--confirm", "30s"]);
    let states = states(&output, "rss_anon_bytes");
    assert!(states.contains(&"leaking".to_owned()), "{states:?}");
    assert_ne!(states.last().map(String::as_str), Some("leaking"), "{states:?}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn too_short_a_trace_is_undecided_with_a_reason_and_exits_3() {
    let output = replay("t_seconds,rss_bytes\n0,1\n1,1\n", &[]);
    assert_eq!(output.status.code(), Some(3));
    let lines = lines(&output);
    assert_eq!((lines.len(), &lines[0]["state"]), (1, &Value::from("undecided")));
    assert!(lines[0]["reason"].as_str().is_some_and(|reason| !reason.is_empty()));
}

#[test]
fn a_column_that_holds_no_value_is_undecided_and_never_steady() {
    let trace = growing(0, 0).replace(",20\n", ",\n");
    let output = replay(&trace, &["--confirm", "60s"]);
    assert_eq!(states(&output, "fds"), ["undecided"]);
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn only_the_signals_that_are_asked_for_are_judged() {
    let output = replay(&growing(100_000, 600), &["--signal", "fds", "--confirm", "60s"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(lines(&output).iter().all(|line| line["signal"] == "fds"));
}

#[test]
fn gzip_standard_input_and_the_plain_file_give_the_same_lines() {
    let folder = Folder::new();
    let trace = growing(100_000, 600);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(trace.as_bytes()).expect("in memory");
    let packed = folder.file("run.csv.gz", gzip.finish().expect("in memory"));
    let plain = folder.file("run.csv", &trace);

    let from_file = detector().arg(&plain).output().expect("runs");
    let from_gzip = detector().arg(&packed).output().expect("runs");
    let input = fs::File::open(&packed).expect("opens");
    let from_stdin = detector().arg("-").stdin(input).output().expect("runs");
    assert!(!from_file.stdout.is_empty());
    assert_eq!(from_file.stdout, from_gzip.stdout);
    assert_eq!(from_file.stdout, from_stdin.stdout);
}

#[test]
fn a_percentage_has_the_limit_100_and_takes_no_size() {
    let trace = (0..600).fold("t_seconds,memory_used_percent\n".to_owned(), |text, t| {
        format!("{text}{t},{}\n", 10.0 + f64::from(t) * 0.1)
    });
    let output = replay(&trace, &["--confirm", "60s"]);
    let lines = lines(&output);
    let leaking = lines.iter().find(|line| line["state"] == "leaking").expect("leaking");
    let at = leaking["t_seconds"].as_f64().expect("a time");
    let eta = leaking["eta_seconds"].as_f64().expect("a time to the limit");
    assert!((at + eta - 900.0).abs() < 20.0, "{at} + {eta}");

    let mixed = "t_seconds,memory_used_percent,rss_bytes\n0,1,1\n";
    for (trace, limit, what) in [
        (trace.as_str(), "256MiB", "no limit of memory_used_percent; give a percentage"),
        (mixed, "256MiB", "no limit of memory_used_percent; give a percentage"),
        (mixed, "90%", "no limit of rss_bytes; give a size"),
    ] {
        let refused = replay(trace, &["--limit", limit]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains(what), "{}", stderr(&refused));
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn a_bad_file_is_refused_as_a_whole_with_every_bad_row() {
    let rows = "t_seconds,rss_bytes\n0,1\n1,many\n1,-1\n2,NaN\n3,3,3\n0,1\n4,4\n";
    let output = replay(rows, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = stderr(&output);
    let told: Vec<&str> = told.lines().collect();
    for (line, (number, what)) in told.iter().zip([
        (3, "rss_bytes is `many`"),
        (4, "rss_bytes is -1"),
        (5, "rss_bytes is `NaN`"),
        (6, "has 3 cells"),
        (7, "t_seconds 0 does not come after 0"),
    ]) {
        assert!(line.starts_with("error: ") && line.contains(what), "{line}");
        assert!(line.contains(&format!("run.csv:{number}: ")), "{line}");
    }
    assert_eq!(told.len(), 5, "{told:?}");
}

#[test]
fn a_bad_row_in_a_pipe_ends_the_run_where_it_stands() {
    let mut child = detector()
        .arg("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(b"t_seconds,rss_bytes\n0,1\n1,x\n2,1\n").expect("written");
    drop(input);
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("stdin:3: rss_bytes is `x`"), "{}", stderr(&output));
}

#[test]
fn what_cannot_be_judged_is_refused_with_what_to_do() {
    for (trace, more, what) in [
        ("", &[][..], "run.csv:1: is empty"),
        ("t_seconds,rss_bytes\n", &[], "no rows after the header"),
        ("t_seconds,rss_bytes\n1,\n", &[], "no value in rss_bytes"),
        ("t_seconds,sessions\n1,2\n", &[], "no column is a signal; name one of rss_anon_bytes,"),
        (
            "t_seconds,fds\n1,2\n",
            &["--signal", "threads"],
            "no column `threads`; signals there: fds",
        ),
        ("t_seconds,fds\n1,2\n", &["--signal", "entropy"], "unknown signal `entropy`; valid are"),
        ("t_seconds,fds\n1,2\n", &["--limit", "lots"], "expected a size such as 256MiB"),
        ("t_seconds,fds\n1,2\n", &["--limit", "1GiB"], "--limit is no limit of fds"),
        ("t_seconds,fds\n1,2\n", &["--confirm", "60"], "time unit needed"),
        ("{\"status\":\"success\"}\n", &[], "run.csv: is JSON, and no answer of Prometheus"),
    ] {
        let output = replay(trace, more);
        assert_eq!(output.status.code(), Some(2), "{trace}{}", stderr(&output));
        assert!(stderr(&output).contains(what), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_file_that_is_not_there_or_a_folder_is_named_with_the_cause() {
    let folder = Folder::new();
    for (path, cause) in [
        (folder.0.path().join("none.csv"), "No such file"),
        (folder.0.path().to_owned(), "directory"),
    ] {
        let output = detector().arg(&path).output().expect("runs");
        assert_eq!(output.status.code(), Some(2));
        let told = stderr(&output);
        assert!(told.contains(&format!("cannot open {}: ", path.display())), "{told}");
        assert!(told.contains(cause) && told.lines().count() == 1, "{told}");
    }
}

#[test]
fn a_changed_start_is_a_restart_and_a_fall_alone_is_none() {
    let trace = |start: &dyn Fn(u64) -> u64| {
        let header = "t_seconds,rss_bytes,start_seconds\n".to_owned();
        (0..600).fold(header, |text, t| {
            let bytes = 50_000_000 - 20_000_000 * u64::from(t >= 300);
            format!("{text}{t},{bytes},{}\n", start(t))
        })
    };
    let says_restart = |output: &Output| {
        lines(output).iter().any(|l| l["reason"].as_str().is_some_and(|r| r.contains("restart")))
    };
    let restarted = replay(&trace(&|t| 7 + u64::from(t >= 300)), &["--confirm", "60s"]);
    assert!(says_restart(&restarted), "{:?}", lines(&restarted));
    let fallen = replay(&trace(&|_| 7), &["--confirm", "60s"]);
    assert!(!says_restart(&fallen), "{:?}", lines(&fallen));
}
