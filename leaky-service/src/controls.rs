//! The controls of a pattern, the same for all: whether, how much, how often, when and where.
//!
//! [`Change::parse`] reads the body of a change and refuses what it does not know, or what cannot
//! be, with everything that would have been right; it reports all faults at once. Nothing is
//! applied here.

use std::ops::RangeInclusive;
use std::time::Duration;

use bytesize::ByteSize;
use serde_json::{Map, Value};

use crate::dose::Schedule;
use crate::endpoint::Endpoint;
use crate::pattern::{Facts, Parameter, Role, Unit};
use crate::payload::BYTES_PER_REQUEST;

/// What part of the requests may touch a pattern.
pub const SHARE: RangeInclusive<f64> = 1e-9..=1.0;

/// Events per second, for patterns that grow with time.
pub const PER_SECOND: RangeInclusive<f64> = 0.001..=10_000.0;

/// How long a pattern may wait before it begins, and how long it may take to reach its full dose.
pub const SPAN: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(30 * 24);

/// The names that every pattern's change may have.
const NAMES: [&str; 8] = [
    "enabled",
    "patched",
    "bytes_per_request",
    "share",
    "per_second",
    "start_after",
    "ramp",
    "endpoint",
];

/// How a pattern is switched and sized.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Controls {
    /// Whether anything touches it.
    pub enabled: bool,
    /// Whether the correct implementation serves from now on.
    pub patched: bool,
    /// What an entry takes, in bytes; within [`BYTES_PER_REQUEST`].
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
    /// Reads the change of a pattern from a JSON object; all faults at once.
    pub fn parse(facts: &Facts, body: &Map<String, Value>) -> Result<Self, Vec<Fault>> {
        if body.is_empty() {
            let hint = "send at least one setting, for example {\"enabled\": true}";
            return Err(vec![Fault::new("the body changes nothing", hint)]);
        }
        let mut change = Self::default();
        let read = |(name, value): (&String, &Value)| change.read(facts, name, value).err();
        let faults: Vec<_> = body.iter().filter_map(read).collect();
        if faults.is_empty() { Ok(change) } else { Err(faults) }
    }

    fn read(&mut self, facts: &Facts, name: &str, value: &Value) -> Result<(), Fault> {
        match name {
            "enabled" => self.enabled = Some(boolean(name, value)?),
            "patched" => self.patched = Some(patched(facts, value)?),
            "bytes_per_request" => self.bytes_per_request = Some(bytes_per_request(value)?),
            "share" => self.share = Some(number(name, value, &SHARE)?),
            "per_second" => self.per_second = Some(per_second(value)?),
            "start_after" => self.start_after = Some(span(name, value, &SPAN)?),
            "ramp" => self.ramp = Some(span(name, value, &SPAN)?),
            "endpoint" => self.endpoint = Some(endpoint(value)?),
            own => {
                let parameter = facts.parameters.iter().find(|parameter| parameter.name == own);
                let parameter = parameter.ok_or_else(|| unknown(facts, own))?;
                self.parameters.push((parameter.name, parameter_value(parameter, value)?));
            }
        }
        Ok(())
    }
}

fn unknown(facts: &Facts, name: &str) -> Fault {
    let own = facts.parameters.iter().map(|parameter| parameter.name);
    let names: Vec<_> = NAMES.into_iter().chain(own).collect();
    let hint = format!("leave {name} out; there is {}", names.join(", "));
    Fault::new(format!("{} has no {name}", facts.name), hint)
}

fn boolean(name: &str, value: &Value) -> Result<bool, Fault> {
    let wrong = || Fault::new(format!("{name} is {value}, expected a boolean"), "true or false");
    value.as_bool().ok_or_else(wrong)
}

fn patched(facts: &Facts, value: &Value) -> Result<bool, Fault> {
    let patched = boolean("patched", value)?;
    if patched && facts.role == Role::Decoy {
        let error = format!("{} is no leak: there is nothing to patch", facts.name);
        return Err(Fault::new(error, "leave patched out"));
    }
    Ok(patched)
}

fn bytes_per_request(value: &Value) -> Result<usize, Fault> {
    let range = *BYTES_PER_REQUEST.start() as u64..=*BYTES_PER_REQUEST.end() as u64;
    let bytes = size("bytes_per_request", value)?;
    whole("bytes_per_request", bytes, &range).map(|bytes| bytes as usize)
}

fn per_second(value: &Value) -> Result<Option<f64>, Fault> {
    if value.is_null() || value.as_f64() == Some(0.0) {
        return Ok(None);
    }
    number("per_second", value, &PER_SECOND).map(Some).map_err(|fault| {
        let hint = format!("{}; or 0 or null to go by requests", fault.hint);
        Fault { hint, ..fault }
    })
}

fn endpoint(value: &Value) -> Result<Option<Endpoint>, Fault> {
    if value.is_null() {
        return Ok(None);
    }
    let endpoint = value.as_str().and_then(Endpoint::at);
    endpoint.map(Some).ok_or_else(|| {
        let paths = Endpoint::ALL.map(Endpoint::path).join(", ");
        let hint = format!("choose one of {paths}, or null for all of them");
        Fault::new(format!("there is no endpoint {value}"), hint)
    })
}

