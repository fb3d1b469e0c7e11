//! One run of an entity, from a start to a restart: every series of it on one grid of blocks.

use std::collections::BTreeMap;

use crate::blocks::{BLOCKS_PER_SPAN, Blocks};
use crate::track::{Surroundings, Track};
use crate::{Assessment, Observation, Settings, Signal, reason, stats};

/// Shortest growth that is called a leak by default: ten minutes, for caches of services fill in
/// minutes, or 48 samples if those take longer.
const DEFAULT_CONFIRM_SECONDS: f64 = 600.0;
const DEFAULT_CONFIRM_SAMPLES: f64 = 48.0;

/// Gauges that are compared with the memory; what an entity has beyond these is passed over.
const MOST_GAUGES: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    settings: Settings,
    /// Zero of the segment's own time, on the clock of the observations.
    origin_seconds: f64,
    width_seconds: f64,
    confirm_seconds: f64,
    signals: BTreeMap<Signal, Blocks>,
    requests: Option<Blocks>,
    gauges: BTreeMap<String, Blocks>,
    tracks: BTreeMap<Signal, Track>,
    /// Why a signal is undecided that has only just begun.
    beginning: String,
}

impl Segment {
    /// A segment for observations such as these `first` ones, which tell the sampling interval.
    pub(crate) fn new(first: &[Observation], settings: &Settings) -> Self {
        let gaps = first.windows(2).map(|pair| pair[1].t_seconds - pair[0].t_seconds);
        let interval = stats::median(&mut gaps.collect::<Vec<f64>>()).unwrap_or(1.0);
        let default = DEFAULT_CONFIRM_SECONDS.max(DEFAULT_CONFIRM_SAMPLES * interval);
        let confirm_seconds = settings.confirm_seconds.unwrap_or(default);
        Self {
            settings: settings.clone(),
            origin_seconds: first.first().map_or(0.0, |observation| observation.t_seconds),
            width_seconds: (confirm_seconds / BLOCKS_PER_SPAN as f64).max(interval),
            confirm_seconds,
            signals: BTreeMap::new(),
            requests: None,
            gauges: BTreeMap::new(),
            tracks: BTreeMap::new(),
            beginning: reason::nothing_seen(),
        }
    }

    /// The segment after a restart at `t_seconds`: the same signals, and nothing known of them.
    pub(crate) fn restarted(&self, t_seconds: f64) -> Self {
        let beginning = reason::restarted(t_seconds);
        let begin = |&signal: &Signal| (signal, Track::new(signal, 0.0, beginning.clone()));
        Self {
            origin_seconds: t_seconds,
            signals: BTreeMap::new(),
            requests: None,
            gauges: BTreeMap::new(),
            tracks: self.tracks.keys().map(begin).collect(),
            beginning: beginning.clone(),
            ..self.clone()
        }
    }

    /// Takes in an observation; an assessment for each signal whose state changed.
    pub(crate) fn take(&mut self, observation: &Observation) -> Vec<Assessment> {
        let t_seconds = observation.t_seconds - self.origin_seconds;
        let closed = self.record(t_seconds, observation);
        let around = Surroundings {
            heap: self.signals.get(&Signal::HeapBytes),
            requests: self.requests.as_ref(),
            gauges: &self.gauges,
            confirm_seconds: self.confirm_seconds,
        };
        let mut changes = Vec::new();
        for (signal, track) in &mut self.tracks {
            let (Some(blocks), Some(&closed)) = (self.signals.get(signal), closed.get(signal))
            else {
                continue;
            };
            if closed > 0 && track.judge(blocks, closed, &around) {
                let limit = self.settings.limit_of(*signal);
                changes.push(track.assess(t_seconds, blocks, limit));
            }
        }
        changes.into_iter().map(|change| self.on_outer_clock(change)).collect()
    }

    pub(crate) fn note_fix(&mut self, t_seconds: f64) {
        for track in self.tracks.values_mut() {
            track.note_fix(t_seconds - self.origin_seconds);
        }
    }

    /// The present judgement of every judged signal.
    pub(crate) fn current(&self, t_seconds: f64) -> Vec<Assessment> {
        let empty = Blocks::new(self.width_seconds);
        let line = |(signal, track): (&Signal, &Track)| {
            let blocks = self.signals.get(signal).unwrap_or(&empty);
            let own_seconds = t_seconds - self.origin_seconds;
            let limit = self.settings.limit_of(*signal);
            self.on_outer_clock(track.assess(own_seconds, blocks, limit))
        };
        self.tracks.iter().map(line).collect()
    }

    /// Ends the segment; the signals whose state changed by that.
    pub(crate) fn finish(&mut self) -> Vec<Signal> {
        let ended = self.tracks.iter_mut().filter_map(|(s, track)| track.finish().then_some(*s));
        ended.collect()
    }

    fn on_outer_clock(&self, mut assessment: Assessment) -> Assessment {
        assessment.t_seconds += self.origin_seconds;
        assessment.onset_seconds = assessment.onset_seconds.map(|t| t + self.origin_seconds);
        assessment
    }

    /// Puts every number of the observation into its series; how many levels each signal closed.
    fn record(&mut self, t: f64, observation: &Observation) -> BTreeMap<Signal, usize> {
        let width = self.width_seconds;
        let judged: Vec<Signal> = self.settings.judged(observation).collect();
        for signal in judged {
            self.track(signal, t);
        }
        if self.signals.contains_key(&Signal::RssAnonBytes) && self.settings.signals.is_empty() {
            self.tracks.remove(&Signal::RssBytes);
        }
        if let Some(requests) = observation.requests_total {
            self.requests.get_or_insert_with(|| Blocks::new(width)).push(t, requests);
        }
        for (name, &value) in &observation.gauges {
            if let Some(gauge) = self.gauges.get_mut(name) {
                gauge.push(t, value);
            } else if self.gauges.len() < MOST_GAUGES {
                self.gauges.entry(name.clone()).or_insert(Blocks::new(width)).push(t, value);
            }
        }
        let signals = observation.signals.iter();
        let push = |(&signal, &value): (&Signal, &f64)| {
            let blocks = self.signals.entry(signal).or_insert_with(|| Blocks::new(width));
            (signal, blocks.push(t, value))
        };
        signals.map(push).collect()
    }

    fn track(&mut self, signal: Signal, t_seconds: f64) {
        let new = || Track::new(signal, t_seconds, self.beginning.clone());
        self.tracks.entry(signal).or_insert_with(new);
    }
}
