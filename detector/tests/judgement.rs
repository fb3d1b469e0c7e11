//! The core on made-up runs at the scale of a drill: every explanation, every way out.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeMap;

use detector::{Assessment, Observation, Settings, Signal, State, Watcher};

const MIB: f64 = 1024.0 * 1024.0;
const BASE: f64 = 12.0 * MIB;
const INTERVAL_SECONDS: f64 = 0.2;
const LEAK_PER_SECOND: f64 = 2.0 * MIB;
const REQUESTS_PER_SECOND: f64 = 200.0;

/// A small fixed generator, so that every run is the same run.
struct Noise(u64);

impl Noise {
    /// Uniform in -1..1.
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }
}

fn drill() -> Settings {
    Settings { confirm_seconds: Some(12.0), ..Settings::default() }
}

/// Memory and heap by `held`, over `seconds`, with noise of a few pages and of open requests.
fn run(seconds: f64, held: impl Fn(f64) -> f64) -> Vec<Observation> {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let steps = (seconds / INTERVAL_SECONDS) as usize;
    let observe = |step: usize| {
        let t_seconds = step as f64 * INTERVAL_SECONDS;
        let held = held(t_seconds);
        Observation {
            t_seconds,
            start_seconds: Some(0.0),
            signals: BTreeMap::from([
                (Signal::RssAnonBytes, BASE + held + 16_384.0 * noise.next()),
                (Signal::HeapBytes, BASE / 4.0 + held + 49_152.0 * noise.next()),
                (Signal::Fds, 24.0),
            ]),
            requests_total: Some((t_seconds * REQUESTS_PER_SECOND).floor()),
            gauges: BTreeMap::new(),
        }
    };
    (0..steps).map(observe).collect()
}

/// All lines, with a fix noted at the given time.
fn lines(observations: &[Observation], settings: Settings, fix: Option<f64>) -> Vec<Assessment> {
    let mut watcher = Watcher::new(settings);
    let mut lines = Vec::new();
    let mut fix = fix;
    for observation in observations {
        if fix.is_some_and(|fix| observation.t_seconds >= fix) {
            watcher.note_fix(observation.t_seconds);
            fix = None;
        }
        lines.extend(watcher.observe(observation).unwrap());
    }
    lines.extend(watcher.finish());
    lines
}

fn states(lines: &[Assessment], signal: Signal) -> Vec<State> {
    lines.iter().filter(|line| line.signal == signal).map(|line| line.state).collect()
}

fn at(lines: &[Assessment], signal: Signal, state: State) -> f64 {
    let found = lines.iter().find(|line| line.signal == signal && line.state == state);
    found.unwrap_or_else(|| panic!("{signal} was never {state}: {lines:#?}")).t_seconds
}

fn ramp(t: f64, from: f64, to: f64) -> f64 {
    LEAK_PER_SECOND * (t.clamp(from, to) - from)
}

#[test]
fn a_leak_is_flagged_soon_after_it_was_confirmed_with_its_slope_and_onset() {
    let lines = lines(&run(40.0, |t| ramp(t, 10.0, 40.0)), drill(), None);
    for signal in [Signal::RssAnonBytes, Signal::HeapBytes] {
        let flagged = at(&lines, signal, State::Leaking);
        assert!((22.0..26.0).contains(&flagged), "{signal} flagged at {flagged}");
        let line = lines.iter().find(|l| l.signal == signal && l.state == State::Leaking).unwrap();
        let (low, high) = (line.slope_low.unwrap(), line.slope_high.unwrap());
        assert!(low <= LEAK_PER_SECOND && LEAK_PER_SECOND <= high, "{line:?}");
        assert!((high - low) < 0.1 * LEAK_PER_SECOND, "{line:?}");
        assert!((line.onset_seconds.unwrap() - 10.0).abs() < 1.0, "{line:?}");
        let true_bytes = LEAK_PER_SECOND / REQUESTS_PER_SECOND;
        assert!((line.bytes_per_request.unwrap() / true_bytes - 1.0).abs() < 0.02, "{line:?}");
    }
    assert_eq!(states(&lines, Signal::Fds), [State::Steady]);
}

