//! Drills for real: one that goes as expected, and two that must not.

use detector::{Settings, Signal, Watcher};
use lab::event::{Event, Phase, Status};
use lab::journal::{self, DrillJournal};

use crate::{Bench, stderr, stdout, utf8};

#[test]
fn a_leak_is_flagged_fixed_and_proved_gone() {
    let bench = Bench::new();
    let output = bench.run(&["drill", "cache", "--journal", utf8(&bench.journal())]);
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));

    let journal = journal::read(&bench.journal()).expect("a journal");
    let [drill] = journal.drills.as_slice() else { panic!("one drill") };
    assert_eq!(drill.verdict.as_ref().map(|verdict| verdict.status), Some(Status::Passed));
    assert!(drill.ground_truth.onset_seconds < drill.ground_truth.fixed_seconds);
    assert_true_and_measured_sizes_agree(drill);
    assert_judged_again_it_is_the_same(drill);

    let again = bench.run(&["report", utf8(&bench.journal())]);
    assert_eq!(stdout(&again), stdout(&output), "the report of the journal is the live table");
    let page = bench.run(&["report", utf8(&bench.journal()), "--format", "html"]);
    assert!(stdout(&page).contains("<path class=\"curve heap\""));
}

/// The service's figure is exact; the detector's is within a tenth of it.
fn assert_true_and_measured_sizes_agree(drill: &DrillJournal) {
    let true_bytes = drill.ground_truth.bytes_per_request.expect("the service measured it");
    let asked = drill.drill.target.bytes_per_request.expect("it is sized") as f64;
    assert!((true_bytes / asked - 1.0).abs() < 0.02, "{true_bytes} of {asked}");
    let measured = drill.events.iter().find_map(|(_, event)| match event {
        Event::Flagged(flag) => flag.per_request,
        _ => None,
    });
    let measured = measured.expect("the detector measured it");
    assert!((measured / true_bytes - 1.0).abs() < 0.1, "{measured} of {true_bytes}");
}

/// The detector is a function of what it is shown: the journal's samples give the live answers.
fn assert_judged_again_it_is_the_same(drill: &DrillJournal) {
    let watched_from = drill.events.iter().find_map(|(t, event)| match event {
        Event::PhaseBegan { phase: Phase::Baseline, .. } => Some(*t),
        _ => None,
    });
    let watched_from = watched_from.expect("a baseline");
    let fixed = drill.ground_truth.fixed_seconds.expect("a fix");
    let confirm_seconds = Some(drill.drill.detector.confirm_seconds);
    let mut watcher = Watcher::new(Settings { confirm_seconds, ..Settings::default() });
    let mut told = Vec::new();
    let mut is_fixed = false;
    for sample in drill.samples.iter().filter(|sample| sample.t_seconds > watched_from) {
        if !is_fixed && sample.t_seconds > fixed {
            watcher.note_fix(fixed);
            is_fixed = true;
        }
        told.extend(watcher.observe(sample).expect("a good sample"));
    }
    let states = |list: &[detector::Assessment]| {
        list.iter()
            .map(|told| (told.t_seconds.to_bits(), told.signal, told.state))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&told), states(&drill.assessments));
}

#[test]
fn half_a_fix_is_no_recovery_and_the_report_says_why() {
    let bench = Bench::new();
    let output = bench.drill(
        "\
title: Half a fix that is taken for a whole one
hypothesis: Switching a leak off gives the memory back.
target: {leak: cache}
detector: {confirm: 8s}
phases: {warm_up: 2s, baseline: 6s, fix: [disable]}
expect: {flagged_within: 30s, recovered_within: 20s}
",
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let table = stdout(&output);
    assert!(table.contains("not recovered within 20s"), "{table}");
    assert!(table.contains("NO  heap back"), "{table}");
    assert!(table.contains("0 of 1 drills as expected"), "{table}");
}

#[test]
fn a_leak_of_descriptors_is_flagged_where_they_are_counted_and_proved_gone() {
    let bench = Bench::new();
    let output = bench.drill(
        "\
title: Files that nobody closes
hypothesis: A leak is not always one of memory.
target: {leak: files, share: 10%}
detector: {confirm: 8s}
phases: {warm_up: 2s, baseline: 6s}
expect: {flagged_within: 60s, recovered_within: 60s}
",
    );
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
    let table = stdout(&output);
    for part in ["  fds  ", "leak_files_entries", "0.10 fds", "yes fds back: "] {
        assert!(table.contains(part), "{part} is missing from {table}");
    }
    let journal = journal::read(&bench.journal()).expect("a journal");
    let truth = &journal.drills[0].ground_truth;
    assert_eq!(truth.per_entry(Signal::Fds), Some(1.0), "{truth:?}");
}

#[test]
fn a_blind_detector_fails_and_the_report_says_why() {
    let bench = Bench::new();
    let output = bench.drill(
        "\
title: A detector that looks elsewhere
hypothesis: Threads tell of a cache that leaks.
target: {leak: cache}
detector: {confirm: 4s, signals: [threads]}
phases: {warm_up: 1s, baseline: 2s}
expect: {flagged_within: 5s, recovered_within: 20s}
",
    );
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(
        stdout(&output).contains("the detector was shown nothing that cache shows on"),
        "{}",
        stdout(&output)
    );
}
