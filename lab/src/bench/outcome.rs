//! What a detector's changes of state are worth on one trace: event level, once per trace.
//!
//! An alarm is an entry into `leaking`. It detects the leak if it falls between the onset and the
//! fix (or the end) on a signal that the leak shows on; every other alarm is false, those before
//! the onset and after the fix included.

use std::collections::BTreeMap;

use detector::{Signal, State};
use serde::Serialize;

use super::Change;
use crate::corpus::Trace;
use crate::corpus::truth::Leaked;

/// The outcome of one detector on one trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Outcome {
    /// Whether something leaked.
    pub leaks: bool,
    /// Seconds from the onset to the alarm; none if it was missed.
    pub detected_after_seconds: Option<f64>,
    /// Alarms while nothing leaked, or on a signal that shows no leak.
    pub false_alarms: usize,
    /// Those of them that were raised while something benign was still moving, and withdrawn
    /// before the end.
    pub forgiven_alarms: usize,
    /// Those of them that were withdrawn, whenever.
    pub withdrawn_alarms: usize,
    /// Whether the leak was fixed within the trace.
    pub fixed: bool,
    /// Seconds from the fix to the end of the alarm; none if it was not seen.
    pub recovered_after_seconds: Option<f64>,
    /// Seconds in which an alarm is false.
    pub clean_seconds: f64,
}

/// Judges the changes of state by the truth of the trace.
pub fn of(trace: &Trace, changes: &[Change]) -> Outcome {
    let span = trace.observations.first().zip(trace.observations.last());
    let (begin, end) = span.map_or((0.0, 0.0), |(first, last)| (first.t_seconds, last.t_seconds));
    let leak = trace.truth.leak.as_ref();
    let alarms = alarms(changes);
    let right = |alarm: &&Alarm| leak.is_some_and(|leak| in_leak(leak, alarm));
    let wrong: Vec<&Alarm> = alarms.iter().filter(|alarm| !right(alarm)).collect();
    let settles = trace.truth.settles_seconds.filter(|_| leak.is_none());
    let forgiven = |alarm: &&&Alarm| {
        settles.is_some_and(|settles| alarm.raised <= settles) && alarm.ended.is_some()
    };
    let detected = alarms.iter().find(right);
    let leaking = leak.map_or(0.0, |leak| leak.fixed_seconds.unwrap_or(end) - leak.onset_seconds);
    let fixed = leak.and_then(|leak| leak.fixed_seconds);
    Outcome {
        leaks: leak.is_some(),
        detected_after_seconds: detected
            .zip(leak)
            .map(|(alarm, leak)| alarm.raised - leak.onset_seconds),
        false_alarms: wrong.len(),
        forgiven_alarms: wrong.iter().filter(forgiven).count(),
        withdrawn_alarms: wrong.iter().filter(|alarm| alarm.ended.is_some()).count(),
        fixed: fixed.is_some(),
        recovered_after_seconds: fixed.filter(|_| detected.is_some()).and_then(|fixed| {
            let ends = alarms.iter().filter(right).filter_map(|alarm| alarm.ended);
            ends.map(|end| end - fixed).find(|after| *after >= 0.0)
        }),
        clean_seconds: (end - begin - leaking).max(0.0),
    }
}

/// The signal of the first alarm that is false.
pub fn first_false_alarm(trace: &Trace, changes: &[Change]) -> Option<Signal> {
    let leak = trace.truth.leak.as_ref();
    let wrong = |alarm: &Alarm| !leak.is_some_and(|leak| in_leak(leak, alarm));
    alarms(changes).into_iter().find(wrong).map(|alarm| alarm.signal)
}

/// From an entry into `leaking` to the next state that is another.
struct Alarm {
    signal: Signal,
    raised: f64,
    ended: Option<f64>,
}

fn alarms(changes: &[Change]) -> Vec<Alarm> {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut open: BTreeMap<Signal, usize> = BTreeMap::new();
    for change in changes {
        if change.state == State::Leaking {
            open.entry(change.signal).or_insert_with(|| {
                alarms.push(Alarm { signal: change.signal, raised: change.t_seconds, ended: None });
                alarms.len() - 1
            });
        } else if let Some(alarm) = open.remove(&change.signal) {
            alarms[alarm].ended = Some(change.t_seconds);
        }
    }
    alarms
}

