//! One run of an entity, from a start to a restart: every series of it on one grid of blocks.

use std::collections::BTreeMap;

use crate::blocks::{BLOCKS_PER_SPAN, Blocks};
use crate::judge::Evidence;
use crate::track::{Surroundings, Track};
use crate::{Assessment, Observation, Settings, Signal, reason, stats};

/// How long growth that is not urgent must have lasted by default: twelve minutes, for caches of
/// services fill in minutes, or 96 samples if those take longer.
const DEFAULT_CONFIRM_SECONDS: f64 = 720.0;
const DEFAULT_CONFIRM_SAMPLES: f64 = 96.0;

/// The same for growth that no calm preceded, in samples: who samples every minute looks at what
/// takes hours, such as the flank of a day's load.
const DEFAULT_LONGEST_SAMPLES: f64 = 288.0;

/// Samples in a block where the time that a flag may take follows from the limit.
const SAMPLES_PER_BLOCK: f64 = 2.0;

/// Shortest evidence that is asked for by default, in blocks: a burst of load is shorter.
const SHORTEST_BLOCKS: f64 = 24.0;

/// Gauges that are compared with the memory; what an entity has beyond these is passed over.
const MOST_GAUGES: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Segment {
    settings: Settings,
    /// Zero of the segment's own time, on the clock of the observations.
    origin_seconds: f64,
    width_seconds: f64,
    evidence: Evidence,
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
        let usual_seconds = settings
            .confirm_seconds
            .unwrap_or(DEFAULT_CONFIRM_SECONDS.max(DEFAULT_CONFIRM_SAMPLES * interval));
        let longest_seconds = match settings.confirm_seconds {
            Some(by_hand) => by_hand,
            None => usual_seconds.max(DEFAULT_LONGEST_SAMPLES * interval),
        };
        let width_seconds = (usual_seconds / BLOCKS_PER_SPAN as f64).max(interval);
        let (width_seconds, shortest_seconds) =
            if settings.confirm_seconds.is_none() && settings.limit.is_some() {
                let narrow = (SAMPLES_PER_BLOCK * interval).min(width_seconds);
                (narrow, SHORTEST_BLOCKS * narrow)
            } else {
                (width_seconds, usual_seconds)
            };
        Self {
            settings: settings.clone(),
            origin_seconds: first.first().map_or(0.0, |observation| observation.t_seconds),
            width_seconds,
            evidence: Evidence { shortest_seconds, usual_seconds, longest_seconds },
            signals: BTreeMap::new(),
            requests: None,
            gauges: BTreeMap::new(),
            tracks: BTreeMap::new(),
            beginning: reason::nothing_seen(),
        }
    }

    /// The segment after a restart at `t_seconds`: the same signals, and nothing known of them.
    pub(crate) fn restarted(&self, t_seconds: f64, beginning: &str) -> Self {
        let begin =
            |(&signal, track): (&Signal, &Track)| (signal, track.restarted(beginning.to_owned()));
        Self {
            origin_seconds: t_seconds,
            signals: BTreeMap::new(),
            requests: None,
            gauges: BTreeMap::new(),
            tracks: self.tracks.iter().map(begin).collect(),
            beginning: beginning.to_owned(),
            ..self.clone()
        }
    }

    /// How far back the widest level looks: after a longer gap nothing is left of what was.
    pub(crate) fn horizon_seconds(&self) -> f64 {
        Blocks::new(self.width_seconds).horizon_seconds()
    }

    /// Takes in an observation; an assessment for each signal whose state changed.
    pub(crate) fn take(&mut self, observation: &Observation) -> Vec<Assessment> {
        let t_seconds = observation.t_seconds - self.origin_seconds;
        let closed = self.record(t_seconds, observation);
        let mut changes = Vec::new();
        for (signal, track) in &mut self.tracks {
            let closed = closed[*signal as usize];
            let Some(blocks) = self.signals.get(signal).filter(|_| closed > 0) else {
                continue;
            };
            let limit = self.settings.limit_of(*signal);
            let around = Surroundings {
                heap: self.signals.get(&Signal::HeapBytes).filter(|_| signal.is_bytes()),
                requests: self.requests.as_ref(),
                gauges: &self.gauges,
                evidence: self.evidence,
                limit,
            };
            if track.judge(blocks, closed, &around) {
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
    fn record(&mut self, t: f64, observation: &Observation) -> [usize; Signal::ALL.len()] {
        let width = self.width_seconds;
        for signal in self.settings.judged(observation) {
            let new = || Track::new(signal, t, self.beginning.clone());
            self.tracks.entry(signal).or_insert_with(new);
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
        let mut closed = [0; Signal::ALL.len()];
        for (&signal, &value) in &observation.signals {
            let blocks = self.signals.entry(signal).or_insert_with(|| Blocks::new(width));
            closed[signal as usize] = blocks.push(t, value);
        }
        closed
    }
}