/// A look every minute for ten hours at what grows by 60 MiB an hour from an instant on; the onset that is
/// told, in minutes, and why it is called a leak.
fn told_of_growth_from(minute: f64) -> (f64, String) {
    let mut noise = Noise(0x9E37_79B9_7F4A_7C15);
    let mut watcher = Watcher::new(Settings::default());
    for look in 0..600 {
        let grown = (f64::from(look) - minute).max(0.0) * MIB;
        let observation = Observation {
            t_seconds: f64::from(look) * 60.0,
            signals: BTreeMap::from([(Signal::RssBytes, 300.0 * MIB + grown + MIB * noise.next())]),
            ..Observation::default()
        };
        watcher.observe(&observation).unwrap();
    }
    let line = watcher.current().remove(0);
    assert_eq!(line.state, State::Leaking, "{line:?}");
    (line.onset_seconds.unwrap() / 60.0, line.reason)
}

#[test]
fn growth_that_is_older_than_the_horizon_it_is_judged_on_began_when_it_did() {
    let (onset, reason) = told_of_growth_from(0.0);
    assert!((0.0..10.0).contains(&onset), "{onset}: {reason}");
    assert!(reason.contains("for 9."), "{reason}");
    let (onset, reason) = told_of_growth_from(120.0);
    assert!((onset - 120.0).abs() < 10.0, "{onset}: {reason}");
}

#[test]
fn a_flat_series_is_steady_and_nothing_else() {
    let lines = lines(&run(60.0, |_| 0.0), drill(), None);
    assert_eq!(states(&lines, Signal::RssAnonBytes), [State::Steady]);
    assert_eq!(states(&lines, Signal::HeapBytes), [State::Steady]);
}

#[test]
fn a_cache_full_within_half_the_span_is_never_flagged_and_ends_steady() {
    let lines = lines(&run(50.0, |t| ramp(t, 10.0, 15.0)), drill(), None);
    let states = states(&lines, Signal::RssAnonBytes);
    assert!(!states.contains(&State::Leaking), "{lines:#?}");
    assert_eq!(states.last(), Some(&State::Steady), "{lines:#?}");
}

#[test]
fn a_cache_that_fills_slowly_is_flagged_and_withdrawn_once_full() {
    let lines = lines(&run(120.0, |t| ramp(t, 10.0, 50.0)), drill(), None);
    let states = states(&lines, Signal::RssAnonBytes);
    let flagged = states.iter().position(|state| *state == State::Leaking).unwrap();
    assert!(!states[flagged + 1..].contains(&State::Leaking), "{states:?}");
    assert_eq!(states.last(), Some(&State::Steady), "{lines:#?}");
}

/// Adds resident memory that the allocator's own figure does not see.
fn unseen_by_the_heap(observations: &mut [Observation], bytes: impl Fn(f64) -> f64) {
    for observation in observations {
        let resident = observation.signals.get_mut(&Signal::RssAnonBytes).unwrap();
        *resident += bytes(observation.t_seconds);
    }
}

#[test]
fn memory_that_the_allocator_settles_into_is_not_a_leak() {
    for (bytes_per_second, from) in [(29_000.0, 17.0), (29_000.0, 15.0), (13_000.0, 15.2)] {
        let mut observations = run(70.0, |t| ramp(t, 10.0, 15.0));
        unseen_by_the_heap(&mut observations, |t| bytes_per_second * (t - from).max(0.0));
        let lines = lines(&observations, drill(), None);
        let states = states(&lines, Signal::RssAnonBytes);
        let settled = states.iter().skip_while(|state| **state != State::Steady);
        assert_eq!(settled.copied().collect::<Vec<_>>(), [State::Steady], "{lines:#?}");
    }
}

#[test]
fn a_leak_that_the_allocator_does_not_see_is_flagged_all_the_same() {
    let mut observations = run(40.0, |_| 0.0);
    unseen_by_the_heap(&mut observations, |t| ramp(t, 10.0, 40.0));
    let lines = lines(&observations, drill(), None);
    let flagged = at(&lines, Signal::RssAnonBytes, State::Leaking);
    assert!((22.0..26.0).contains(&flagged), "flagged at {flagged}");
    assert_eq!(states(&lines, Signal::HeapBytes), [State::Steady]);
}

