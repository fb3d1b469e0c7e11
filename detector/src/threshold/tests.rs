//! Rules on series whose truth is known.

use std::collections::BTreeMap;

use super::*;

const MIB: f64 = 1_048_576.0;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

fn preset(name: &str) -> Rule {
    Rule::preset(name).expect("a preset")
}

fn memory(t_seconds: f64, bytes: f64) -> Observation {
    Observation { t_seconds, signals: [(Signal::RssBytes, bytes)].into(), ..Observation::default() }
}

/// Looks every 15 seconds; the minutes at which the rule began to fire and was resolved.
fn watched(rule: Rule, hours: f64, bytes: impl Fn(f64) -> f64) -> Vec<(bool, f64)> {
    let (mut guard, none) = (Guard::new(rule), BTreeMap::new());
    let looks = (0..(hours * HOUR / 15.0) as u32).map(|k| f64::from(k) * 15.0);
    let step = |t: f64| {
        let observation = memory(t, bytes(t));
        let look = Look::Seen { observation: &observation, named: &none };
        guard.step(look, 1.7e9 + t).map(|change| (change.firing, t / MINUTE))
    };
    looks.filter_map(step).collect()
}

fn counted(rule: Rule, minutes: u32, count: impl Fn(u32) -> f64) -> Vec<(bool, u32)> {
    let name = rule.asks_for().expect("a counter").to_owned();
    let mut guard = Guard::new(rule);
    let mut changes = Vec::new();
    for minute in 0..minutes {
        let counters = [(name.clone(), count(minute))].into();
        let observation = memory(f64::from(minute) * MINUTE, 1e8);
        let look = Look::Seen { observation: &observation, named: &counters };
        let change = guard.step(look, f64::from(minute) * MINUTE);
        changes.extend(change.map(|change| (change.firing, minute)));
    }
    changes
}

/// The published rule compares bytes per second with MB per hour, so that this leak evaluates to 0.017.
#[test]
fn a_leak_of_60_mib_per_hour_is_60_and_fires_both_rules_of_growth() {
    let leak = |t: f64| 300.0 * MIB + 60.0 * MIB * t / HOUR;
    for (name, minutes) in [("HighMemoryGrowthRate", 60.0), ("CriticalMemoryGrowthRate", 45.0)] {
        let rule = preset(name);
        let Condition::Above { threshold, .. } = rule.condition else { unreachable!() };
        assert!(threshold < 60.0 * MIB && threshold > 60.0 * MIB / HOUR);
        let changes = watched(rule, 3.0, leak);
        assert_eq!(changes.len(), 1, "{name}: {changes:?}");
        assert!(changes[0].0 && (changes[0].1 - minutes).abs() < 1.1, "{name}: {changes:?}");
    }
    let mut guard = Guard::new(preset("HighMemoryGrowthRate"));
    let none = BTreeMap::new();
    let fired = (0..720).find_map(|k| {
        let t = f64::from(k) * 15.0;
        let observation = memory(t, leak(t));
        guard.step(Look::Seen { observation: &observation, named: &none }, t)
    });
    let measured = fired.and_then(|change| change.value).expect("a value");
    assert!((measured / MIB - 60.0).abs() < 0.1, "{measured}");
}

/// `rate()` of a gauge takes every fall for a reset and adds it up as growth.
#[test]
fn a_sawtooth_that_stays_level_never_fires_a_rule_of_growth() {
    for period_minutes in [0.5, 1.0, 3.0, 7.0, 10.0, 15.0, 20.0] {
        let sawtooth = |t: f64| (100.0 + 90.0 * (t / MINUTE / period_minutes % 1.0)) * MIB;
        for rule in Rule::presets().into_iter().filter(Rule::is_complete) {
            if rule.hold_seconds > 0.0 && rule.asks_for().is_none() {
                let name = rule.name.clone();
                assert_eq!(watched(rule, 6.0, sawtooth), [], "{name} at {period_minutes} min");
            }
        }
    }
}

