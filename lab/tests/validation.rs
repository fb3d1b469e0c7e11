//! Drill files: what is accepted, and that every fault is told at once, at its place.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

use std::path::{Path, PathBuf};

use lab::drill::{self, Cause, Ending, FixStep, SHIPPED, Shipped};
use leaky_service::pattern::Role;

/// The faults of `text`, each as `line:column what`.
fn faults(text: &str) -> Vec<String> {
    let problems = drill::parse("mine.yaml", text).expect_err("it has faults");
    assert!(problems.list.iter().all(|problem| !problem.hint.is_empty()));
    let told = problems.list.iter();
    told.map(|problem| format!("{}:{} {}", problem.place.line, problem.place.column, problem.what))
        .collect()
}

/// A good drill with one line replaced by `line`, or with `line` added.
fn with(line: &str) -> String {
    let good = [
        "title: A leak",
        "hypothesis: It leaks.",
        "target: {leak: cache}",
        "expect: {flagged_within: 30s, recovered_within: 60s}",
    ];
    let key = line.split(':').next().unwrap_or_default();
    let mut lines: Vec<_> = good
        .iter()
        .map(|good| if good.split(':').next() == Some(key) { line } else { good })
        .collect();
    if !lines.contains(&line) {
        lines.push(line);
    }
    lines.join("\n")
}

fn drills_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../drills")
}

#[test]
fn every_shipped_drill_is_valid_and_explained() {
    for shipped in &SHIPPED {
        let drill = drill::parse(&shipped.file(), shipped.text).expect("a shipped drill is valid");
        assert_eq!(drill.name, shipped.name);
        let readme = drills_folder().join(shipped.name).join("README.md");
        let text = std::fs::read_to_string(&readme).expect("a drill has a README");
        assert!(text.starts_with(&format!("# {}: ", shipped.name)), "{}", readme.display());
    }
}

#[test]
fn every_folder_of_drills_is_shipped() {
    for entry in std::fs::read_dir(drills_folder()).expect("the folder of drills") {
        let name = entry.expect("an entry").file_name();
        assert!(
            SHIPPED.iter().any(|shipped| *shipped.name == *name),
            "{name:?} is not in the list"
        );
    }
}

#[test]
fn every_leak_and_every_decoy_has_a_drill() {
    for facts in leaky_service::leaks::all() {
        let has_drill = SHIPPED.iter().any(|shipped| shipped.name == facts.name);
        assert!(has_drill, "{} has no drill", facts.name);
        let shipped = Shipped::find(facts.name).expect("shipped");
        let drill = drill::parse(&shipped.file(), shipped.text).expect("valid");
        assert_eq!(drill.target.name, facts.name);
        assert_eq!(drill.target.is_decoy(), facts.role == Role::Decoy);
    }
}

#[test]
fn a_standard_run_has_three_leaks_and_a_decoy_and_stays_under_five_minutes() {
    let mut longest_seconds = 0.0;
    let mut decoys = 0;
    for shipped in SHIPPED.iter().filter(|shipped| shipped.standard) {
        let drill = drill::parse(&shipped.file(), shipped.text).expect("valid");
        // A leak is flagged soon after its evidence spans `confirm`, and verified in about two
        // such spans; a decoy takes its whole time.
        let confirm = drill.detector.confirm_seconds;
        let judged = if drill.target.is_decoy() { drill.longest_seconds() } else { 3.5 * confirm };
        longest_seconds += drill.phases.warm_up_seconds + drill.phases.baseline_seconds + judged;
        decoys += usize::from(drill.target.is_decoy());
    }
    assert!(longest_seconds < 270.0, "{longest_seconds}");
    assert_eq!(decoys, 1);
}

#[test]
fn what_is_left_out_has_the_documented_default() {
    let drill = drill::parse("mine.yaml", &with("title: A leak")).expect("valid");
    assert_eq!(drill.name, "mine");
    assert_eq!(drill.target.bytes_per_request, Some(10 * 1024));
    assert!((drill.load.rate_per_second - 200.0).abs() < 1e-9 && drill.load.connections == 10);
    assert_eq!(drill.phases.fix, [FixStep::Disable, FixStep::Clear]);
    assert_eq!((drill.expect.cause, drill.expect.ending), (Cause::Right, Ending::Recovered));
}