#[test]
fn one_step_is_not_a_leak() {
    let lines = lines(&run(60.0, |t| if t > 20.0 { 30.0 * MIB } else { 0.0 }), drill(), None);
    let states = states(&lines, Signal::RssAnonBytes);
    assert!(!states.contains(&State::Leaking), "{lines:#?}");
    assert_eq!(states.last(), Some(&State::Steady), "{lines:#?}");
}

#[test]
fn a_warm_up_that_levels_off_is_not_a_leak() {
    for time_constant in [2.0, 4.0, 8.0] {
        let warm = move |t: f64| 40.0 * MIB * (1.0 - (-t / time_constant).exp());
        let lines = lines(&run(80.0, warm), drill(), None);
        let states = states(&lines, Signal::RssAnonBytes);
        assert!(!states.contains(&State::Leaking), "time constant {time_constant}: {lines:#?}");
        assert_eq!(states.last(), Some(&State::Steady), "{lines:#?}");
    }
}

#[test]
fn a_sawtooth_that_returns_to_its_trough_is_not_a_leak() {
    let lines = lines(&run(120.0, |t| 8.0 * MIB * (t / 7.0).fract()), drill(), None);
    let states = states(&lines, Signal::RssAnonBytes);
    assert!(!states.contains(&State::Leaking), "{lines:#?}");
}

#[test]
fn a_fix_that_frees_is_recovered() {
    let held = |t: f64| if t < 26.0 { ramp(t, 10.0, 26.0) } else { 0.0 };
    let lines = lines(&run(60.0, held), drill(), Some(26.0));
    for signal in [Signal::RssAnonBytes, Signal::HeapBytes] {
        let recovered = at(&lines, signal, State::Recovered);
        assert!((36.0..46.0).contains(&recovered), "{signal} recovered at {recovered}");
        assert_eq!(states(&lines, signal).last(), Some(&State::Recovered));
    }
}

/// A conductor fixes within milliseconds of the flag, before any block shows the highest level.
#[test]
fn a_fix_in_the_instant_of_the_flag_is_recovered_as_fast_as_any_other() {
    let leak = run(60.0, |t| ramp(t, 10.0, 60.0));
    let flagged = at(&lines(&leak, drill(), None), Signal::HeapBytes, State::Leaking);
    let held = move |t: f64| if t < flagged { ramp(t, 10.0, flagged) } else { 0.0 };
    let lines = lines(&run(60.0, held), drill(), Some(flagged + INTERVAL_SECONDS));
    for signal in [Signal::RssAnonBytes, Signal::HeapBytes] {
        let recovered = at(&lines, signal, State::Recovered) - flagged;
        assert!((10.0..20.0).contains(&recovered), "{signal} recovered after {recovered}");
    }
}

#[test]
fn a_fix_that_only_stops_the_growth_ends_as_growth_stopped() {
    let lines = lines(&run(120.0, |t| ramp(t, 10.0, 26.0)), drill(), Some(26.0));
    assert_eq!(states(&lines, Signal::RssAnonBytes).last(), Some(&State::GrowthStopped));
    assert!(!states(&lines, Signal::RssAnonBytes).contains(&State::Recovered));
}

#[test]
fn a_fix_that_only_frees_ends_in_a_new_leak() {
    let held = |t: f64| {
        if t < 26.0 { ramp(t, 10.0, 26.0) } else { ramp(t, 26.0, 60.0) }
    };
    let lines = lines(&run(60.0, held), drill(), Some(26.0));
    let states = states(&lines, Signal::RssAnonBytes);
    assert_eq!(states.iter().filter(|state| **state == State::Leaking).count(), 2, "{lines:#?}");
    assert!(!states.contains(&State::Recovered) && !states.contains(&State::GrowthStopped));
}