#[test]
fn growth_below_the_threshold_warm_up_and_noise_are_quiet_and_growth_that_ends_is_resolved() {
    let jitter = |t: f64| (t * 7919.0).sin() * 20.0;
    let slow = |t: f64| (300.0 + 8.0 * t / HOUR) * MIB;
    let warm_up = |t: f64| (100.0 + 200.0 * (t / 600.0).min(1.0)) * MIB;
    let noisy = |t: f64| (300.0 + jitter(t)) * MIB;
    for name in ["HighMemoryGrowthRate", "CriticalMemoryGrowthRate", "ContainerMemoryGrowthRate"] {
        assert_eq!(watched(preset(name), 6.0, slow), [], "{name}: slow");
        assert_eq!(watched(preset(name), 6.0, warm_up), [], "{name}: warm-up");
        assert_eq!(watched(preset(name), 6.0, noisy), [], "{name}: noise");
        let ends = |t: f64| (300.0 + jitter(t) + 100.0 * (t / HOUR).min(2.0)) * MIB;
        let changes: Vec<bool> =
            watched(preset(name), 6.0, ends).into_iter().map(|c| c.0).collect();
        assert_eq!(changes, [true, false], "{name}: ends");
    }
}

#[test]
fn a_level_fires_once_it_has_lasted_and_is_resolved_once_it_is_gone() {
    for (name, mib, minutes) in [
        ("HighMemoryUsage", 501.0, 10.0),
        ("CriticalMemoryUsage", 1025.0, 5.0),
        ("ContainerHighMemoryUsage", 801.0, 10.0),
        ("ServiceMemoryUsage", 2049.0, 5.0),
    ] {
        let level =
            |t: f64| if (HOUR..2.0 * HOUR).contains(&t) { mib * MIB } else { (mib - 2.0) * MIB };
        assert_eq!(
            watched(preset(name), 3.0, level),
            [(true, 60.0 + minutes), (false, 120.0)],
            "{name}"
        );
        let short = |t: f64| {
            let above = t % HOUR < (minutes - 1.0) * MINUTE;
            if above { mib * MIB } else { 0.0 }
        };
        assert_eq!(watched(preset(name), 6.0, short), [], "{name}: too short");
    }
}

#[test]
fn the_bands_of_the_runbook_are_of_base_peak_and_growth() {
    // A service that rests at 900 MiB, and that reaches 1.6 GiB for a minute every hour.
    let busy = |t: f64| if t % HOUR < MINUTE { 1638.0 * MIB } else { 900.0 * MIB };
    let fired = |name: &str| watched(preset(name), 3.0, busy).iter().any(|change| change.0);
    let all: Vec<String> = Rule::presets().into_iter().map(|rule| rule.name).collect();
    let bands = all.iter().filter(|name| name.ends_with("Warning") || name.ends_with("Critical"));
    let fire: Vec<&str> = bands.map(String::as_str).filter(|name| fired(name)).collect();
    assert_eq!(fire, ["BaseMemoryWarning", "PeakMemoryWarning"]);
    let leak = |t: f64| (300.0 + 120.0 * t / HOUR) * MIB;
    for name in ["MemoryGrowthWarning", "MemoryGrowthCritical"] {
        assert_eq!(watched(preset(name), 2.0, leak).len(), 1, "{name}");
    }
}

#[test]
fn events_are_those_of_an_hour_through_resets_of_the_counter() {
    let rule = || preset("MemoryLeakEventsDetected");
    assert_eq!(counted(rule(), 180, |minute| f64::from(minute / 12)), []);
    assert_eq!(
        counted(rule(), 180, |minute| f64::from(minute.min(6))),
        [(true, 6), (false, 60)],
        "six in six minutes are forgotten after an hour"
    );
    let restarts = |minute: u32| f64::from(minute % 4);
    assert_eq!(counted(rule(), 30, restarts)[0], (true, 7), "three, then three from zero");
}

#[test]
fn the_rate_of_a_counter_is_per_second() {
    let rule = || Rule {
        condition: of(preset("ExcessiveGarbageCollection"), "gc"),
        ..preset("ExcessiveGarbageCollection")
    };
    assert_eq!(counted(rule(), 60, |minute| f64::from(minute) * 9.0 * 60.0), []);
    let changes = counted(rule(), 60, |minute| f64::from(minute) * 11.0 * 60.0);
    assert_eq!(
        changes,
        [(true, 18)],
        "seen for half of five minutes, then held for a quarter of an hour"
    );
}

