//! How much of the way to the limit was left when the alarm came: an hour is soon for a leak that
//! takes a week, and too late for one that takes a minute.

use detector::Signal;

use crate::corpus::Trace;
use crate::corpus::truth::Leaked;

/// Samples before the onset whose median is where the way begins: enough to outvote a spike.
const BEFORE: usize = 9;

/// The share of the way from the onset to the limit that the leak has gone after so many seconds,
/// at its mean slope; 1 is the limit. None where slope or limit is unknown, or the leak is not of
/// memory, which alone has the limit.
pub fn gone(trace: &Trace, leak: &Leaked, after_seconds: f64) -> Option<f64> {
    let signal = *leak.signals.first()?;
    if !(signal.is_bytes() || signal == Signal::MemoryUsedPercent) {
        return None;
    }
    let room = trace.truth.limit? - level(trace, signal, leak.onset_seconds)?;
    let gone = leak.slope_per_second * after_seconds / room;
    (room > 0.0 && leak.slope_per_second > 0.0).then_some(gone)
}

/// The median of the last samples up to an instant, or the first sample if there are none.
fn level(trace: &Trace, signal: Signal, at: f64) -> Option<f64> {
    let of = |seen: &detector::Observation| {
        seen.signals.get(&signal).map(|value| (seen.t_seconds, *value))
    };
    let first = trace.observations.iter().find_map(of)?;
    let up_to = trace.observations.partition_point(|seen| seen.t_seconds <= at);
    let mut last: Vec<f64> = trace.observations[..up_to]
        .iter()
        .rev()
        .filter_map(of)
        .map(|(_, value)| value)
        .take(BEFORE)
        .collect();
    last.sort_by(f64::total_cmp);
    Some(last.get(last.len() / 2).copied().unwrap_or(first.1))
}

#[cfg(test)]
mod tests {
    use detector::Observation;

    use super::*;
    use crate::corpus::truth::Truth;

    #[test]
    fn the_way_begins_at_the_level_before_the_onset_and_ends_at_the_limit() {
        let seen = |t: u32| Observation {
            t_seconds: f64::from(t),
            signals: [(Signal::RssBytes, if t == 48 { 900.0 } else { 200.0 })].into(),
            ..Observation::default()
        };
        let leak = Leaked {
            signals: vec![Signal::RssBytes],
            onset_seconds: 50.0,
            slope_per_second: 4.0,
            ..Leaked::default()
        };
        let mut trace = Trace {
            name: "t".into(),
            truth: Truth { limit: Some(1_000.0), ..Truth::default() },
            observations: (0..100).map(seen).collect(),
        };
        // 4 a second for 50 seconds of 800; the spike before the onset is outvoted.
        assert_eq!(gone(&trace, &leak, 50.0), Some(0.25));
        assert_eq!(gone(&trace, &Leaked { onset_seconds: -1.0, ..leak.clone() }, 0.0), Some(0.0));
        let counted = Leaked { signals: vec![Signal::Fds], ..leak.clone() };
        assert_eq!(gone(&trace, &counted, 50.0), None);
        trace.truth.limit = None;
        assert_eq!(gone(&trace, &leak, 50.0), None);
    }
}