#[test]
fn growth_after_a_recovery_that_nobody_told_of_is_a_new_leak_once_it_is_above_the_old_one() {
    let held = |t: f64| if t < 60.0 { ramp(t, 20.0, 60.0) } else { ramp(t, 90.0, 200.0) };
    let lines = lines(&run(200.0, held), drill(), None);
    let signal = Signal::RssAnonBytes;
    assert_eq!(
        states(&lines, signal)[2..],
        [State::Leaking, State::Recovered, State::Leaking],
        "{lines:?}"
    );
    let again = lines.iter().rfind(|line| line.signal == signal).unwrap();
    // The first growth lasted 40 s.
    let above = 90.0 + 40.0;
    assert!((above..above + 30.0).contains(&again.t_seconds), "{again:?}");
}

#[test]
fn memory_that_the_process_keeps_but_the_heap_gave_back_is_recovered() {
    let mut observations = run(60.0, |t| ramp(t, 10.0, 26.0));
    for observation in observations.iter_mut().filter(|o| o.t_seconds >= 26.0) {
        observation.signals.insert(Signal::HeapBytes, BASE / 4.0);
    }
    let lines = lines(&observations, drill(), Some(26.0));
    assert_eq!(states(&lines, Signal::RssAnonBytes).last(), Some(&State::Recovered));
}

#[test]
fn growth_that_stops_because_the_load_stopped_has_not_stopped() {
    let mut observations = run(60.0, |t| ramp(t, 10.0, 30.0));
    for observation in observations.iter_mut().filter(|o| o.t_seconds >= 30.0) {
        observation.requests_total = Some(30.0 * REQUESTS_PER_SECOND);
    }
    let lines = lines(&observations, drill(), None);
    assert_eq!(states(&lines, Signal::RssAnonBytes).last(), Some(&State::Leaking), "{lines:#?}");
}

#[test]
fn a_restart_proves_nothing_and_a_leak_is_found_again_after_it() {
    let mut observations =
        run(80.0, |t| if t < 30.0 { ramp(t, 5.0, 30.0) } else { ramp(t, 35.0, 80.0) });
    for observation in observations.iter_mut().filter(|o| o.t_seconds >= 30.0) {
        observation.start_seconds = Some(30.0);
        observation.requests_total =
            observation.requests_total.map(|n| n - 30.0 * REQUESTS_PER_SECOND);
    }
    let lines = lines(&observations, drill(), None);
    let states = states(&lines, Signal::RssAnonBytes);
    let after: Vec<State> =
        states.into_iter().skip_while(|s| *s != State::Leaking).skip(1).collect();
    assert_eq!(after.first(), Some(&State::Undecided), "{lines:#?}");
    assert_eq!(after.last(), Some(&State::Leaking), "{lines:#?}");
}

#[test]
fn a_series_that_is_too_short_is_undecided_and_says_what_is_missing() {
    for seconds in [0.4, 5.0] {
        let lines = lines(&run(seconds, |_| 0.0), drill(), None);
        assert_eq!(states(&lines, Signal::RssAnonBytes), [State::Undecided]);
        assert!(!lines[0].reason.is_empty());
    }
}

#[test]
fn descriptors_that_stay_open_are_not_recovered_by_a_heap_that_falls() {
    const FIXED_SECONDS: f64 = 40.0;
    let mut watcher = Watcher::new(Settings { confirm_seconds: Some(12.0), ..Settings::default() });
    let mut states = Vec::new();
    for step in 0..500 {
        let t = f64::from(step) * 0.2;
        let leaked = 20.0 * (t.min(FIXED_SECONDS) - 12.0).max(0.0).floor();
        // What the requests took on the heap is given back; nobody closes the descriptors.
        let heap = if t < FIXED_SECONDS { 100_000.0 * leaked } else { 0.0 };
        let observation = Observation {
            t_seconds: t,
            signals: BTreeMap::from([
                (Signal::Fds, 10.0 + leaked),
                (Signal::HeapBytes, 1e7 + heap),
            ]),
            requests_total: Some((200.0 * t).floor()),
            ..Observation::default()
        };
        let lines = watcher.observe(&observation).unwrap();
        states.extend(lines.into_iter().filter(|l| l.signal == Signal::Fds).map(|l| l.state));
        if step == 200 {
            watcher.note_fix(FIXED_SECONDS);
        }
    }
    assert!(states.contains(&State::GrowthStopped), "{states:?}");
    assert!(!states.contains(&State::Recovered), "{states:?}");
}
