//! Watches one entity: takes observations in, gives assessments out, and cuts at restarts.

use std::collections::BTreeSet;

use crate::segment::Segment;
use crate::{Assessment, BadObservation, Observation, Settings, Signal, State, reason};

/// Observations held back until the sampling interval is known.
const HELD_BACK: usize = 5;

/// Judges every signal of one entity as observations arrive.
///
/// Memory is constant however long it watches.
#[derive(Clone, Debug)]
pub struct Watcher {
    settings: Settings,
    held_back: Vec<Observation>,
    latest: Option<Observation>,
    segment: Option<Segment>,
    /// Signals that were given an assessment.
    told: BTreeSet<Signal>,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self { settings, held_back: Vec::new(), latest: None, segment: None, told: BTreeSet::new() }
    }

    /// Takes in one observation and returns an assessment for each signal whose state changed
    /// (the first judgement of a signal is a change).
    pub fn observe(
        &mut self,
        observation: &Observation,
    ) -> Result<Vec<Assessment>, BadObservation> {
        observation.check(self.latest.as_ref().map(|latest| latest.t_seconds))?;
        let mut changes = Vec::new();
        if self.latest.as_ref().is_some_and(|latest| latest.restarted_by(observation)) {
            changes = self.restart(observation.t_seconds);
        }
        self.latest = Some(observation.clone());
        if let Some(segment) = &mut self.segment {
            changes.extend(segment.take(observation));
        } else {
            changes.extend(self.hold_back(observation));
        }
        self.told.extend(changes.iter().map(|assessment| assessment.signal));
        Ok(changes)
    }

    /// Tells the watcher that somebody applied a fix at `t_seconds`, so that growth which stops
    /// afterwards is put down to it.
    pub fn note_fix(&mut self, t_seconds: f64) {
        if let Some(segment) = &mut self.segment {
            segment.note_fix(t_seconds);
        }
    }

    /// The present judgement of every signal seen so far, changed or not.
    pub fn current(&self) -> Vec<Assessment> {
        let Some(latest) = &self.latest else {
            return Vec::new();
        };
        match &self.segment {
            Some(segment) => segment.current(latest.t_seconds),
            None => self.settings.judged(latest).map(|signal| unseen(latest, signal)).collect(),
        }
    }

    /// Ends the watch: an assessment for every judged signal that has not been given one yet, and
    /// for each that was still suspected.
    pub fn finish(&mut self) -> Vec<Assessment> {
        let changed = self.segment.as_mut().map_or_else(Vec::new, Segment::finish);
        let mut last = self.current();
        last.retain(|line| changed.contains(&line.signal) || !self.told.contains(&line.signal));
        self.told.extend(last.iter().map(|assessment| assessment.signal));
        last
    }

    fn hold_back(&mut self, observation: &Observation) -> Vec<Assessment> {
        self.held_back.push(observation.clone());
        if self.held_back.len() < HELD_BACK {
            return Vec::new();
        }
        let mut segment = Segment::new(&self.held_back, &self.settings);
        let changes = self.held_back.drain(..).flat_map(|held| segment.take(&held)).collect();
        self.segment = Some(segment);
        changes
    }

    /// Begins a new segment: what was judged before the restart says nothing of what comes.
    fn restart(&mut self, t_seconds: f64) -> Vec<Assessment> {
        self.held_back.clear();
        let Some(segment) = &mut self.segment else {
            return Vec::new();
        };
        let judged = segment.current(t_seconds);
        *segment = segment.restarted(t_seconds);
        let known = judged.iter().filter(|line| line.state != State::Undecided);
        let known: BTreeSet<Signal> = known.map(|line| line.signal).collect();
        segment.current(t_seconds).into_iter().filter(|line| known.contains(&line.signal)).collect()
    }
}

fn unseen(latest: &Observation, signal: Signal) -> Assessment {
    Assessment {
        t_seconds: latest.t_seconds,
        signal,
        state: State::Undecided,
        slope_per_second: None,
        slope_low: None,
        slope_high: None,
        cause: None,
        reason: reason::too_few_samples(HELD_BACK),
        onset_seconds: None,
        eta_seconds: None,
        bytes_per_entry: None,
        bytes_per_request: None,
    }
}
