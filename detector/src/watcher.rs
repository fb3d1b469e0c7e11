//! Watches one entity: takes observations in, gives assessments out, and cuts at restarts.

use std::collections::BTreeSet;

use crate::observation::Seen;
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
    seen: Option<Seen>,
    segment: Option<Segment>,
    /// Signals that were given an assessment.
    told: BTreeSet<Signal>,
    /// Leaks that a restart cut off, while the new run cannot be judged.
    cut_off: Vec<Assessment>,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            held_back: Vec::new(),
            seen: None,
            segment: None,
            told: BTreeSet::new(),
            cut_off: Vec::new(),
        }
    }

    /// Takes in one observation and returns an assessment for each signal whose state changed
    /// (the first judgement of a signal is a change).
    pub fn observe(
        &mut self,
        observation: &Observation,
    ) -> Result<Vec<Assessment>, BadObservation> {
        observation.check(self.seen.map(|seen| seen.t_seconds))?;
        let mut changes = Vec::new();
        if let Some(why) = self.begins_anew(observation) {
            if self.seen.is_some_and(|seen| seen.restarted_by(observation)) {
                let leaks = self.current().into_iter().filter(|line| line.state == State::Leaking);
                self.cut_off.extend(leaks);
            }
            changes = self.restart(observation.t_seconds, &why);
        }
        self.seen = Some(self.seen.unwrap_or_default().and(observation));
        if let Some(segment) = &mut self.segment {
            changes.extend(segment.take(observation));
        } else {
            changes.extend(self.hold_back(observation));
        }
        self.told.extend(changes.iter().map(|assessment| assessment.signal));
        let judged = |line: &Assessment| !matches!(line.state, State::Undecided | State::Suspect);
        let judged: Vec<Signal> = changes.iter().filter(|l| judged(l)).map(|l| l.signal).collect();
        self.cut_off.retain(|line| !judged.contains(&line.signal));
        Ok(changes)
    }

    /// Leaks that were cut off by a restart, as they stood at their last observation, as long as no later run could be
    /// judged.
    pub fn cut_off(&self) -> &[Assessment] {
        &self.cut_off
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
        let Some(seen) = self.seen else {
            return Vec::new();
        };
        if let Some(segment) = &self.segment {
            return segment.current(seen.t_seconds);
        }
        let judged = self.held_back.iter().flat_map(|held| self.settings.judged(held));
        let judged: BTreeSet<Signal> = judged.collect();
        judged.into_iter().map(|signal| unseen(seen.t_seconds, signal)).collect()
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

    /// Why what was judged before `next` says nothing of what comes, if so.
    fn begins_anew(&self, next: &Observation) -> Option<String> {
        let seen = self.seen.filter(|_| !self.held_back.is_empty() || self.segment.is_some())?;
        let gap_seconds = next.t_seconds - seen.t_seconds;
        if seen.restarted_by(next) {
            Some(reason::restarted(next.t_seconds))
        } else if self.segment.as_ref().is_some_and(|s| gap_seconds > s.horizon_seconds()) {
            Some(reason::not_seen_for(gap_seconds))
        } else {
            None
        }
    }

    /// Begins a new segment.
    fn restart(&mut self, t_seconds: f64, why: &str) -> Vec<Assessment> {
        self.held_back.clear();
        let Some(segment) = &mut self.segment else {
            return Vec::new();
        };
        let judged = segment.current(t_seconds);
        *segment = segment.restarted(t_seconds, why);
        let known = judged.iter().filter(|line| line.state != State::Undecided);
        let known: BTreeSet<Signal> = known.map(|line| line.signal).collect();
        segment.current(t_seconds).into_iter().filter(|line| known.contains(&line.signal)).collect()
    }
}

fn unseen(t_seconds: f64, signal: Signal) -> Assessment {
    Assessment {
        t_seconds,
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
