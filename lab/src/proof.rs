//! The proof of recovery: what must be true before memory counts as given back.
//!
//! A falling RSS proves nothing, and neither does a restart. Three things are asked for: the
//! growth has stopped while the same load goes on; the allocator's bytes in use are back near
//! where they were before the leak; and a second dose of the load, as many requests as there
//! were from the injection to the flag, leaves next to nothing behind.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::quantity::{bytes, slope};

/// What still may be held, or may leak again, as a share of what leaked: small against any leak,
/// large against what a running service moves about.
const NEXT_TO_NOTHING: f64 = 0.1;
/// Heap readings that a level is the median of; one reading catches requests in flight.
const READINGS_PER_LEVEL: usize = 5;
/// Heap readings of the baseline that are kept.
const BASELINE_READINGS: usize = 25;

/// Requests, and by how much the heap grew over them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Dose {
    /// Completed requests.
    pub requests: u64,
    /// Growth of the allocator's bytes in use; absent without such a gauge.
    pub growth_bytes: Option<f64>,
}

/// The numbers of the proof.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Whether the detector says that the growth has stopped, on every signal that was flagged.
    pub growth_stopped: bool,
    /// Slope of the flagged signal when it was flagged.
    pub slope_before_per_second: Option<f64>,
    /// Upper end of its slope now.
    pub slope_after_high_per_second: Option<f64>,
    /// Heap in use before the injection.
    pub heap_baseline_bytes: Option<f64>,
    /// Heap in use just before the fix.
    pub heap_before_fix_bytes: Option<f64>,
    /// Heap in use now.
    pub heap_now_bytes: Option<f64>,
    /// From the injection to the flag.
    pub first_dose: Dose,
    /// The same number of requests from the fix on.
    pub second_dose: Dose,
}

/// One part of the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is proved.
    pub name: &'static str,
    /// Whether it holds.
    pub holds: bool,
    /// The numbers.
    pub numbers: String,
}

impl Proof {
    /// The three parts, in the order in which they come true.
    pub fn checks(&self) -> [Check; 3] {
        [self.growth_check(), self.heap_check(), self.dose_check()]
    }

    /// Whether memory has recovered.
    pub fn is_complete(&self) -> bool {
        self.checks().iter().all(|check| check.holds)
    }

    /// Whether the second dose has been given, and has left next to nothing.
    pub fn second_dose_is_harmless(&self) -> bool {
        self.dose_check().holds
    }

    fn growth_check(&self) -> Check {
        let told = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), slope);
        let numbers = format!(
            "{} before, at most {} now",
            told(self.slope_before_per_second),
            told(self.slope_after_high_per_second)
        );
        Check { name: "growth stopped", holds: self.growth_stopped, numbers }
    }

    fn heap_check(&self) -> Check {
        let name = "heap back";
        let (Some(baseline), Some(before), Some(now)) =
            (self.heap_baseline_bytes, self.heap_before_fix_bytes, self.heap_now_bytes)
        else {
            return Check {
                name,
                holds: false,
                numbers: "the service's metrics name no heap in use".to_owned(),
            };
        };
        let (leaked, left) = (before - baseline, now - baseline);
        let numbers = format!("{} of {} leaked still held", bytes(left.max(0.0)), bytes(leaked));
        Check { name, holds: leaked > 0.0 && left <= NEXT_TO_NOTHING * leaked, numbers }
    }

    fn dose_check(&self) -> Check {
        let name = "second dose";
        let (Some(first), Some(second)) =
            (self.first_dose.growth_bytes, self.second_dose.growth_bytes)
        else {
            let numbers =
                format!("{} of {} requests", self.second_dose.requests, self.first_dose.requests);
            return Check { name, holds: false, numbers };
        };
        let numbers = format!(
            "{} over {} requests, {} before",
            bytes(second),
            self.second_dose.requests,
            bytes(first)
        );
        Check { name, holds: first > 0.0 && second < NEXT_TO_NOTHING * first, numbers }
    }
}

/// Gathers the numbers as the drill goes on.
#[derive(Debug, Default)]
pub struct Gatherer {
    baseline: VecDeque<f64>,
    latest: VecDeque<f64>,
    requests_at_onset: u64,
    fixed: Option<Fixed>,
    proof: Proof,
}

/// Where the second dose begins.
#[derive(Debug)]
struct Fixed {
    requests: u64,
    readings: Vec<f64>,
}

impl Gatherer {
    /// A heap reading before the injection.
    pub fn note_baseline(&mut self, heap_bytes: Option<f64>) {
        push_bounded(&mut self.baseline, heap_bytes, BASELINE_READINGS);
    }

    /// The injection, after `requests` completed requests.
    pub fn note_onset(&mut self, requests: u64) {
        self.requests_at_onset = requests;
        self.proof.heap_baseline_bytes = median(self.baseline.iter().copied());
    }

