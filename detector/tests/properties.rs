//! What must hold of every series, whatever it looks like.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use detector::{Assessment, BadObservation, Observation, Settings, Signal, State, Watcher};
use proptest::prelude::*;

const MIB: f64 = 1024.0 * 1024.0;

fn settings() -> Settings {
    Settings { confirm_seconds: Some(12.0), ..Settings::default() }
}

fn lines(series: &[(f64, f64)]) -> Vec<Assessment> {
    let mut watcher = Watcher::new(settings());
    let observe = |&(t_seconds, value): &(f64, f64)| Observation {
        t_seconds,
        signals: BTreeMap::from([(Signal::RssAnonBytes, value)]),
        ..Observation::default()
    };
    let mut lines = Vec::new();
    for point in series {
        lines.extend(watcher.observe(&observe(point)).unwrap());
    }
    lines.extend(watcher.finish());
    lines
}

fn states(lines: &[Assessment]) -> Vec<State> {
    lines.iter().map(|line| line.state).collect()
}

/// Pieces of growth, fall and rest between 5 MiB and 500 MiB, sampled five times a second.
fn series() -> impl Strategy<Value = Vec<(f64, f64)>> {
    let piece = (2_usize..120, -1.0_f64..4.0, 0.0_f64..0.2);
    (5.0_f64..200.0, prop::collection::vec(piece, 1..6)).prop_map(|(base, pieces)| {
        let mut level = base * MIB;
        let mut values = Vec::new();
        for (samples, mib_per_second, noise_mib) in pieces {
            for i in 0..samples {
                level = (level + 0.2 * mib_per_second * MIB).clamp(5.0 * MIB, 500.0 * MIB);
                let wobble = if i % 3 == 0 { noise_mib } else { -noise_mib / 2.0 };
                values.push(level + wobble * MIB);
            }
        }
        values.into_iter().enumerate().map(|(i, value)| (i as f64 * 0.2, value)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 128, failure_persistence: None, ..ProptestConfig::default()
    })]

    /// When a series was recorded changes no verdict. (Whole powers of two, lest rounding move a
    /// sample into another block.)
    #[test]
    fn a_shift_in_time_changes_no_verdict(series in series(), shift in 1_u32..20) {
        let shift = f64::from(1_u32 << shift);
        let grid = |t: f64| (t * 1024.0).round() / 1024.0;
        let here: Vec<_> = series.iter().map(|&(t, value)| (grid(t), value)).collect();
        let there: Vec<_> = here.iter().map(|&(t, value)| (t + shift, value)).collect();
        prop_assert_eq!(states(&lines(&here)), states(&lines(&there)));
    }

    /// Twice the bytes is twice the slope, and no less a leak.
    #[test]
    fn doubling_the_bytes_doubles_the_slope(mib_per_second in 0.5_f64..8.0) {
        let leak = |factor: f64| {
            let value = |t: f64| factor * (20.0 * MIB + mib_per_second * MIB * (t - 10.0).max(0.0));
            let series: Vec<_> = (0..200).map(|i| f64::from(i) * 0.2).map(|t| (t, value(t))).collect();
            lines(&series).into_iter().find(|line| line.state == State::Leaking).unwrap()
        };
        let (once, twice) = (leak(1.0), leak(2.0));
        let ratio = twice.slope_per_second.unwrap() / once.slope_per_second.unwrap();
        prop_assert!((ratio - 2.0).abs() < 1e-6, "ratio {}", ratio);
    }

    /// A verdict does not depend on the unit that memory is counted in. (Powers of two, lest
    /// rounding move a number.)
    #[test]
    fn scaling_bytes_and_limit_together_changes_no_verdict(
        series in series(), bits in prop::sample::select(vec![-8_i32, -3, 5, 10]), limited in any::<bool>()
    ) {
        let scaled = |factor: f64| {
            let limit = limited.then_some(600.0 * MIB * factor);
            let mut watcher = Watcher::new(Settings { limit, ..settings() });
            let mut states = Vec::new();
            for &(t_seconds, value) in &series {
                let signals = BTreeMap::from([(Signal::RssAnonBytes, value * factor)]);
                let seen = Observation { t_seconds, signals, ..Observation::default() };
                states.extend(watcher.observe(&seen).unwrap().into_iter().map(|line| line.state));
            }
            states.extend(watcher.finish().into_iter().map(|line| line.state));
            states
        };
        prop_assert_eq!(scaled(1.0), scaled(2_f64.powi(bits)));
    }

    /// What did not move for its last half does not leak at its end.
    #[test]
    fn a_series_flat_for_its_last_half_never_ends_leaking(series in series()) {
        prop_assume!(series.len() >= 150);
        let (_, last) = series[series.len() - 1];
        let held = (0..series.len()).map(|i| ((series.len() + i) as f64 * 0.2, last));
        let whole: Vec<_> = series.iter().copied().chain(held).collect();
        let lines = lines(&whole);
        prop_assert_ne!(lines.last().unwrap().state, State::Leaking, "{:#?}", lines);
    }

    /// A verdict for want of data is never `steady`.
    #[test]
    fn a_series_shorter_than_the_asked_span_is_never_judged(series in series()) {
        let short: Vec<_> = series.into_iter().take(55).collect();
        let states = states(&lines(&short));
        prop_assert_eq!(states.last(), Some(&State::Undecided));
        prop_assert!(!states.contains(&State::Steady) && !states.contains(&State::Leaking));
    }

    /// Whatever comes, the core answers or refuses; it never panics, and goes on after a refusal.
    #[test]
    fn bad_observations_are_refused_and_harmless(
        points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..40)
    ) {
        let mut watcher = Watcher::new(settings());
        for (t_seconds, value) in points {
            let observation = Observation {
                t_seconds,
                signals: BTreeMap::from([(Signal::HeapBytes, value)]),
                ..Observation::default()
            };
            let answer = watcher.observe(&observation);
            if !value.is_finite() || value < 0.0 || !t_seconds.is_finite() {
                prop_assert!(answer.is_err());
            }
        }
        watcher.finish();
    }
}

