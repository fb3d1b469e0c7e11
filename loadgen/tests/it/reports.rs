//! `loadgen report` on files of real runs.

use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::peer::{Peer, ok};

/// Runs the command in `place`.
fn loadgen(place: &TempDir, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.args(arguments).current_dir(place).output().expect("the command runs")
}

/// 20 requests in 200 ms, or a part of these, to a bound of lateness that a busy machine keeps.
fn load(place: &TempDir, peer: &Peer, arguments: &[&str]) -> Output {
    let url = format!("http://{}/", peer.address());
    let load = ["--rate=100/s", "--duration=200ms", "--max-lateness=10m", &url];
    loadgen(place, &[&load, arguments].concat())
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

#[test]
fn shards_of_a_run_merge_to_the_run() {
    let (place, peer) = (TempDir::new().expect("a place"), Peer::start(ok));
    let whole = json(&load(&place, &peer, &["--format=json"]));
    for shard in ["0/3", "1/3", "2/3"] {
        let number = &shard[..1];
        let files = [format!("--json={number}.json"), format!("--hdr-log={number}.hlog")];
        let output = load(&place, &peer, &["--shard", shard, &files[0], &files[1]]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let merge = ["report", "--merge", "--format=json"];
    let output = loadgen(&place, &[&merge[..], &["0.json", "1.json", "2.json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let merged = json(&output);
    for key in ["schedule_hash", "requests_planned", "requests_completed", "bytes_received"] {
        assert_eq!(merged[key], whole[key], "{key}");
    }
    assert_eq!(merged["response_time_seconds"]["count"], 20, "{merged}");
    assert_eq!(merged["invalid_reasons"], serde_json::json!([]));

    let output = loadgen(&place, &[&merge[..], &["0.hlog", "1.hlog", "2.hlog"]].concat());
    let logs = json(&output);
    for key in ["response_time_seconds", "service_time_seconds", "lateness_seconds"] {
        assert_eq!(logs[key], merged[key], "the logs hold the same {key}");
    }

    let output = loadgen(&place, &[&merge[..], &["0.json", "2.json"]].concat());
    assert_eq!(output.status.code(), Some(3), "a shard is missing: {output:?}");
    assert_eq!(json(&output)["invalid_reasons"][0], "2 of 3 shards are there; 1/3 is missing");
}

#[test]
fn a_merged_run_is_judged_as_a_whole() {
    let (place, peer) = (TempDir::new().expect("a place"), Peer::start(|_| false));
    for shard in ["0/2", "1/2"] {
        // Ten each.
        let file = format!("--json={}.json", &shard[..1]);
        let output = load(&place, &peer, &["--shard", shard, &file, "--threshold=errors<=15"]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    let output = loadgen(&place, &["report", "--merge", "0.json", "1.json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(text(&output.stdout).contains("errors<=15  NOT KEPT  20"), "{output:?}");
}

#[test]
fn a_report_renders_again_as_it_was() {
    let (place, peer) = (TempDir::new().expect("a place"), Peer::start(ok));
    let first = load(&place, &peer, &["--json=run.json", "--html=run.html"]);
    let again = loadgen(&place, &["report", "run.json"]);
    assert_eq!(again.status.code(), Some(0), "{again:?}");
    assert_eq!(text(&again.stdout), text(&first.stdout));
    let page = loadgen(&place, &["report", "run.json", "--format=html"]);
    let written = std::fs::read(place.path().join("run.html")).expect("a page");
    assert_eq!(text(&page.stdout), text(&written));
    for outside in ["http-equiv", "src=", "href=", "@import", "url("] {
        assert!(!text(&page.stdout).contains(outside), "the page needs nothing else: {outside}");
    }
}

#[test]
fn runs_too_short_to_compare_are_undecided() {
    let (place, peer) = (TempDir::new().expect("a place"), Peer::start(ok));
    load(&place, &peer, &["--json=a.json", "--hdr-log=b.hlog"]);
    for after in ["a.json", "b.hlog"] {
        let output = loadgen(&place, &["report", "a.json", after]);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        assert!(text(&output.stdout).contains("undecided"), "{output:?}");
    }
}

#[test]
fn files_that_cannot_be_used_are_all_named_and_exit_2() {
    let place = TempDir::new().expect("a place");
    std::fs::write(place.path().join("bad.json"), "{}").expect("room");
    let output = loadgen(&place, &["report", "bad.json", "missing.json"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("`bad.json` is no report"), "{said}");
    assert!(said.contains("`missing.json` cannot be read"), "{said}");
}