fn in_leak(leak: &Leaked, alarm: &Alarm) -> bool {
    let until = leak.fixed_seconds.unwrap_or(f64::INFINITY);
    leak.signals.contains(&alarm.signal) && (leak.onset_seconds..=until).contains(&alarm.raised)
}

#[cfg(test)]
mod tests {
    use detector::Observation;

    use super::*;
    use crate::corpus::truth::Truth;

    const RSS: Signal = Signal::RssBytes;

    /// A trace from 0 to 1000 s.
    fn trace(leak: Option<(f64, Option<f64>)>, settles: Option<f64>) -> Trace {
        let at = |t_seconds: f64| Observation { t_seconds, ..Observation::default() };
        let leak = leak.map(|(onset_seconds, fixed_seconds)| Leaked {
            signals: vec![RSS],
            onset_seconds,
            fixed_seconds,
            ..Leaked::default()
        });
        Trace {
            name: "t".into(),
            truth: Truth { leak, settles_seconds: settles, ..Truth::default() },
            observations: vec![at(0.0), at(1000.0)],
        }
    }

    fn changes(list: &[(f64, State)]) -> Vec<Change> {
        list.iter()
            .map(|(t_seconds, state)| Change { t_seconds: *t_seconds, signal: RSS, state: *state })
            .collect()
    }

    #[test]
    fn an_alarm_within_the_leak_detects_it_once() {
        use State::{GrowthStopped, Leaking, Recovered, Steady, Suspect};
        let leak = trace(Some((200.0, Some(600.0))), None);
        let said = [(250.0, Suspect), (300.0, Leaking), (400.0, Steady), (450.0, Leaking)];
        let seen = of(&leak, &changes(&said));
        assert_eq!(seen.detected_after_seconds, Some(100.0));
        assert_eq!((seen.false_alarms, seen.recovered_after_seconds), (0, None));
        assert!((seen.clean_seconds - 600.0).abs() < 1e-9);
        let said = [(300.0, Leaking), (640.0, GrowthStopped), (700.0, Recovered)];
        assert_eq!(of(&leak, &changes(&said)).recovered_after_seconds, Some(40.0));
    }

    #[test]
    fn an_alarm_before_after_or_elsewhere_is_false() {
        use State::{Leaking, Steady};
        let leak = trace(Some((200.0, Some(600.0))), None);
        let seen = of(&leak, &changes(&[(100.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (None, 1));
        let seen = of(&leak, &changes(&[(100.0, Leaking), (150.0, Steady), (300.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (Some(100.0), 1));
        let seen = of(&leak, &changes(&[(700.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (None, 1));
        let elsewhere = Change { t_seconds: 310.0, signal: Signal::Fds, state: Leaking };
        assert_eq!(of(&leak, &[elsewhere]).false_alarms, 1);
        let right = changes(&[(300.0, Leaking)])[0];
        assert_eq!(first_false_alarm(&leak, &[right, elsewhere]), Some(Signal::Fds));
        assert_eq!(first_false_alarm(&leak, &[right]), None);
    }

    #[test]
    fn an_alarm_is_forgiven_if_it_is_withdrawn_once_the_cache_is_full() {
        use State::{Leaking, Steady};
        let cache = trace(None, Some(500.0));
        let kept = of(&cache, &changes(&[(300.0, Leaking)]));
        assert_eq!((kept.false_alarms, kept.forgiven_alarms), (1, 0));
        let withdrawn = of(&cache, &changes(&[(300.0, Leaking), (700.0, Steady)]));
        assert_eq!((withdrawn.false_alarms, withdrawn.forgiven_alarms), (1, 1));
        let late = of(&cache, &changes(&[(600.0, Leaking), (700.0, Steady)]));
        assert_eq!((late.forgiven_alarms, late.withdrawn_alarms), (0, 1));
        assert!((late.clean_seconds - 1000.0).abs() < 1e-9);
    }
}