#[test]
fn a_drill_of_ones_own_can_set_everything() {
    let text = "\
title: Everything
hypothesis: All keys are read.
target: {decoy: bounded_cache, bytes_per_request: 4KiB, share: 50%, delay: 20ms, max_entries: 500}
load: {rate: 6000/min, arrivals: poisson, connections: 4, seed: 7, abort_share: 1%, swing: {to: 200/s, period: 8s}}
detector: {confirm: 20s, every: 500ms, signals: [rss_anon_bytes, heap_bytes]}
phases: {warm_up: 2s, baseline: 3s}
expect: {steady_within: 1m}
";
    let drill = drill::parse("drills/everything/drill.yaml", text).expect("valid");
    assert_eq!(drill.name, "everything");
    assert_eq!(
        (drill.target.bytes_per_request, drill.target.parameters["max_entries"]),
        (Some(4096), 500)
    );
    assert!(
        (drill.target.share - 0.5).abs() < 1e-9 && (drill.load.abort_share - 0.01).abs() < 1e-9
    );
    assert!((drill.load.rate_per_second - 100.0).abs() < 1e-9 && drill.load.seed == 7);
    assert!((drill.load.mean_rate_per_second() - 150.0).abs() < 1e-9);
    assert_eq!(drill.detector.signals.len(), 2);
    assert!(drill.expect.flagged_within_seconds.is_none());
}

#[test]
fn every_fault_is_told_at_once_in_the_order_of_the_file() {
    let text = "\
title: ''
hypotesis: misspelt
target:
  leak: cash
  bytes_per_request: 10
  colour: red
load:
  rate: fast
  connections: -1
  rate: 200/s
detector: {every: 0s, signals: [rss_anon_bytes, memory]}
phases: {fix: [disable, mend, disable]}
expect: {flagged_within: soon, cause: left, recovered_within: 60s, steady_within: 60s}
";
    assert_eq!(
        faults(text),
        [
            "1:1 `hypothesis` is missing",
            "1:8 `title` is ``",
            "2:1 unknown key `hypotesis`",
            "4:9 `target.leak` is `cash`",
            "5:22 `target.bytes_per_request` is `10`",
            "6:3 unknown key `target.colour`",
            "8:9 `load.rate` is `fast`",
            "9:16 `load.connections` is `-1`",
            "10:3 `load.rate` stands twice",
            "11:19 `detector.every` is `0s`",
            "11:49 `detector.signals` is `memory`",
            "12:25 `phases.fix` is `mend`",
            "12:31 `phases.fix` names one thing twice",
            "13:9 `expect` names 2 endings, not one",
            "13:26 `expect.flagged_within` is `soon`",
            "13:39 `expect.cause` is `left`",
        ]
    );
}

#[test]
fn a_message_has_file_line_column_fault_and_way_out() {
    let problems = drill::parse("drills/mine/drill.yaml", &with("phases: {fix: [mend]}"))
        .expect_err("no such fix");
    assert_eq!(
        problems.to_string(),
        "drills/mine/drill.yaml:5:16: `phases.fix` is `mend`; valid are disable, clear, patch"
    );
}

#[test]
fn what_cannot_happen_is_refused() {
    let table = [
        (
            "expect: {flagged_within: 12s, recovered_within: 60s}",
            "4:10 `expect.flagged_within` is 12s, and nothing is told before 12s of evidence (`detector.confirm`)",
        ),
        (
            "expect: {flagged_within: 30s, recovered_within: 5s}",
            "4:31 `expect.recovered_within` is 5s, and nothing is told before 12s of evidence (`detector.confirm`)",
        ),
        (
            "expect: {recovered_within: 60s}",
            "4:10 `expect.recovered_within` needs `flagged_within`",
        ),
        ("expect: {flagged_within: 30s}", "4:9 `expect` names 0 endings, not one"),
        ("expect: {steady_within: 60s}", "4:10 a leak must not end steady"),
        ("load: {abort_share: 100%}", "5:21 `load.abort_share` is `100%`"),
        (
            "expect: {flagged_within: 30s, withdrawn_within: 60s}",
            "4:31 a leak must not end withdrawn",
        ),
        (
            "detector: {confirm: 12s, every: 2s}",
            "5:26 `detector.every` of 2s gives fewer than 10 samples in `detector.confirm`",
        ),
        ("phases: {fix: []}", "5:10 `phases.fix` is empty"),
        ("target: {leak: cache, max_entries: 10}", "3:23 unknown key `target.max_entries`"),
        ("target: {leak: cache, share: 0%}", "3:30 `target.share` is `0%`"),
        ("target: {leak: timers, request_timeout: 1h}", "3:41 `target.request_timeout` is `1h`"),
        ("target: {leak: replies}", "3:10 replies leaks only when clients go away"),
        (
            "target: {leak: forgotten}",
            "4:31 forgotten cannot recover: what Box::leak has leaked has no owner that could drop it",
        ),
        (
            "target: {leak: cache, decoy: bounded_cache}",
            "3:9 `target` must name one leak or one decoy",
        ),
        (
            "target: {leak: cache, bytes_per_request: 1MiB}",
            "3:23 up to 5.9GiB would leak before the flag; the service stops all leaks at 1.0GiB",
        ),
        ("load: [200/s]", "5:7 `load` is no mapping"),
        ("load: {rate: [200/s]}", "5:14 `load.rate` is no single value"),
        ("phases: {fix: disable}", "5:15 `phases.fix` is no list"),
    ];
    for (line, fault) in table {
        assert_eq!(faults(&with(line)), [fault], "{line}");
    }
}

