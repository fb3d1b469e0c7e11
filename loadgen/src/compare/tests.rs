use proptest::prelude::*;
use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

use super::*;
use crate::{
    archive::Log,
    recording::{Recording, Times},
    timeline::Timeline,
};

/// A log of so many seconds with 200 response times each, spread by a tenth around `nanos`.
fn log(seconds: u64, nanos: f64, seed: u64) -> Archive {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut log = Log { times: Times::new().expect("valid bounds"), timeline: Timeline::new() };
    for second in 0..seconds {
        let mut recording = Recording::<u64>::new().expect("valid bounds");
        for _ in 0..200 {
            let spread = 0.9 + 0.2 * (random.next_u64() as f64 / u64::MAX as f64);
            recording.times.response.saturating_record((nanos * spread) as u64);
        }
        log.times.add(&recording.times);
        let span = (second * 1_000_000_000, (second + 1) * 1_000_000_000);
        log.timeline.push(&Cell::new(span, &recording, 0).expect("valid bounds"));
    }
    Archive::Log(Box::new(log))
}

fn compare(before: &Archive, after: &Archive) -> Comparison {
    Comparison::new(("a", before), ("b", after))
}

fn verdicts(comparison: &Comparison) -> Vec<Verdict> {
    comparison.rows.iter().map(|row| row.verdict).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    // Ten percent more is worse however the times fall; the other way round it is better.
    #[test]
    fn a_real_difference_is_told_and_named_by_its_direction(seed in 0_u64..1 << 60) {
        let (fast, slow) = (log(40, 1e7, seed), log(40, 1.1e7, seed + 1));
        let [worse, better] = [compare(&fast, &slow), compare(&slow, &fast)];
        prop_assert_eq!(verdicts(&worse), [Verdict::Worse; 5], "{}", worse);
        prop_assert_eq!(verdicts(&better), [Verdict::Better; 5], "{}", better);
        prop_assert!(worse.is_worse() && !better.is_worse());
    }

    // Two draws of the same thing differ in nothing.
    #[test]
    fn equal_runs_differ_within_noise(seed in 0_u64..1 << 60) {
        let same = compare(&log(40, 1e7, seed), &log(40, 1e7, seed + 1));
        prop_assert_eq!(verdicts(&same), [Verdict::WithinNoise; 5], "{}", same);
    }
}

#[test]
fn runs_too_short_to_know_their_noise_are_undecided() {
    let comparison = compare(&log(9, 1e7, 1), &log(40, 2e7, 2));
    assert_eq!(verdicts(&comparison), [Verdict::Undecided; 5]);
    assert!(comparison.is_undecided() && !comparison.is_worse());
    assert!(comparison.to_string().contains("fewer than 10 full seconds"), "{comparison}");
}

#[test]
fn people_read_values_ratio_interval_and_verdict() {
    let text = compare(&log(40, 1e7, 1), &log(40, 2e7, 2)).to_string();
    let p50 = text.lines().find(|line| line.starts_with("p50")).expect("a row");
    let words: Vec<_> = p50.split_whitespace().collect();
    assert_eq!((words[0], words[7]), ("p50", "WORSE"), "{text}");
    assert!(words[3].starts_with("2.0") || words[3].starts_with("1.9"), "{text}");
}

#[test]
fn what_was_not_counted_is_not_compared() {
    let names: Vec<_> =
        compare(&log(40, 1e7, 1), &log(40, 1e7, 2)).rows.iter().map(|row| row.name).collect();
    assert_eq!(names, ["p50", "p90", "p99", "p99.9", "mean"]);
}