fn of(rule: Rule, name: &str) -> Condition {
    match rule.condition {
        Condition::Above { measure, window_seconds, threshold, .. } => Condition::Above {
            measure,
            of: Figure::Named(name.to_owned()),
            window_seconds,
            threshold,
        },
        other => other,
    }
}

#[test]
fn objects_are_the_entries_of_a_gauge_per_hour() {
    let rule = preset("HighObjectGrowth");
    assert!(!rule.is_complete());
    let rule = Rule { condition: of(rule.clone(), "entries"), ..rule };
    assert!(rule.is_complete());
    for (per_hour, fires) in [(900.0, false), (1100.0, true)] {
        let (mut guard, none) = (Guard::new(rule.clone()), BTreeMap::new());
        for k in 0..720 {
            let t = f64::from(k) * 15.0;
            let mut observation = memory(t, 1e8);
            observation.gauges.insert("entries".to_owned(), (per_hour * t / HOUR).floor());
            guard.step(Look::Seen { observation: &observation, named: &none }, t);
        }
        assert_eq!(guard.is_firing(), fires, "{per_hour}");
    }
}

/// Steps a rule through looks, one a minute: `m` memory, `0` seen without memory, `w` nothing new yet, `r` refused, `e` an
/// error of the server, `f` failed.
fn through(name: &str, looks: &str) -> Vec<(bool, usize)> {
    stepped(preset(name), looks)
}

fn stepped(rule: Rule, looks: &str) -> Vec<(bool, usize)> {
    let (mut guard, none) = (Guard::new(rule), BTreeMap::new());
    let mut changes = Vec::new();
    for (minute, look) in looks.chars().enumerate() {
        let t = minute as f64 * MINUTE;
        let observation = if look == 'm' { memory(t, 600.0 * MIB) } else { Observation::default() };
        let look = match look {
            'w' => Look::Waiting,
            'r' => Look::Refused,
            'e' => Look::Failing,
            'f' => Look::Failed,
            _ => Look::Seen { observation: &observation, named: &none },
        };
        changes.extend(guard.step(look, t).map(|change| (change.firing, minute)));
    }
    changes
}

/// A sample each four looks; the source itself fails once it has had none for long.
#[test]
fn nothing_is_missing_between_two_samples_however_soon_a_rule_fires() {
    let rule = || Rule { hold_seconds: 0.0, ..preset("MemoryMetricsMissing") };
    for (looks, changes) in [
        ("wwmwwwmwwwmwww", &[][..]),
        ("mwwwfffffm", &[(true, 4), (false, 9)]),
        ("mwfffwwm", &[(true, 2), (false, 5)]),
        // What was not there stays so.
        ("mw0wwwm", &[(true, 2), (false, 6)]),
    ] {
        assert_eq!(stepped(rule(), looks), changes, "{looks}");
    }
    assert_eq!(through("MetricsServerError", "mew"), [(true, 1), (false, 2)]);
    assert_eq!(through("HighMemoryUsage", "wwwwwwwwwww"), []);
}

#[test]
fn what_is_missing_or_refused_is_told_and_what_was_not_seen_proves_nothing() {
    for (name, looks, changes) in [
        ("MemoryMetricsMissing", "mm0000000000000mm", &[(true, 12), (false, 15)][..]),
        ("MemoryMetricsMissing", "fffffffffff", &[(true, 10)]),
        ("MemoryMetricsMissing", "rrrrrrrr00fff", &[(true, 10)]),
        ("MemoryMetricsMissing", "0000000m00000000", &[]),
        ("MetricsAuthenticationFailure", "mmrrm", &[(true, 2), (false, 4)]),
        ("MetricsAuthenticationFailure", "rff", &[(true, 0)]),
        ("MetricsAuthenticationFailure", "ff0", &[]),
        ("MetricsAuthenticationFailure", "ree", &[(true, 0), (false, 1)]),
        ("MetricsServerError", "meer", &[(true, 1), (false, 3)]),
        ("MetricsServerError", "effm", &[(true, 0), (false, 3)]),
        ("MemoryMetricsMissing", "eeeeeeeeeee", &[(true, 10)]),
        // A scrape that fails neither resolves nor proves that it went on for a quarter of the time.
        ("HighMemoryUsage", "mmmmmfmmmmmm", &[(true, 10)]),
        ("HighMemoryUsage", "mmmmmffffmmmmmmmmmmm", &[(true, 19)]),
        ("HighMemoryUsage", "mmmmmmmmmmmfffffffffffff", &[(true, 10)]),
    ] {
        assert_eq!(through(name, looks), changes, "{name}: {looks}");
    }
}

