//! What a detector's changes of state are worth on one trace: event level, once per trace.
//!
//! An alarm is an entry into `leaking`. It detects the leak if it falls between the onset and the
//! fix (or the end) on a signal that the leak shows on; every other alarm is false, those before
//! the onset and after the fix included.

use std::collections::BTreeMap;

use detector::{Signal, State};
use serde::{Deserialize, Serialize};

use super::{Change, Said, way};
use crate::corpus::Trace;
use crate::corpus::truth::Leaked;

/// The outcome of one detector on one trace.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// Whether something leaked.
    pub leaks: bool,
    /// Seconds from the onset to the alarm; none if it was missed.
    pub detected_after_seconds: Option<f64>,
    /// How much of the way to the limit the leak had gone by then; none where that is unknown.
    pub way_to_limit: Option<f64>,
    /// Whether the cause that was named with the alarm is one; none if none was named, or none is
    /// known.
    pub cause_is_right: Option<bool>,
    /// Seconds from the onset to the fix or the end.
    pub leaking_seconds: f64,
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
    /// Why the detector came to no end; what it said until then counts.
    pub failure: Option<String>,
}

/// Judges what was said by the truth of the trace.
pub fn of(trace: &Trace, said: &Said) -> Outcome {
    let span = trace.observations.first().zip(trace.observations.last());
    let (begin, end) = span.map_or((0.0, 0.0), |(first, last)| (first.t_seconds, last.t_seconds));
    let leak = trace.truth.leak.as_ref();
    let alarms = alarms(&said.changes);
    let right = |alarm: &&Alarm| leak.is_some_and(|leak| in_leak(leak, alarm));
    let wrong: Vec<&Alarm> = alarms.iter().filter(|alarm| !right(alarm)).collect();
    let settles = trace.truth.settles_seconds.filter(|_| leak.is_none());
    let forgiven = |alarm: &&&Alarm| {
        settles.is_some_and(|settles| alarm.raised <= settles) && alarm.ended.is_some()
    };
    let detected = alarms.iter().find(right);
    let leaking = leak.map_or(0.0, |leak| leak.fixed_seconds.unwrap_or(end) - leak.onset_seconds);
    let detected_after = |leak: &Leaked| detected.map(|alarm| alarm.raised - leak.onset_seconds);
    let fixed = leak.and_then(|leak| leak.fixed_seconds);
    Outcome {
        leaks: leak.is_some(),
        detected_after_seconds: leak.and_then(detected_after),
        way_to_limit: leak.and_then(|leak| way::gone(trace, leak, detected_after(leak)?)),
        cause_is_right: leak.and_then(|leak| leak.is_caused_by(detected?.cause?)),
        leaking_seconds: leaking,
        false_alarms: wrong.len(),
        forgiven_alarms: wrong.iter().filter(forgiven).count(),
        withdrawn_alarms: wrong.iter().filter(|alarm| alarm.ended.is_some()).count(),
        fixed: fixed.is_some(),
        recovered_after_seconds: fixed.filter(|_| detected.is_some()).and_then(|fixed| {
            let ends = alarms.iter().filter(right).filter_map(|alarm| alarm.ended);
            ends.map(|end| end - fixed).find(|after| *after >= 0.0)
        }),
        clean_seconds: (end - begin - leaking).max(0.0),
        failure: said.failure.clone(),
    }
}

/// The signal of the first alarm that is false.
pub fn first_false_alarm(trace: &Trace, changes: &[Change]) -> Option<Signal> {
    let leak = trace.truth.leak.as_ref();
    let wrong = |alarm: &Alarm| !leak.is_some_and(|leak| in_leak(leak, alarm));
    alarms(changes).into_iter().find(wrong).map(|alarm| alarm.signal)
}

/// From an entry into `leaking` to the next state that is another.
struct Alarm<'a> {
    signal: Signal,
    raised: f64,
    ended: Option<f64>,
    /// The first that was named while it lasted.
    cause: Option<&'a str>,
}

