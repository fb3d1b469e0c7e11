//! Watches one entity: takes observations in, gives assessments out.

use crate::{Assessment, BadObservation, Observation, Settings};

/// Judges every signal of one entity as observations arrive.
///
/// Memory is constant however long it watches.
#[derive(Clone, Debug)]
pub struct Watcher {
    settings: Settings,
}

impl Watcher {
    /// A watcher that has seen nothing.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Takes in one observation and returns an assessment for each signal whose state changed
    /// (the first judgement of a signal is a change).
    pub fn observe(&mut self, observation: &Observation) -> Result<Vec<Assessment>, BadObservation> {
        let _ = (observation, &self.settings);
        Ok(Vec::new())
    }

    /// Tells the watcher that somebody applied a fix at `t_seconds`, so that growth which stops
    /// afterwards is put down to it.
    pub fn note_fix(&mut self, t_seconds: f64) {
        let _ = t_seconds;
    }

    /// The present judgement of every signal seen so far, changed or not.
    pub fn current(&self) -> Vec<Assessment> {
        Vec::new()
    }

    /// Ends the watch: an assessment for every judged signal that has not been given one yet.
    pub fn finish(&mut self) -> Vec<Assessment> {
        Vec::new()
    }
}
