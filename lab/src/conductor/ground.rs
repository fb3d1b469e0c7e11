//! Holds the truth that the service tells against what was injected: a drill whose truth is
//! wrong proves nothing about a detector.

use std::ops::RangeInclusive;

use detector::Signal;

use crate::drill::Drill;
use crate::event::{Truth, is_counted};
use crate::quantity::{amount, exact_bytes};

/// How far the truth may be from what was injected, as a share of it.
const TOLERANCE: f64 = 0.02;
/// Entries are exact from this size on; below, the tables that hold them are a larger part.
const EXACT_FROM_BYTES: f64 = 4096.0;
/// Descriptors, threads and tasks that come and go with the drill's own questions.
const OWN_COMING_AND_GOING: f64 = 5.0;

/// What is wrong with the `truth` of a leak, one sentence each. `requests` were over since the
/// injection, at least and at most; `rise` says by how much a signal rose, seen from outside.
pub(super) fn disagreements(
    drill: &Drill,
    requests: &RangeInclusive<u64>,
    truth: &Truth,
    rise: impl Fn(Signal) -> Option<f64>,
) -> Vec<String> {
    let name = &drill.target.name;
    let mut wrong = Vec::new();
    if truth.failures > 0 {
        wrong.push(format!("{name} could keep nothing of {} requests", truth.failures));
    }
    if truth.capped {
        wrong.push(format!("{name} has stopped at a limit of the service"));
    }
    wrong.extend(wrong_entries(drill, requests, truth));
    wrong.extend(wrong_size(drill, truth));
    let counted = truth.signals.iter().filter(|(signal, _)| is_counted(**signal));
    wrong.extend(counted.filter_map(|(signal, held)| {
        wrong_count(drill, *signal, truth.entries, (*held)?, rise(*signal)?)
    }));
    wrong
}

fn wrong_entries(drill: &Drill, requests: &RangeInclusive<u64>, truth: &Truth) -> Option<String> {
    let due = |requests: u64| requests as f64 * drill.leaking_share();
    let (least, most) = (due(*requests.start()), due(*requests.end()));
    // Which clients go away is left to chance: four standard deviations of their number.
    let aborts = drill.load.abort_share;
    let chance = 4.0 * (most * (1.0 - aborts)).sqrt() * f64::from(u8::from(aborts > 0.0));
    let entries = truth.entries as f64;
    let fits = (least * (1.0 - TOLERANCE) - chance - 1.0..=most * (1.0 + TOLERANCE) + chance + 1.0)
        .contains(&entries);
    (!fits).then(|| {
        let name = &drill.target.name;
        format!("{name} holds {entries} entries, of {least:.0} to {most:.0} that were injected")
    })
}

fn wrong_size(drill: &Drill, truth: &Truth) -> Option<String> {
    let (asked, measured) = (drill.target.bytes_per_request? as f64, truth.bytes_per_request?);
    let fits = (measured - asked).abs() <= TOLERANCE * asked.max(EXACT_FROM_BYTES);
    (!fits).then(|| {
        let (name, asked) = (&drill.target.name, exact_bytes(asked));
        format!("{name} takes {} per entry, and {asked} were injected", exact_bytes(measured))
    })
}

/// The last look may be two intervals old; what an entry takes is the service's to say.
fn wrong_count(
    drill: &Drill,
    signal: Signal,
    entries: u64,
    held: f64,
    rise: f64,
) -> Option<String> {
    let per_second = drill.load.highest_rate_per_second() * drill.leaking_share();
    let per_entry = held / entries.max(1) as f64;
    let since_last_look = per_entry * per_second * 2.0 * drill.detector.every_seconds;
    let allowed = TOLERANCE * held
        + since_last_look
        + f64::from(drill.load.connections)
        + OWN_COMING_AND_GOING;
    ((held - rise).abs() > allowed).then(|| {
        let (name, held, rise) = (&drill.target.name, amount(signal, held), amount(signal, rise));
        format!("{name} says that it holds {held}, and the process has {rise} more than before")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drill::{Shipped, parse};

    fn wrong(name: &str, truth: &Truth, fds: f64) -> Vec<String> {
        let shipped = Shipped::find(name).expect("shipped");
        let drill = parse(&shipped.file(), shipped.text).expect("valid");
        let rise = |signal| (signal == Signal::Fds).then_some(fds);
        disagreements(&drill, &(2600..=2615), truth, rise)
    }

    fn truth(entries: u64, bytes_per_request: f64) -> Truth {
        Truth { entries, bytes_per_request: Some(bytes_per_request), ..Truth::default() }
    }

    #[test]
    fn a_truth_that_is_what_was_injected_stands() {
        for (entries, size) in [(2610, 10_240.0), (2549, 10_240.0), (2667, 10_440.0)] {
            assert_eq!(wrong("cache", &truth(entries, size), 0.0), [""; 0]);
        }
    }

    #[test]
    fn a_truth_that_is_off_by_more_than_two_percent_is_told() {
        let told = |entries, size| wrong("cache", &truth(entries, size), 0.0).join("; ");
        assert_eq!(
            told(2500, 10_240.0),
            "cache holds 2500 entries, of 2600 to 2615 that were injected"
        );
        assert_eq!(told(2610, 10_500.0), "cache takes 10500B per entry, and 10240B were injected");
        let capped = Truth { capped: true, failures: 3, ..truth(2610, 10_240.0) };
        assert_eq!(wrong("cache", &capped, 0.0).len(), 2);
    }

    #[test]
    fn what_has_a_size_of_its_own_is_not_held_against_the_size_that_was_asked_for() {
        // A thread takes its stack, whatever `bytes_per_request` says; a mapping takes that.
        let wrong_size = |name, entries| wrong(name, &truth(entries, 13_254.0), 0.0).join("; ");
        assert_eq!(wrong_size("threads", 260), "");
        assert!(wrong_size("mappings", 260).contains("takes 13254B per entry"));
    }

    #[test]
    fn what_came_since_the_last_look_is_reckoned_from_what_an_entry_takes_and_the_highest_rate() {
        let file = |swing: &str| {
            format!(
                "title: T\nhypothesis: H\ntarget: {{leak: files}}\nload: {{rate: 100/s{swing}}}\n\
                 detector: {{every: 1s}}\nexpect: {{flagged_within: 30s, recovered_within: 60s}}\n"
            )
        };
        let wrong = |swing: &str, held: f64, missing: f64| {
            let drill = parse("mine.yaml", &file(swing)).expect("valid");
            wrong_count(&drill, Signal::Fds, 1000, held, held - missing)
        };
        // Two looks of a second, at 100/s, and 2 % of what is held; a few come and go by themselves.
        assert_eq!(wrong("", 1000.0, 200.0), None, "one for each entry");
        assert!(wrong("", 1000.0, 300.0).is_some());
        assert_eq!(wrong("", 3000.0, 600.0), None, "three for each entry");
        assert_eq!(wrong(", swing: {to: 300/s, period: 8s}", 1000.0, 600.0), None);
    }

    #[test]
    fn things_that_are_counted_are_counted_from_outside() {
        let held = |fds| Truth { signals: [(Signal::Fds, Some(fds))].into(), ..truth(260, 64.0) };
        assert_eq!(wrong("files", &held(260.0), 255.0), [""; 0]);
        assert_eq!(wrong("files", &held(0.0), 15.0), [""; 0]);
        assert_eq!(
            wrong("files", &held(260.0), 130.0),
            ["files says that it holds 260 fds, and the process has 130 fds more than before"]
        );
    }
}