fn alarms(changes: &[Change]) -> Vec<Alarm<'_>> {
    let mut alarms: Vec<Alarm> = Vec::new();
    let mut open: BTreeMap<Signal, usize> = BTreeMap::new();
    for change in changes {
        if change.state == State::Leaking {
            let alarm = *open.entry(change.signal).or_insert_with(|| {
                let (signal, raised) = (change.signal, change.t_seconds);
                alarms.push(Alarm { signal, raised, ended: None, cause: None });
                alarms.len() - 1
            });
            let cause = &mut alarms[alarm].cause;
            *cause = cause.or(change.cause.as_deref());
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

    fn change((t_seconds, state): &(f64, State)) -> Change {
        Change { t_seconds: *t_seconds, signal: RSS, state: *state, cause: None }
    }

    fn said(list: &[(f64, State)]) -> Said {
        list.iter().map(change).collect::<Vec<_>>().into()
    }

    #[test]
    fn an_alarm_within_the_leak_detects_it_once() {
        use State::{GrowthStopped, Leaking, Recovered, Steady, Suspect};
        let leak = trace(Some((200.0, Some(600.0))), None);
        let list = [(250.0, Suspect), (300.0, Leaking), (400.0, Steady), (450.0, Leaking)];
        let seen = of(&leak, &said(&list));
        assert_eq!(seen.detected_after_seconds, Some(100.0));
        assert_eq!((seen.false_alarms, seen.recovered_after_seconds), (0, None));
        assert!((seen.clean_seconds - 600.0).abs() < 1e-9);
        let list = [(300.0, Leaking), (640.0, GrowthStopped), (700.0, Recovered)];
        assert_eq!(of(&leak, &said(&list)).recovered_after_seconds, Some(40.0));
    }

    #[test]
    fn an_alarm_before_after_or_elsewhere_is_false() {
        use State::{Leaking, Steady};
        let leak = trace(Some((200.0, Some(600.0))), None);
        let seen = of(&leak, &said(&[(100.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (None, 1));
        let seen = of(&leak, &said(&[(100.0, Leaking), (150.0, Steady), (300.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (Some(100.0), 1));
        let seen = of(&leak, &said(&[(700.0, Leaking)]));
        assert_eq!((seen.detected_after_seconds, seen.false_alarms), (None, 1));
        let elsewhere =
            Change { t_seconds: 310.0, signal: Signal::Fds, state: Leaking, cause: None };
        assert_eq!(of(&leak, &vec![elsewhere.clone()].into()).false_alarms, 1);
        let right = change(&(300.0, Leaking));
        assert_eq!(first_false_alarm(&leak, &[right.clone(), elsewhere]), Some(Signal::Fds));
        assert_eq!(first_false_alarm(&leak, &[right]), None);
    }

    #[test]
    fn a_cause_is_right_if_it_is_a_gauge_of_the_leak_labels_aside() {
        let mut leak = trace(Some((200.0, None)), None);
        let named = |cause: &str| {
            let change = Change { cause: Some(cause.into()), ..change(&(300.0, State::Leaking)) };
            Said::from(vec![change])
        };
        assert_eq!(of(&leak, &named("leak_entries")).cause_is_right, None, "nobody knows");
        leak.truth.leak.as_mut().unwrap().causes = vec!["leak_entries".into()];
        let right = |said: &Said| of(&leak, said).cause_is_right;
        assert_eq!(right(&named("leak_entries{leak=\"cache\"}")), Some(true));
        assert_eq!(right(&named("requests_total")), Some(false));
        assert_eq!(right(&said(&[(300.0, State::Leaking)])), None, "none was named");
        let mut later = said(&[(300.0, State::Leaking)]);
        later.changes.extend(named("leak_entries").changes);
        assert_eq!(right(&later), Some(true));
    }

    #[test]
    fn an_alarm_is_forgiven_if_it_is_withdrawn_once_the_cache_is_full() {
        use State::{Leaking, Steady};
        let cache = trace(None, Some(500.0));
        let kept = of(&cache, &said(&[(300.0, Leaking)]));
        assert_eq!((kept.false_alarms, kept.forgiven_alarms), (1, 0));
        let withdrawn = of(&cache, &said(&[(300.0, Leaking), (700.0, Steady)]));
        assert_eq!((withdrawn.false_alarms, withdrawn.forgiven_alarms), (1, 1));
        let late = of(&cache, &said(&[(600.0, Leaking), (700.0, Steady)]));
        assert_eq!((late.forgiven_alarms, late.withdrawn_alarms), (0, 1));
        assert!((late.clean_seconds - 1000.0).abs() < 1e-9);
    }
}