#[test]
fn what_has_just_begun_to_look_knows_of_nothing_that_it_is_over() {
    let none = BTreeMap::new();
    let mut level = Guard::new(preset("HighMemoryUsage"));
    let mut window = Guard::new(preset("PeakMemoryWarning"));
    assert!(!level.is_over() && !window.is_over());
    for minute in 0..60 {
        let (t, observation) = (f64::from(minute) * MINUTE, memory(0.0, MIB));
        for guard in [&mut level, &mut window] {
            guard.step(Look::Seen { observation: &observation, named: &none }, t);
        }
        assert!(level.is_over(), "it is low");
        assert!(!window.is_over(), "the hour before may have had a peak");
    }
    level.step(Look::Waiting, 59.5 * MINUTE);
    assert!(level.is_over(), "nothing new was due");
    level.step(Look::Failed, 60.0 * MINUTE);
    assert!(!level.is_over(), "nobody knows");
    let low = memory(0.0, MIB);
    window.step(Look::Seen { observation: &low, named: &none }, 60.0 * MINUTE);
    assert!(window.is_over());
    let high = memory(0.0, 600.0 * MIB);
    level.step(Look::Seen { observation: &high, named: &none }, 61.0 * MINUTE);
    assert!(!level.is_over() && !level.is_firing(), "it is high, for not long enough yet");
}

#[test]
fn a_restart_begins_the_window_of_memory_anew() {
    // Falls back at each start: judged as one run, the median of all slopes is that of the starts.
    let rule = preset("HighMemoryGrowthRate");
    let (mut guard, none) = (Guard::new(rule), BTreeMap::new());
    for k in 0..480 {
        let t = f64::from(k) * 15.0;
        let run = (t / 1200.0).floor();
        let mut observation = memory(t, (100.0 + run * 200.0 + (t % 1200.0) / 60.0) * MIB);
        observation.start_seconds = Some(run * 1200.0);
        guard.step(Look::Seen { observation: &observation, named: &none }, t);
    }
    assert!(!guard.is_firing(), "no run was seen for half an hour");
}

#[test]
fn time_that_does_not_rise_and_numbers_that_are_none_are_passed_over() {
    let (mut guard, none) = (Guard::new(preset("PeakMemoryWarning")), BTreeMap::new());
    for (t, bytes) in [(f64::NAN, 9e9), (10.0, 1e8), (10.0, 9e9), (5.0, 9e9), (20.0, f64::NAN)] {
        let observation = memory(t, bytes);
        let look = Look::Seen { observation: &observation, named: &none };
        assert_eq!(guard.step(look, t), None);
    }
}

#[test]
fn rules_say_what_they_ask() {
    for (name, sentence) in [
        ("HighMemoryGrowthRate", "memory grows by more than 10.0 MiB per hour, for 30 min"),
        (
            "MemoryLeakEventsDetected",
            "memory_growth_events_total rose by more than 5 within 60 min",
        ),
        ("HighMemoryUsage", "memory is above 500.0 MiB, for 10 min"),
        ("BaseMemoryCritical", "memory was never below 1.5 GiB in 60 min"),
        ("MemoryMetricsMissing", "memory is missing, for 10 min"),
        ("MetricsAuthenticationFailure", "the metrics page refuses our credentials"),
        ("MetricsServerError", "the metrics page answers with an error of its own"),
    ] {
        assert_eq!(preset(name).to_string(), sentence);
    }
}
