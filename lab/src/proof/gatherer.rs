//! Gathers the numbers of the proof as the drill goes on, of every signal alike: which of them
//! count is known only when they are flagged.

use std::collections::{BTreeMap, VecDeque};

use detector::Signal;

use super::{Level, Proof};
use crate::stats;

/// Readings that a level is the median of; one reading catches requests in flight.
const READINGS_PER_LEVEL: usize = 5;
/// Readings of the baseline that are kept.
const BASELINE_READINGS: usize = 25;
/// The part of a growth of resident memory that the allocator must have seen to stand for it.
const SEEN_BY_HEAP: f64 = 0.1;

/// What was read of the process at one look.
type Readings = BTreeMap<Signal, f64>;

/// Gathers the numbers.
#[derive(Debug, Default)]
pub struct Gatherer {
    tracks: BTreeMap<Signal, Track>,
    requests_at_onset: u64,
    requests_at_fix: Option<u64>,
    proof: Proof,
}

/// One signal all along.
#[derive(Debug, Default)]
struct Track {
    before_onset: VecDeque<f64>,
    baseline: Option<f64>,
    latest: VecDeque<f64>,
    highest: Option<f64>,
    before_fix: Option<f64>,
    after_fix: Vec<f64>,
    second_dose_growth: Option<f64>,
}

impl Track {
    fn now(&self) -> Option<f64> {
        median(self.latest.iter().copied())
    }

    fn rise(&self) -> Option<f64> {
        Some(self.before_fix.or_else(|| self.latest.back().copied())? - self.baseline?)
    }

    fn level(&self, signal: Signal) -> Level {
        Level {
            signal,
            baseline: self.baseline,
            before_fix: self.before_fix,
            now: self.now(),
            second_dose_growth: self.second_dose_growth,
        }
    }
}

impl Gatherer {
    /// What was read before the injection.
    pub fn note_baseline(&mut self, readings: &Readings) {
        for (signal, value) in readings {
            let track = self.tracks.entry(*signal).or_default();
            push_bounded(&mut track.before_onset, *value, BASELINE_READINGS);
        }
    }

    /// The injection, after `requests` requests.
    pub fn note_onset(&mut self, requests: u64) {
        self.requests_at_onset = requests;
        for track in self.tracks.values_mut() {
            track.baseline = median(track.before_onset.iter().copied());
        }
    }

    /// The flag, on `signal`, after `requests` requests.
    pub fn note_flag(&mut self, requests: u64, signal: Signal, slope: Option<f64>) {
        self.proof.first_dose_requests = requests.saturating_sub(self.requests_at_onset);
        self.proof.flagged = Some(signal);
        self.proof.slope_before_per_second = slope;
    }

    /// The fix, after `requests` requests: the second dose begins.
    pub fn note_fix(&mut self, requests: u64) {
        self.requests_at_fix = Some(requests);
        for track in self.tracks.values_mut() {
            track.before_fix = track.latest.back().copied();
            track.latest.clear();
        }
    }

    /// A look at the process after the injection.
    pub fn note_look(&mut self, requests: u64, readings: &Readings) {
        let fixed = self.requests_at_fix;
        let dose = requests.saturating_sub(fixed.unwrap_or(requests));
        let is_given = fixed.is_some() && dose >= self.proof.first_dose_requests;
        for (signal, value) in readings {
            let track = self.tracks.entry(*signal).or_default();
            push_bounded(&mut track.latest, *value, READINGS_PER_LEVEL);
            track.highest = Some(track.highest.unwrap_or(*value).max(*value));
            if fixed.is_some() && track.after_fix.len() < READINGS_PER_LEVEL {
                track.after_fix.push(*value);
            }
            if is_given && track.second_dose_growth.is_none() {
                let start = median(track.after_fix.iter().copied());
                track.second_dose_growth = track.now().zip(start).map(|(now, start)| now - start);
            }
        }
        if self.proof.second_dose_requests < self.proof.first_dose_requests {
            self.proof.second_dose_requests = dose;
        }
    }

    /// What the detector says of the growth.
    pub fn note_growth(&mut self, stopped: bool, slope_high: Option<f64>) {
        self.proof.growth_stopped = stopped;
        self.proof.slope_after_high_per_second = slope_high;
    }

    /// By how much `signal` rose from the baseline to the fix, or until now.
    pub fn rise(&self, signal: Signal) -> Option<f64> {
        self.tracks.get(&signal)?.rise()
    }

    /// By how much `signal` rose at most since the injection.
    pub fn highest_rise(&self, signal: Signal) -> Option<f64> {
        let track = self.tracks.get(&signal)?;
        Some(track.highest? - track.baseline?)
    }

    /// Where `signal` stood before the injection.
    pub fn baseline(&self, signal: Signal) -> Option<f64> {
        self.tracks.get(&signal)?.baseline
    }

    /// The numbers so far, of the signals that were `flagged`.
    pub fn proof(&self, flagged: impl Iterator<Item = Signal>) -> Proof {
        let mut levels: Vec<Level> = Vec::new();
        for signal in flagged.map(|signal| self.level_of(signal)) {
            let Some(track) = self.tracks.get(&signal) else { continue };
            if levels.iter().all(|level| level.signal != signal) {
                levels.push(track.level(signal));
            }
        }
        Proof { levels, ..self.proof.clone() }
    }

    /// The signal whose level stands for a growth that was flagged on `flagged`.
    fn level_of(&self, flagged: Signal) -> Signal {
        let heap = self.rise(Signal::HeapBytes).unwrap_or(0.0);
        let saw_it = self.rise(flagged).is_none_or(|rise| heap >= SEEN_BY_HEAP * rise);
        if flagged.is_bytes() && saw_it { Signal::HeapBytes } else { flagged }
    }
}