    /// The flag.
    pub fn note_flag(&mut self, requests: u64, heap_bytes: Option<f64>, slope: Option<f64>) {
        let growth = heap_bytes.zip(self.proof.heap_baseline_bytes).map(|(now, base)| now - base);
        let requests = requests.saturating_sub(self.requests_at_onset);
        self.proof.first_dose = Dose { requests, growth_bytes: growth };
        self.proof.heap_before_fix_bytes = heap_bytes;
        self.proof.slope_before_per_second = slope;
    }

    /// The fix: the second dose begins.
    pub fn note_fix(&mut self, requests: u64) {
        self.fixed = Some(Fixed { requests, readings: Vec::new() });
        self.latest.clear();
    }

    /// A look at the process after the fix.
    pub fn note_look(&mut self, requests: u64, heap_bytes: Option<f64>) {
        push_bounded(&mut self.latest, heap_bytes, READINGS_PER_LEVEL);
        self.proof.heap_now_bytes = median(self.latest.iter().copied());
        let Some(fixed) = &mut self.fixed else { return };
        if fixed.readings.len() < READINGS_PER_LEVEL {
            fixed.readings.extend(heap_bytes);
        }
        if self.proof.second_dose.growth_bytes.is_some() {
            return;
        }
        self.proof.second_dose.requests = requests.saturating_sub(fixed.requests);
        if self.proof.second_dose.requests >= self.proof.first_dose.requests {
            let start = median(fixed.readings.iter().copied());
            let growth = self.proof.heap_now_bytes.zip(start).map(|(now, start)| now - start);
            self.proof.second_dose.growth_bytes = growth;
        }
    }

    /// What the detector says of the growth.
    pub fn note_growth(&mut self, stopped: bool, slope_high: Option<f64>) {
        self.proof.growth_stopped = stopped;
        self.proof.slope_after_high_per_second = slope_high;
    }

    /// The numbers so far.
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

fn push_bounded(readings: &mut VecDeque<f64>, reading: Option<f64>, bound: usize) {
    readings.extend(reading);
    while readings.len() > bound {
        readings.pop_front();
    }
}

fn median(readings: impl Iterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = readings.collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    /// 20 MiB at rest, 30 MiB leaked over 3000 requests, then `after` gives the heap from the fix
    /// on, per 100 requests.
    fn gathered(after: impl Fn(u64) -> f64) -> Proof {
        let mut gatherer = Gatherer::default();
        for _ in 0..30 {
            gatherer.note_baseline(Some(20.0 * MIB));
        }
        gatherer.note_onset(1000);
        gatherer.note_flag(4000, Some(50.0 * MIB), Some(2.0 * MIB));
        gatherer.note_fix(4010);
        gatherer.note_growth(true, Some(0.01 * MIB));
        for step in 1..=35 {
            gatherer.note_look(4010 + step * 100, Some(after(step)));
        }
        gatherer.proof().clone()
    }

    fn holding(proof: &Proof) -> [bool; 3] {
        proof.checks().map(|check| check.holds)
    }

    #[test]
    fn memory_given_back_and_a_harmless_second_dose_are_a_recovery() {
        let proof = gathered(|_| 20.5 * MIB);
        assert!(proof.is_complete(), "{proof:?}");
        assert_eq!(proof.second_dose.requests, 3000);
    }

    #[test]
    fn memory_that_is_kept_is_no_recovery() {
        assert_eq!(holding(&gathered(|_| 50.0 * MIB)), [true, false, true]);
    }

    #[test]
    fn memory_that_leaks_again_is_no_recovery() {
        let leaks_on = |step| 20.0 * MIB + step as f64 * MIB;
        assert_eq!(holding(&gathered(leaks_on)), [true, false, false]);
    }

    #[test]
    fn a_slow_second_leak_is_seen_before_the_heap_check_sees_it() {
        // The clear took 3 MiB more than the leak, so that the heap ends within 3 MiB of the baseline.
        let leaks_on = |step| (17.0 + step as f64 * 0.16) * MIB;
        assert_eq!(holding(&gathered(leaks_on)), [true, true, false]);
    }

    #[test]
    fn without_a_heap_gauge_nothing_is_proved() {
        let mut gatherer = Gatherer::default();
        gatherer.note_onset(0);
        gatherer.note_flag(10, None, Some(1.0));
        gatherer.note_fix(10);
        gatherer.note_growth(true, Some(0.0));
        gatherer.note_look(100, None);
        assert_eq!(holding(gatherer.proof()), [true, false, false]);
    }

    #[test]
    fn half_a_dose_proves_nothing() {
        let mut gatherer = Gatherer::default();
        gatherer.note_baseline(Some(MIB));
        gatherer.note_onset(0);
        gatherer.note_flag(100, Some(2.0 * MIB), Some(1.0));
        gatherer.note_fix(100);
        gatherer.note_growth(true, Some(0.0));
        gatherer.note_look(150, Some(MIB));
        assert_eq!(holding(gatherer.proof()), [true, true, false]);
        assert_eq!(gatherer.proof().checks()[2].numbers, "50 of 100 requests");
    }
}
