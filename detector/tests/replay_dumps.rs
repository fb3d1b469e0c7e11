//! `detector replay` of what monitoring systems export, by its real binary.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

/// An hour, a scrape every 10 s: memory that grows with a gauge, and requests.
const SCRAPES: u32 = 360;
const FIRST_SECONDS: u32 = 1_700_000_000;

fn scrape(n: u32) -> [(&'static str, Value, u32); 4] {
    let target = |more: &[(&str, &str)]| {
        let mut labels = json!({"job": "api", "instance": "api-1:8080"});
        for (name, value) in more {
            labels[*name] = json!(value);
        }
        labels
    };
    [
        ("process_resident_memory_bytes", target(&[]), 50_000_000 + n * 1_000_000),
        ("cache_entries", target(&[("kind", "user")]), n * 100),
        ("http_requests_total", target(&[("status", "200")]), n * 1_000),
        ("http_requests_total", target(&[("status", "500")]), n * 10),
    ]
}

fn prometheus_json() -> String {
    let series = (0..4).map(|at| {
        let (name, mut metric, _) = scrape(0)[at].clone();
        metric["__name__"] = json!(name);
        let values =
            (0..SCRAPES).map(|n| json!([FIRST_SECONDS + n * 10, scrape(n)[at].2.to_string()]));
        json!({"metric": metric, "values": values.collect::<Vec<_>>()})
    });
    let data = json!({"resultType": "matrix", "result": series.collect::<Vec<_>>()});
    json!({"status": "success", "data": data, "warnings": ["half of it is missing"]}).to_string()
}

fn openmetrics() -> String {
    let mut text =
        "# TYPE process_resident_memory_bytes gauge\n# TYPE cache_entries gauge\n".to_owned();
    for n in 0..SCRAPES {
        for (name, labels, value) in scrape(n) {
            let labels = labels.as_object().expect("labels").iter();
            let labels: Vec<String> =
                labels.map(|(name, value)| format!("{name}={value}")).collect();
            let t = FIRST_SECONDS + n * 10;
            writeln!(text, "{name}{{{}}} {value} {t}", labels.join(",")).expect("in memory");
        }
    }
    text + "# EOF\n"
}

fn replay(dump: &str, more: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.csv");
    fs::write(&path, dump).expect("written");
    replay_file(&path, more)
}

fn replay_file(path: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    command.arg("replay").arg(path).args(more).stdin(Stdio::null()).output().expect("runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_leak_in_a_range_query_is_leaking_with_its_cause_and_time_counts_from_1970() {
    let output = replay(&prometheus_json(), &["--limit", "1GiB"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let text = String::from_utf8_lossy(&output.stdout);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let leaking = lines.into_iter().find(|line| line["state"] == "leaking").expect("leaking");
    assert_eq!(leaking["signal"], "rss_bytes");
    assert_eq!(leaking["cause"], "cache_entries{kind=\"user\"}");
    let slope = leaking["slope_per_second"].as_f64().expect("a slope");
    assert!((slope / 100_000.0 - 1.0).abs() < 0.01, "{slope}");
    let each = leaking["bytes_per_request"].as_f64().expect("bytes per request");
    assert!((each * 1_010.0 / 1e6 - 1.0).abs() < 0.01, "{each}");
    let at = leaking["t_seconds"].as_f64().expect("a time");
    let (from, to) = (f64::from(FIRST_SECONDS), f64::from(FIRST_SECONDS + SCRAPES * 10));
    assert!((from..to).contains(&at), "{at}");
    let told = stderr(&output);
    assert!(told.contains("rss_bytes is read from process_resident_memory_bytes"), "{told}");
    assert!(told.contains("half of it is missing"), "{told}");
}

#[test]
fn a_query_and_a_dump_of_the_same_run_give_the_same_lines_from_a_file_and_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("dump.om");
    fs::write(&path, openmetrics()).expect("written");
    let from_text = replay_file(&path, &[]);
    assert_eq!(from_text.status.code(), Some(1), "{}", stderr(&from_text));
    assert_eq!(replay(&prometheus_json(), &[]).stdout, from_text.stdout);
    let input = fs::File::open(&path).expect("opens");
    let mut command = Command::new(env!("CARGO_BIN_EXE_detector"));
    let from_pipe = command.args(["replay", "-"]).stdin(input).output().expect("runs");
    assert_eq!(from_pipe.stdout, from_text.stdout);
    assert!(stderr(&from_pipe).contains("stdin: rss_bytes is read from"), "{}", stderr(&from_pipe));
}

#[test]
fn what_is_no_trace_of_one_process_exits_2_with_one_line_and_the_way_out() {
    let two = openmetrics().replacen("api-1", "api-2", 1);
    let refused = json!({"status": "error", "errorType": "bad_data", "error": "parse error"});
    for (dump, what) in [
        (two.as_str(), "{instance=\"api-1:8080\"}"),
        (&refused.to_string(), "Prometheus answers with an error: bad_data: parse error"),
        (
            &prometheus_json()[..500],
            "cannot be read as the answer of Prometheus to a range query: series 1: ",
        ),
        ("{__name__=\"fds\"} 1 1000\n", "dump.csv:1: expected the name of a metric"),
        ("fds 1\n", "dump.csv:1: `fds` has no timestamp"),
        ("queue 1 1000\n", "no metric is a resource to judge"),
    ] {
        let output = replay(dump, &[]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let told = stderr(&output);
        assert!(told.starts_with("error: ") && told.lines().count() == 1, "{told}");
        assert!(told.contains("dump.csv:") && told.contains(what), "{told}");
    }
}

#[test]
fn a_bad_text_is_refused_as_a_whole_with_every_bad_line() {
    let output = replay("fds 1 1000\nfds many 2000\n\nfds 3 3000\nfds 2 3000\nfds 1\n", &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let told = stderr(&output);
    let expected = [
        "dump.csv:2: expected a number as the value in `fds many 2000`",
        "dump.csv:5: time 3000 of fds does not come after 3000",
        "dump.csv:6: `fds` has no timestamp",
    ];
    assert_eq!(told.lines().count(), expected.len(), "{told}");
    for (line, what) in told.lines().zip(expected) {
        assert!(line.starts_with("error: ") && line.contains(what), "{line}");
    }
}