#[test]
fn what_no_decoy_can_do_is_refused() {
    let decoy = |target: &str, expect: &str, more: &str| {
        faults(&format!(
            "title: D\nhypothesis: H\ntarget: {{decoy: bounded_cache{target}}}\nexpect: {{{expect}}}\n{more}"
        ))
    };
    let table = [
        (
            decoy(", max_entries: 1000", "flagged_within: 30s, recovered_within: 60s", ""),
            "4:31 a decoy cannot end recovered",
        ),
        (
            decoy(", max_entries: 1000", "flagged_within: 30s, steady_within: 60s", ""),
            "4:10 `expect.steady_within` means never flagged",
        ),
        (
            decoy(", max_entries: 2400", "steady_within: 60s", ""),
            "3:32 it is full after 12s: until then nothing can tell it from a leak",
        ),
        (
            decoy(", max_entries: 1000", "flagged_within: 30s, withdrawn_within: 60s", ""),
            "3:32 it is full after 5s, before a flag is possible after 12s",
        ),
        (
            decoy(", max_entries: 18000", "flagged_within: 30s, withdrawn_within: 60s", ""),
            "4:31 it is full after 90s, after the last deadline",
        ),
        (
            decoy(", max_entries: 1000", "steady_within: 60s", "phases: {fix: [clear]}"),
            "5:10 a decoy has nothing to fix",
        ),
    ];
    for (told, fault) in table {
        assert_eq!(told, [fault]);
    }
}

#[test]
fn what_is_not_plain_yaml_is_refused_with_its_place() {
    let deep = format!("title: {}", "[".repeat(100));
    let table = [
        ("", "1:1 the file is empty"),
        ("title: [1, 2", "2:1 not YAML"),
        ("title: &a x\nhypothesis: *a", "1:8 anchors, aliases and tags are not read"),
        ("title: !!str x", "1:8 anchors, aliases and tags are not read"),
        ("title: x\n---\ntitle: y", "3:1 a second document"),
        (&deep, "1:23 nested deeper than 16"),
        ("just text", "1:1 `title` is missing"),
    ];
    for (text, fault) in table {
        let told = faults(text);
        assert!(told.iter().any(|told| told.starts_with(fault)), "{text:?}: {told:?}");
    }
}

#[test]
fn no_text_however_odd_makes_the_reader_panic() {
    let good = SHIPPED[3].text;
    for end in (0..=good.len()).filter(|end| good.is_char_boundary(*end)) {
        let _ = drill::parse("cut.yaml", &good[..end]);
    }
    for odd in [
        "\u{feff}title: x",
        "\0",
        "? a\n: b",
        "- - - -",
        "{",
        "\t",
        "a: b: c",
        "%YAML 9.9\n---\n",
        "title: \"\\ud800\"",
    ] {
        let _ = drill::parse("odd.yaml", odd);
    }
    let _ = drill::parse("long.yaml", &"x".repeat(100_000));
}

#[test]
fn a_share_of_the_requests_is_refused_where_requests_have_no_part() {
    let text = "title: D\nhypothesis: H\ntarget: {decoy: step, share: 50%}\n\
                expect: {steady_within: 60s}\n";
    let told = "3:9 `target.share` is of requests, which have no part in it";
    assert_eq!(faults(text), [told]);
    drill::parse("drill.yaml", &text.replace(", share: 50%", "")).expect("valid");
}