fn push_bounded(readings: &mut VecDeque<f64>, reading: f64, bound: usize) {
    readings.push_back(reading);
    while readings.len() > bound {
        readings.pop_front();
    }
}

fn median(readings: impl Iterator<Item = f64>) -> Option<f64> {
    stats::median(&mut readings.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: f64 = 1024.0 * 1024.0;

    fn memory(heap_bytes: f64) -> Readings {
        let rss_bytes = heap_bytes + 5.0 * MIB;
        [(Signal::HeapBytes, heap_bytes), (Signal::RssAnonBytes, rss_bytes)].into()
    }

    /// 20 MiB at rest, 30 MiB leaked over 3000 requests, then `after` gives what is read from
    /// the fix on, per 100 requests.
    fn gathered(steps: u64, after: impl Fn(u64) -> Readings) -> Gatherer {
        let mut gatherer = Gatherer::default();
        for _ in 0..30 {
            gatherer.note_baseline(&memory(20.0 * MIB));
        }
        gatherer.note_onset(1000);
        gatherer.note_look(4000, &memory(50.0 * MIB));
        gatherer.note_flag(4000, Signal::RssAnonBytes, Some(2.0 * MIB));
        gatherer.note_fix(4010);
        gatherer.note_growth(true, Some(0.01 * MIB));
        for step in 1..=steps {
            gatherer.note_look(4010 + step * 100, &after(step));
        }
        gatherer
    }

    fn proof(gatherer: &Gatherer) -> Proof {
        gatherer.proof([Signal::RssAnonBytes].into_iter())
    }

    fn holding(proof: &Proof) -> Vec<bool> {
        proof.checks().iter().map(|check| check.holds).collect()
    }

    #[test]
    fn memory_given_back_and_a_harmless_second_dose_are_a_recovery() {
        let proof = proof(&gathered(35, |_| memory(20.5 * MIB)));
        assert!(proof.is_complete(), "{proof:?}");
        assert_eq!(proof.second_dose_requests, 3000);
        assert_eq!(proof.levels[0].signal, Signal::HeapBytes, "which is exact");
    }

    #[test]
    fn memory_that_is_kept_is_no_recovery() {
        let proof = proof(&gathered(35, |_| memory(50.0 * MIB)));
        assert_eq!(holding(&proof), [true, false, true]);
        assert!(proof.second_dose_is_harmless());
    }

    #[test]
    fn memory_that_leaks_again_is_no_recovery() {
        let leaks_on = |step| memory((20.0 + step as f64) * MIB);
        assert_eq!(holding(&proof(&gathered(35, leaks_on))), [true, false, false]);
    }

    #[test]
    fn a_slow_second_leak_is_seen_before_the_level_shows_it() {
        // The clear took 3 MiB more than the leak, so that the heap ends within 3 MiB of the baseline.
        let leaks_on = |step| memory((17.0 + step as f64 * 0.16) * MIB);
        assert_eq!(holding(&proof(&gathered(35, leaks_on))), [true, true, false]);
    }

    #[test]
    fn half_a_dose_proves_nothing() {
        let proof = proof(&gathered(15, |_| memory(20.0 * MIB)));
        assert_eq!(holding(&proof), [true, true, false]);
        assert_eq!(proof.checks()[2].numbers, "1500 of 3000 requests");
    }

    #[test]
    fn what_the_heap_did_not_see_is_proved_by_resident_memory() {
        let native = |rss: f64| -> Readings {
            [(Signal::HeapBytes, 20.0 * MIB), (Signal::RssAnonBytes, rss * MIB)].into()
        };
        for (left, holds) in [(25.5, true), (40.0, false)] {
            let mut gatherer = Gatherer::default();
            gatherer.note_baseline(&native(25.0));
            gatherer.note_onset(0);
            gatherer.note_look(100, &native(55.0));
            gatherer.note_flag(100, Signal::RssAnonBytes, None);
            gatherer.note_fix(100);
            gatherer.note_look(250, &native(left));
            let proof = proof(&gatherer);
            assert_eq!(proof.levels[0].signal, Signal::RssAnonBytes);
            assert_eq!(holding(&proof)[1], holds);
        }
    }

    #[test]
    fn every_signal_that_was_flagged_has_to_be_back() {
        let read = |fds: f64, heap: f64| -> Readings {
            [(Signal::Fds, fds), (Signal::HeapBytes, heap)].into()
        };
        let mut gatherer = Gatherer::default();
        gatherer.note_baseline(&read(20.0, MIB));
        gatherer.note_onset(0);
        gatherer.note_look(100, &read(300.0, 3.0 * MIB));
        gatherer.note_flag(100, Signal::Fds, Some(20.0));
        gatherer.note_fix(100);
        gatherer.note_growth(true, Some(0.1));
        gatherer.note_look(200, &read(150.0, MIB));
        let fds = gatherer.proof([Signal::Fds].into_iter());
        assert_eq!(fds.checks()[1].numbers, "130 fds of 280 fds leaked still held");
        let both = gatherer.proof([Signal::Fds, Signal::HeapBytes].into_iter());
        assert_eq!(holding(&both), [true, false, true, true, true]);
    }

    #[test]
    fn what_was_not_seen_proves_nothing() {
        let mut gatherer = Gatherer::default();
        gatherer.note_onset(0);
        gatherer.note_flag(10, Signal::RssAnonBytes, Some(1.0));
        gatherer.note_fix(10);
        gatherer.note_growth(true, Some(0.0));
        assert!(!proof(&gatherer).is_complete() && !proof(&gatherer).second_dose_is_harmless());
    }
}