#[test]
fn a_refusal_names_what_was_wrong() {
    let mut watcher = Watcher::new(settings());
    let at = |t_seconds: f64, value: f64| Observation {
        t_seconds,
        signals: BTreeMap::from([(Signal::Fds, value)]),
        ..Observation::default()
    };
    watcher.observe(&at(1.0, 3.0)).unwrap();
    let stuck = watcher.observe(&at(1.0, 3.0)).unwrap_err();
    assert_eq!(stuck, BadObservation::TimeNotRising { t_seconds: 1.0, previous_seconds: 1.0 });
    let nan = watcher.observe(&at(2.0, f64::NAN)).unwrap_err();
    assert!(nan.to_string().contains("fds is NaN at t_seconds 2"), "{nan}");
    assert!(watcher.observe(&at(2.0, 3.0)).is_ok());
}

/// A clear leak, or a clear rest, sampled every `step` seconds, by a fixed noise.
fn clear(leaks: bool, step: f64) -> Vec<(f64, f64)> {
    let samples = (60.0 / step) as u32;
    let value = |i: u32, t: f64| {
        let held = if leaks { 2.0 * MIB * (t - 15.0).max(0.0) } else { 0.0 };
        20.0 * MIB + held + 20_000.0 * (f64::from(i) * 1.7).sin()
    };
    (0..samples).map(|i| (f64::from(i) * step, value(i, f64::from(i) * step))).collect()
}

/// Fewer samples make nobody surer: a leak may become undecided, never steady, and rest never a
/// leak.
#[test]
fn resampling_moves_a_verdict_only_towards_undecided() {
    for step in [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4] {
        let leak = states(&lines(&clear(true, step)));
        assert_ne!(leak.last(), Some(&State::Steady), "every {step} s: {leak:?}");
        let rest = states(&lines(&clear(false, step)));
        assert!(!rest.contains(&State::Leaking), "every {step} s: {rest:?}");
    }
    assert!(states(&lines(&clear(true, 0.2))).contains(&State::Leaking));
    assert!(states(&lines(&clear(false, 0.2))).contains(&State::Steady));
}

/// The time that is asked for follows from the time that is left until the limit.
#[test]
fn what_is_about_to_reach_the_limit_is_flagged_sooner() {
    let flagged = |limit: Option<f64>| {
        let mut watcher = Watcher::new(Settings { limit, ..Settings::default() });
        let calm = 900.0;
        (0..3600).map(f64::from).find_map(|t| {
            let wobble = 20_000.0 * (t * 1.7).sin();
            let value = 100.0 * MIB + 0.2 * MIB * (t - calm).max(0.0) + wobble;
            let signals = BTreeMap::from([(Signal::RssAnonBytes, value)]);
            let seen = Observation { t_seconds: t, signals, ..Observation::default() };
            let lines = watcher.observe(&seen).unwrap();
            lines.iter().any(|line| line.state == State::Leaking).then_some(t - calm)
        })
    };
    let after = |limit: f64| flagged(Some(limit * MIB)).unwrap();
    let (minutes, hours, unknown) = (after(220.0), after(1000.0), flagged(None).unwrap());
    assert!(minutes < 60.0, "ten minutes from the limit: flagged after {minutes} s");
    assert!(minutes < hours && hours <= unknown, "{minutes}, {hours}, {unknown}");
}

