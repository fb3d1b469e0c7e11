//! What the corpus promises: the same bytes, exact truth, and series that show what it says.

use std::collections::BTreeSet;

use detector::trace::Trace as Reader;
use detector::{Observation, Signal};

use super::family::Kind;
use super::*;

/// Four of each family.
const EACH: usize = 4 * FAMILIES.len();

fn corpus(half: Half) -> impl Iterator<Item = (Trace, &'static Family)> {
    let recipe = Recipe { seed: 11, half, traces: EACH };
    (0..EACH).map(move |index| (recipe.trace(index), &FAMILIES[index % FAMILIES.len()]))
}

#[test]
fn the_same_recipe_gives_the_same_bytes_and_another_seed_gives_others() {
    let bytes = |seed: u64| {
        let folder = tempfile::tempdir().unwrap();
        let recipe = Recipe { seed, half: Half::Tune, traces: 30 };
        write::corpus(&recipe, &folder.path().join("corpus")).unwrap();
        let mut files: Vec<_> = std::fs::read_dir(folder.path().join("corpus"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(&path).unwrap()))
            .collect();
        files.sort();
        files
    };
    let first = bytes(1);
    assert_eq!(first.len(), 62, "30 traces, 30 truths, a manifest and a card");
    assert_eq!(first, bytes(1));
    assert_ne!(first, bytes(2));
}

#[test]
fn a_corpus_is_not_mixed_with_what_is_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("mine.csv"), "t_seconds\n").unwrap();
    let recipe = Recipe { seed: 1, half: Half::Tune, traces: 1 };
    let refused = write::corpus(&recipe, folder.path());
    assert!(matches!(refused, Err(write::WriteError::NotEmpty(_))), "{refused:?}");
}

#[test]
fn the_reader_of_traces_reads_back_what_was_generated() {
    for (trace, _) in corpus(Half::Tune) {
        let csv = write::csv(&trace);
        let bytes = std::io::Cursor::new(csv.into_bytes());
        let read: Vec<Observation> = Reader::read(trace.name.clone(), Box::new(bytes))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(read, trace.observations, "{}", trace.name);
    }
}

#[test]
fn a_label_says_whether_the_family_leaks() {
    for (trace, family) in corpus(Half::Tune) {
        assert_eq!(trace.truth.leak.is_some(), family.kind == Kind::Leak, "{}", trace.name);
    }
}

/// The mean of a signal over a share of the window.
fn mean(trace: &Trace, signal: Signal, from: f64, to: f64) -> f64 {
    let values = trace.observations.iter().filter(|seen| (from..=to).contains(&seen.t_seconds));
    let values: Vec<f64> = values.filter_map(|seen| seen.signals.get(&signal).copied()).collect();
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn every_leak_that_stands_out_grows_by_what_its_truth_says() {
    let mut checked = BTreeSet::new();
    for (trace, family) in corpus(Half::Tune).chain(corpus(Half::Test)) {
        let Some(leak) = &trace.truth.leak else { continue };
        // A leak in a warm-up, under load or ended by restarts is not all that moves.
        // The noise of what is counted is white, so its means tell more.
        let counted = matches!(leak.signals[0], Signal::Fds | Signal::Threads);
        let stands_out = if counted { 2.0 } else { 4.0 };
        if !alone(family.name) || leak.difficulty() < stands_out {
            continue;
        }
        let end = leak.fixed_seconds.unwrap_or(trace.observations.last().unwrap().t_seconds);
        let tenth = (end - leak.onset_seconds) / 10.0;
        let grown = mean(&trace, leak.signals[0], end - tenth, end)
            - mean(&trace, leak.signals[0], leak.onset_seconds, leak.onset_seconds + tenth);
        let share = grown / leak.growth;
        assert!((0.6..1.3).contains(&share), "{}: {share} of {leak:?}", trace.name);
        checked.insert(family.name);
    }
    assert!(checked.len() >= 8, "{checked:?}");
}

fn alone(family: &str) -> bool {
    !["leak_in_warm_up", "leak_under_load", "restart_sawtooth"].contains(&family)
}

#[test]
fn memory_stays_below_the_limit_and_everything_is_a_number_from_zero_up() {
    for (trace, _) in corpus(Half::Test) {
        let limit = trace.truth.limit.unwrap();
        for seen in &trace.observations {
            let all = seen.signals.values().chain(&seen.requests_total);
            assert!(all.copied().all(|value| value.is_finite() && value >= 0.0), "{}", trace.name);
            if let Some(anon) = seen.signals.get(&Signal::RssAnonBytes) {
                assert!(*anon <= limit, "{}: {anon} of {limit}", trace.name);
            }
        }
    }
}

#[test]
fn a_run_begins_anew_where_the_truth_is_a_restart() {
    let restarts = corpus(Half::Tune).filter(|(_, family)| family.name == "restart_sawtooth");
    for (trace, _) in restarts {
        let starts: BTreeSet<u64> =
            trace.observations.iter().map(|seen| seen.start_seconds.unwrap() as u64).collect();
        assert!(starts.len() >= 3, "{}: {starts:?}", trace.name);
    }
}

#[test]
fn difficulties_span_what_the_ranges_promise() {
    let hard: Vec<f64> = corpus(Half::Tune)
        .chain(corpus(Half::Test))
        .filter_map(|(trace, _)| trace.truth.leak.map(|leak| leak.difficulty()))
        .collect();
    assert!(hard.iter().any(|difficulty| *difficulty < 2.0));
    assert!(hard.iter().any(|difficulty| *difficulty > 15.0));
}
