//! The cause is found by how gauges move, never by what they are called.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use detector::{Assessment, Observation, Settings, Signal, State, Watcher};
use proptest::prelude::*;

const MIB: f64 = 1024.0 * 1024.0;
const BYTES_PER_ENTRY: f64 = 10_240.0;
const PER_SECOND: f64 = 200.0;
const ONSET_SECONDS: f64 = 12.0;

/// How a gauge moves with time; the first is the cause.
type Motion = fn(f64) -> f64;

fn leaked(t: f64) -> f64 {
    (PER_SECOND * (t - ONSET_SECONDS).max(0.0)).floor()
}

/// Innocent gauges: flat, following load or time, wandering, jumping at the onset, counting the
/// same bytes again, or counting what the process did before.
const INNOCENT: [Motion; 12] = [
    |_| 10.0,
    |t| (PER_SECOND * t).floor(),
    |t| t,
    |t| 50.0 + 10.0 * (t / 3.0).sin(),
    |t| 100.0 + 4.0 * t + 30.0 * (t / 5.0).sin(),
    |t| if t > ONSET_SECONDS { 1.0 } else { 0.0 },
    |t| if t > ONSET_SECONDS { 5000.0 } else { 1000.0 },
    |t| BYTES_PER_ENTRY * leaked(t),
    |t| 3.0 * MIB + BYTES_PER_ENTRY * leaked(t),
    |t| 12.0 * MIB + BYTES_PER_ENTRY * leaked(t),
    |t| (leaked(t) / 40.0).sqrt(),
    |t| 9000.0 + 5.0 * leaked(t),
];

fn judge(names: &[String]) -> Assessment {
    let mut watcher = Watcher::new(Settings { confirm_seconds: Some(12.0), ..Settings::default() });
    for step in 0..250 {
        let t = f64::from(step) * 0.2;
        let motions = std::iter::once(leaked as Motion).chain(INNOCENT);
        let observation = Observation {
            t_seconds: t,
            signals: BTreeMap::from([(
                Signal::RssAnonBytes,
                12.0 * MIB + BYTES_PER_ENTRY * leaked(t + 0.05) + 8192.0 * (t * 7.0).sin(),
            )]),
            requests_total: Some((PER_SECOND * t).floor()),
            gauges: names.iter().cloned().zip(motions.map(|motion| motion(t))).collect(),
            ..Observation::default()
        };
        let lines = watcher.observe(&observation).unwrap();
        if let Some(line) = lines.into_iter().find(|line| line.state == State::Leaking) {
            return line;
        }
    }
    panic!("never flagged");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// Renaming and reordering the gauges changes nothing.
    #[test]
    fn the_cause_is_right_whatever_the_gauges_are_called(
        names in Just((0..=INNOCENT.len()).map(|i| format!("gauge_{i}")).collect::<Vec<_>>()).prop_shuffle()
    ) {
        let line = judge(&names);
        prop_assert_eq!(line.cause.as_ref(), Some(&names[0]));
        let per_entry = line.bytes_per_entry.unwrap();
        prop_assert!((per_entry / BYTES_PER_ENTRY - 1.0).abs() < 0.02, "{} per entry", per_entry);
        let per_request = line.bytes_per_request.unwrap();
        prop_assert!((per_request / BYTES_PER_ENTRY - 1.0).abs() < 0.02, "{} per request", per_request);
    }
}

#[test]
fn without_the_gauge_that_leaks_no_other_that_counts_is_blamed() {
    let mut watcher = Watcher::new(Settings { confirm_seconds: Some(12.0), ..Settings::default() });
    let mut causes = Vec::new();
    for step in 0..250 {
        let t = f64::from(step) * 0.2;
        let gauges = INNOCENT[..7].iter().enumerate();
        let observation = Observation {
            t_seconds: t,
            signals: BTreeMap::from([(
                Signal::RssAnonBytes,
                12.0 * MIB + BYTES_PER_ENTRY * leaked(t),
            )]),
            gauges: gauges.map(|(i, motion)| (format!("gauge_{i}"), motion(t))).collect(),
            ..Observation::default()
        };
        let lines = watcher.observe(&observation).unwrap();
        causes.extend(lines.into_iter().filter(|l| l.state == State::Leaking).map(|l| l.cause));
    }
    assert_eq!(causes, [None]);
}

#[test]
fn of_things_that_are_counted_the_gauge_of_things_is_the_cause_and_not_that_of_their_bytes() {
    const BYTES_PER_THREAD: f64 = 13_000.0;
    let mut watcher = Watcher::new(Settings { confirm_seconds: Some(12.0), ..Settings::default() });
    let mut flagged = None;
    for step in 0..250 {
        let t = f64::from(step) * 0.2;
        let threads = (leaked(t) / 10.0).floor();
        let observation = Observation {
            t_seconds: t,
            signals: BTreeMap::from([(Signal::Threads, 6.0 + threads)]),
            requests_total: Some((PER_SECOND * t).floor()),
            gauges: BTreeMap::from([
                ("bytes".to_owned(), BYTES_PER_THREAD * threads),
                ("entries".to_owned(), threads),
            ]),
            ..Observation::default()
        };
        let lines = watcher.observe(&observation).unwrap();
        flagged = flagged.or_else(|| lines.into_iter().find(|line| line.state == State::Leaking));
    }
    assert_eq!(flagged.unwrap().cause.as_deref(), Some("entries"));
}
