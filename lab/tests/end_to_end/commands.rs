//! The commands that run no drill: what they print, and how they end.

use lab::drill::SHIPPED;

use crate::{Bench, stderr, stdout, utf8};

#[test]
fn the_list_names_every_drill_and_marks_the_standard_ones() {
    let output = Bench::new().run(&["drills"]);
    assert_eq!(output.status.code(), Some(0));
    let list = stdout(&output);
    let standard: Vec<_> = list
        .lines()
        .filter(|line| line.contains(" standard "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(standard, ["cache", "listeners", "history", "bounded_cache"]);
    assert_eq!(list.lines().count(), SHIPPED.len());
}

#[test]
fn validate_tells_every_fault_of_every_file_and_starts_nothing() {
    let bench = Bench::new();
    let good = bench.file("good.yaml", "title: T\nhypothesis: H\ntarget: {leak: cache}\nexpect: {flagged_within: 30s, recovered_within: 60s}\n");
    let bad = bench.file(
        "bad.yaml",
        "title: T\nhypothesis: H\ntarget: {leak: cash}\nexpect: {}\ncolour: red\n",
    );
    let output = bench.run(&["validate", utf8(&bad), utf8(&good), "no/such.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stdout(&output), format!("{}: ok\n", utf8(&good)));
    let told = stderr(&output);
    for place in [
        "bad.yaml:3:16: ",
        "bad.yaml:4:9: ",
        "bad.yaml:5:1: unknown key `colour`; valid here: ",
        "error: cannot read no/such.yaml: ",
    ] {
        assert!(told.contains(place), "{place} is missing from {told}");
    }
    assert_eq!(bench.run(&["validate", utf8(&good)]).status.code(), Some(0));
}

#[test]
fn a_drill_that_is_unknown_or_faulty_starts_nothing() {
    let bench = Bench::new();
    let unknown = bench.run(&["drill", "cash", "cache"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("no drill is called `cash`"), "{}", stderr(&unknown));
    let faulty = bench.drill("title: T\n");
    assert_eq!(faulty.status.code(), Some(2));
    assert!(
        stderr(&faulty).contains("mine.yaml:1:1: `expect` is missing; "),
        "{}",
        stderr(&faulty)
    );
    assert!(!bench.journal().exists() && !bench.path("journals").exists());
}

#[test]
fn a_journal_that_exists_is_not_overwritten() {
    let bench = Bench::new();
    let other = bench.file("run.jsonl", "of another run\n");
    let output = bench.run(&["drill", "cache", "--journal", utf8(&other)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error: cannot write the journal "), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&other).expect("still there"), "of another run\n");
}

#[test]
fn bad_usage_and_a_missing_journal_could_not_run() {
    let bench = Bench::new();
    for args in [
        &["report", "no/such.jsonl"][..],
        &["report"],
        &["drill", "--format", "xml"],
        &["drill", "--all", "cache"],
        &["nonsense"],
        &[],
    ] {
        assert_eq!(bench.run(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn the_other_crates_commands_are_here_too() {
    let bench = Bench::new();
    for command in ["serve", "load", "detect"] {
        let output = bench.run(&[command, "--help"]);
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(stdout(&output).contains(&format!("Usage: leaklab {command}")), "{command}");
    }
}

#[test]
fn the_configuration_of_a_watch_is_checked_here_too() {
    let bench = Bench::new();
    let good = bench.file("good.yaml", "targets: [{name: api, pid: 1}]\n");
    let output = bench.run(&["detect", "watch", "--check-config", "--config", utf8(&good)]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stdout(&output), "sound: 1 targets, 0 rules, 0 receivers, 0 inspections\n");
    let bad = bench.file("bad.yaml", "targets: [{name: api, pid: 1}]\nlost: 1\n");
    let output = bench.run(&["detect", "watch", "--check-config", "--config", utf8(&bad)]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("bad.yaml:2:7: unknown key `lost`"), "{}", stderr(&output));
}