fn parameter_value(parameter: &Parameter, value: &Value) -> Result<u64, Fault> {
    let (name, range) = (parameter.name, &parameter.range);
    match parameter.unit {
        Unit::Count => {
            let wrong = || {
                let hint = format!("choose between {} and {}", range.start(), range.end());
                Fault::new(format!("{name} is no whole number: {value}"), hint)
            };
            whole(name, value.as_u64().ok_or_else(wrong)?, range)
        }
        Unit::Bytes => whole(name, size(name, value)?, range),
        Unit::Milliseconds => {
            let range = Duration::from_millis(*range.start())..=Duration::from_millis(*range.end());
            span(name, value, &range).map(|span| span.as_millis() as u64)
        }
    }
}

/// A number of bytes, or text with a unit.
fn size(name: &str, value: &Value) -> Result<u64, Fault> {
    let parsed = match value {
        Value::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        number => number.as_u64(),
    };
    parsed.ok_or_else(|| {
        let hint = "give a number of bytes, or text with a unit such as \"10KiB\"";
        Fault::new(format!("{name} is no size: {value}"), hint)
    })
}

/// Text with a unit, or 0.
fn span(name: &str, value: &Value, range: &RangeInclusive<Duration>) -> Result<Duration, Fault> {
    let parsed = match value {
        Value::String(text) => humantime::parse_duration(text).ok(),
        number => (number.as_u64() == Some(0)).then_some(Duration::ZERO),
    };
    let parsed = parsed.ok_or_else(|| {
        Fault::new(format!("{name} is no duration: {value}"), "give text with a unit: \"90s\"")
    })?;
    let text = |span: &Duration| humantime::format_duration(*span);
    if range.contains(&parsed) {
        return Ok(parsed);
    }
    let hint = format!("choose between {} and {}", text(range.start()), text(range.end()));
    Err(Fault::new(format!("{name} is out of range: {}", text(&parsed)), hint))
}

fn number(name: &str, value: &Value, range: &RangeInclusive<f64>) -> Result<f64, Fault> {
    let hint = || format!("choose between {} and {}", range.start(), range.end());
    let number = value
        .as_f64()
        .ok_or_else(|| Fault::new(format!("{name} is {value}, expected a number"), hint()))?;
    if range.contains(&number) {
        return Ok(number);
    }
    Err(Fault::new(format!("{name} is out of range: {number}"), hint()))
}

fn whole(name: &str, value: u64, range: &RangeInclusive<u64>) -> Result<u64, Fault> {
    if range.contains(&value) {
        return Ok(value);
    }
    let hint = format!("choose between {} and {}", range.start(), range.end());
    Err(Fault::new(format!("{name} is out of range: {value}"), hint))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{decoy, leak};

    fn parse(name: &str, body: &Value) -> Result<Change, Vec<Fault>> {
        let facts = leak::ALL.iter().chain(decoy::ALL).find(|facts| facts.name == name).unwrap();
        Change::parse(facts, body.as_object().unwrap())
    }

    #[test]
    fn a_change_is_read_whole() {
        let body = json!({
            "enabled": true, "patched": true, "bytes_per_request": "20KiB", "share": 0.25,
            "per_second": null, "start_after": "90s", "ramp": "2m", "endpoint": "/api/search",
        });
        let expected = Change {
            enabled: Some(true),
            patched: Some(true),
            bytes_per_request: Some(20 << 10),
            share: Some(0.25),
            per_second: Some(None),
            start_after: Some(Duration::from_secs(90)),
            ramp: Some(Duration::from_mins(2)),
            endpoint: Some(Some(Endpoint::Search)),
            parameters: Vec::new(),
        };
        assert_eq!(parse("cache", &body).unwrap(), expected);
        let own = parse("bounded_cache", &json!({ "max_entries": 7 })).unwrap();
        assert_eq!(own.parameters, [("max_entries", 7)]);
    }

    #[test]
    fn what_cannot_be_is_refused_with_what_can() {
        let cases = [
            ("cache", json!({ "share": 0 }), "between 0.000000001 and 1"),
            ("cache", json!({ "share": 1.5 }), "between 0.000000001 and 1"),
            ("cache", json!({ "share": "half" }), "expected a number"),
            ("cache", json!({ "per_second": 20_000 }), "0 or null"),
            ("cache", json!({ "per_second": -1 }), "between 0.001 and 10000"),
            ("cache", json!({ "start_after": 5 }), "90s"),
            ("cache", json!({ "start_after": "31days" }), "between 0s and 30days"),
            ("cache", json!({ "ramp": "soon" }), "90s"),
            ("cache", json!({ "endpoint": "/health" }), "/api/orders"),
            ("cache", json!({ "endpoint": 3 }), "/api/orders"),
            ("cache", json!({ "patched": 1 }), "boolean"),
            ("cache", json!({ "max_entries": 1 }), "leave max_entries out"),
            ("bounded_cache", json!({ "max_entries": 0 }), "between 1 and 1000000"),
            ("bounded_cache", json!({ "max_entries": 1.5 }), "whole number"),
            ("bounded_cache", json!({ "patched": true }), "nothing to patch"),
        ];
        for (name, body, named) in cases {
            let faults = parse(name, &body).unwrap_err();
            assert_eq!(faults.len(), 1, "{body}");
            let said = format!("{}; {}", faults[0].error, faults[0].hint);
            assert!(said.contains(named), "'{named}' is not in {said}");
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let body = json!({ "enabled": 1, "share": 2, "ramp": "x", "color": "red" });
        assert_eq!(parse("cache", &body).unwrap_err().len(), 4);
    }

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