/// What was never seen at rest may be a cache that fills: it is looked at for longer.
#[test]
fn growth_without_a_calm_before_it_is_flagged_later() {
    let flagged_after = |calm_minutes: f64| {
        let mut watcher = Watcher::new(Settings::default());
        (0..1000).map(f64::from).find_map(|minute| {
            let grown = 0.5 * MIB * (minute - calm_minutes).max(0.0);
            let value = 100.0 * MIB + grown + 20_000.0 * (minute * 1.7).sin();
            let signals = BTreeMap::from([(Signal::RssAnonBytes, value)]);
            let seen = Observation { t_seconds: 60.0 * minute, signals, ..Observation::default() };
            let lines = watcher.observe(&seen).unwrap();
            let leaking = lines.iter().any(|line| line.state == State::Leaking);
            leaking.then_some(minute - calm_minutes)
        })
    };
    let (calm, sudden) = (flagged_after(300.0).unwrap(), flagged_after(0.0).unwrap());
    assert!(calm < 150.0, "after a calm: flagged after {calm} min");
    assert!(sudden > 250.0, "from the first sample: flagged after {sudden} min");
}

/// A service that is killed at its limit before any run was long enough leaks all the same; one
/// that warms up in every run does not.
#[test]
fn evidence_pools_across_runs_that_grew_to_their_end() {
    let leaking = |shape: fn(f64) -> f64| {
        let mut watcher =
            Watcher::new(Settings { confirm_seconds: Some(60.0), ..Settings::default() });
        let run_seconds = 50.0;
        (0..2000).any(|i| {
            let t = f64::from(i) * 0.5;
            let age = t % run_seconds;
            let signals = BTreeMap::from([(Signal::RssAnonBytes, 50.0 * MIB + shape(age) * MIB)]);
            let start_seconds = Some(t - age);
            let seen =
                Observation { t_seconds: t, start_seconds, signals, ..Observation::default() };
            let lines = watcher.observe(&seen).unwrap();
            lines.iter().any(|line| line.state == State::Leaking)
        })
    };
    assert!(leaking(|age| 2.0 * age), "grows until it is killed");
    assert!(!leaking(|age| 60.0 * (1.0 - (-age / 6.0).exp())), "warms up");
    assert!(!leaking(|_| 0.0), "rests");
}

/// Its name, the series, and what may be said of it in the end.
type Case<'a> = (&'a str, Vec<(f64, f64)>, &'a [State]);

/// Series that are bad in themselves, each with all that may be said of it.
#[test]
fn bad_series_are_never_called_a_leak() {
    let steps = |n: u32| (0..n).map(f64::from);
    let wobble = |t: f64| 50.0 * MIB + 10_000.0 * (t * 1.7).sin();
    let table: [Case<'_>; 6] = [
        ("one sample", vec![(0.0, 1.0)], &[State::Undecided]),
        ("four samples", steps(4).map(|t| (t, wobble(t))).collect(), &[State::Undecided]),
        ("constant", steps(200).map(|t| (t, 7.0)).collect(), &[State::Steady]),
        ("zero", steps(200).map(|t| (t, 0.0)).collect(), &[State::Steady]),
        (
            "a gap of an hour",
            steps(200).map(|t| (if t < 100.0 { t } else { t + 3600.0 }, wobble(t))).collect(),
            &[State::Steady, State::Undecided],
        ),
        (
            "a clock that steps by fifty years",
            steps(200).map(|t| (if t < 100.0 { t } else { t + 1.6e9 }, wobble(t))).collect(),
            &[State::Steady, State::Undecided],
        ),
    ];
    for (name, series, allowed) in table {
        let states = states(&lines(&series));
        assert!(!states.contains(&State::Leaking), "{name}: {states:?}");
        assert!(allowed.contains(states.last().unwrap()), "{name}: {states:?}");
    }
}
