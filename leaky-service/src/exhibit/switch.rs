//! The switch of a pattern: how it is set, since when, and which events are due under it.

use std::time::{Duration, Instant, SystemTime};

use crate::controls::Controls;
use crate::dose::Dose;
use crate::pattern::{Facts, Parameter};

/// Its controls and parameters, and what of its dose has been dealt out.
pub struct Switch {
    pub controls: Controls,
    pub parameters: Vec<(&'static str, u64)>,
    /// When it was last enabled, by both clocks.
    pub since: Option<(Instant, SystemTime)>,
    pub dose: Dose,
}

impl Switch {
    /// Off, with every parameter at its default.
    pub fn off(facts: &Facts, bytes_per_request: usize) -> Self {
        let default = |parameter: &Parameter| (parameter.name, parameter.default);
        Self {
            controls: Controls::off(bytes_per_request),
            parameters: facts.parameters.iter().map(default).collect(),
            since: None,
            dose: Dose::default(),
        }
    }

    /// Time since the pattern was enabled; zero while it is off.
    pub fn elapsed(&self, now: Instant) -> Duration {
        let since = self.since.filter(|_| self.controls.enabled);
        since.map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(since))
    }

    /// The part of the full dose that is due now, 0 to 1; 0 while it is off.
    pub fn fraction(&self, now: Instant) -> f64 {
        if !self.controls.enabled {
            return 0.0;
        }
        self.controls.schedule.fraction(self.elapsed(now))
    }

    /// Takes over changed controls; the dose counts from now on.
    pub fn change_to(&mut self, controls: Controls) {
        let before = std::mem::replace(&mut self.controls, controls);
        let now = Instant::now();
        if controls.enabled && !before.enabled {
            self.since = Some((now, SystemTime::now()));
            self.dose = Dose::default();
        } else if !controls.has_dose_of(&before) {
            self.dose.restart(self.elapsed(now));
        }
    }

    /// Takes over changed parameters; of one that is named twice, the last value.
    pub fn set_parameters(&mut self, given: &[(&'static str, u64)]) {
        for (name, value) in &mut self.parameters {
            let last = given.iter().rev().find(|(given, _)| given == name);
            *value = last.map_or(*value, |(_, value)| *value);
        }
    }
}
