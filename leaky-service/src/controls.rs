//! The controls of a pattern, the same for all: whether, how much, how often, when and where.
//!
//! A change of them is read from JSON in the file below. Nothing is applied here.

mod parse;
mod value;

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::dose::Schedule;
use crate::endpoint::Endpoint;

/// What part of the requests may touch a pattern.
pub const SHARE: RangeInclusive<f64> = 1e-9..=1.0;

/// Events per second, for patterns that grow with time.
pub const PER_SECOND: RangeInclusive<f64> = 0.001..=10_000.0;

/// How long a pattern may wait before it begins, and how long it may take to reach its full dose.
pub const SPAN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(30 * 24);

/// How a pattern is switched and sized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// Whether anything touches it.
    pub enabled: bool,
    /// Whether the correct implementation serves from now on.
    pub patched: bool,
    /// What an entry takes, in bytes; within
    /// [`BYTES_PER_REQUEST`](crate::payload::BYTES_PER_REQUEST).
    pub bytes_per_request: usize,
    /// The part of the requests that touch it; within [`SHARE`].
    pub share: f64,
    /// Events per second that touch it instead of requests; within [`PER_SECOND`].
    pub per_second: Option<f64>,
    /// When its dose begins and how it rises.
    pub schedule: Schedule,
    /// The endpoint whose requests touch it; `None` for all endpoints.
    pub endpoint: Option<Endpoint>,
}

/// A change of controls; `None` leaves a control as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Switches the pattern on or off.
    pub enabled: Option<bool>,
    /// Switches between the defect and its fix.
    pub patched: Option<bool>,
    /// What an entry takes from now on, in bytes.
    pub bytes_per_request: Option<usize>,
    /// The part of the requests.
    pub share: Option<f64>,
    /// Events per second; `Some(None)` goes by requests again.
    pub per_second: Option<Option<f64>>,
    /// How long nothing happens after enabling.
    pub start_after: Option<Duration>,
    /// How long the dose rises.
    pub ramp: Option<Duration>,
    /// The endpoint; `Some(None)` for all endpoints.
    pub endpoint: Option<Option<Endpoint>>,
    /// Values of the pattern's own parameters.
    pub parameters: Vec<(&'static str, u64)>,
}

/// One thing that is wrong with a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What was wrong.
    pub error: String,
    /// What would have been right.
    pub hint: String,
}

impl Fault {
    fn new(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { error: error.into(), hint: hint.into() }
    }
}

impl Controls {
    /// Switched off, by request, at full dose, anywhere.
    pub fn off(bytes_per_request: usize) -> Self {
        Self {
            enabled: false,
            patched: false,
            bytes_per_request,
            share: 1.0,
            per_second: None,
            schedule: Schedule::default(),
            endpoint: None,
        }
    }

    /// These controls after a change, if they hold together then.
    pub fn changed(&self, change: &Change) -> Result<Self, Vec<Fault>> {
        let schedule = Schedule {
            start_after: change.start_after.unwrap_or(self.schedule.start_after),
            ramp: change.ramp.unwrap_or(self.schedule.ramp),
        };
        let controls = Self {
            enabled: change.enabled.unwrap_or(self.enabled),
            patched: change.patched.unwrap_or(self.patched),
            bytes_per_request: change.bytes_per_request.unwrap_or(self.bytes_per_request),
            share: change.share.unwrap_or(self.share),
            per_second: change.per_second.unwrap_or(self.per_second),
            schedule,
            endpoint: change.endpoint.unwrap_or(self.endpoint),
        };
        let faults = controls.contradictions();
        if faults.is_empty() { Ok(controls) } else { Err(faults) }
    }

    /// Whether both deal out events in the same way.
    pub(crate) fn has_dose_of(&self, other: &Self) -> bool {
        let dose = |controls: &Self| {
            (controls.share, controls.per_second, controls.schedule, controls.endpoint)
        };
        dose(self) == dose(other)
    }

    fn contradictions(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.per_second.is_some() && self.endpoint.is_some() {
            let error =
                "per_second and endpoint exclude each other: events by time have no endpoint";
            faults.push(Fault::new(error, "set per_second or endpoint to null"));
        }
        if self.per_second.is_some() && self.share < 1.0 {
            let error = "per_second and share exclude each other: a rate is no share of requests";
            faults.push(Fault::new(error, "set per_second to null or share to 1"));
        }
        faults
    }
}

impl Change {
    /// Switches on, and changes nothing else.
    pub const ON: Self = Self::switch(true);
    /// Switches off, and changes nothing else.
    pub const OFF: Self = Self::switch(false);

    const fn switch(enabled: bool) -> Self {
        Self {
            enabled: Some(enabled),
            patched: None,
            bytes_per_request: None,
            share: None,
            per_second: None,
            start_after: None,
            ramp: None,
            endpoint: None,
            parameters: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_must_hold_together() {
        let rate = Change { per_second: Some(Some(5.0)), ..Change::default() };
        let by_time = Controls::off(1024).changed(&rate).unwrap();
        let cases = [
            (Change { endpoint: Some(Some(Endpoint::Data)), ..Change::default() }, 1),
            (Change { share: Some(0.5), ..Change::default() }, 1),
            (
                Change {
                    share: Some(0.5),
                    endpoint: Some(Some(Endpoint::Data)),
                    ..Change::default()
                },
                2,
            ),
            (Change { share: Some(0.5), per_second: Some(None), ..Change::default() }, 0),
        ];
        for (change, faults) in cases {
            let found = by_time.changed(&change).err().map_or(0, |faults| faults.len());
            assert_eq!(found, faults, "{change:?}");
        }
    }
}
