//! Which signals are flagged, and since when: the detector's answers, compared from look to look.

use std::collections::BTreeMap;

use detector::{Assessment, Signal, State};

/// The latest answer on every signal, and those that were ever flagged.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    latest: BTreeMap<Signal, Assessment>,
    flagged: Vec<Signal>,
}

impl Alarms {
    /// Takes in the present answers, and returns those that have just become `leaking`.
    pub fn update(&mut self, answers: Vec<Assessment>) -> Vec<Assessment> {
        let mut raised = Vec::new();
        for answer in answers {
            let before = self.latest.get(&answer.signal).map(|before| before.state);
            if answer.state == State::Leaking && before != Some(State::Leaking) {
                raised.push(answer.clone());
            }
            self.latest.insert(answer.signal, answer);
        }
        raised
    }

    /// Counts `signal` among those whose recovery is asked for.
    pub fn follow(&mut self, signal: Signal) {
        if !self.flagged.contains(&signal) {
            self.flagged.push(signal);
        }
    }

    /// The signals that are followed, in the order in which they were flagged.
    pub fn flagged(&self) -> impl Iterator<Item = Signal> {
        self.flagged.iter().copied()
    }

    /// The latest answers on the signals that are followed.
    pub fn followed(&self) -> impl Iterator<Item = &Assessment> {
        self.flagged.iter().filter_map(|signal| self.latest.get(signal))
    }

    /// Whether every followed signal is in one of `states`.
    pub fn all_followed_are(&self, states: &[State]) -> bool {
        !self.flagged.is_empty() && self.followed().all(|answer| states.contains(&answer.state))
    }

    /// The latest answer on `signal`.
    pub fn on(&self, signal: Signal) -> Option<&Assessment> {
        self.latest.get(&signal)
    }

    /// The latest answer on every signal.
    pub fn all(&self) -> impl Iterator<Item = &Assessment> {
        self.latest.values()
    }
}
