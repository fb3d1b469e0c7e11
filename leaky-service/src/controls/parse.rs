//! Reads the JSON body of a change; refuses what it does not know, or what cannot be, with
//! everything that would have been right, and tells all faults at once.

use std::time::Duration;

use serde_json::{Map, Value};

use super::value::{boolean, number, size, span, whole, whole_number};
use super::{Change, Fault, PER_SECOND, SHARE, SPAN};
use crate::endpoint::Endpoint;
use crate::pattern::{Facts, Parameter, Role, Unit};
use crate::payload::BYTES_PER_REQUEST;

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

/// Those of them that say which events touch it.
const OF_EVENTS: [&str; 3] = ["share", "per_second", "endpoint"];

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
            of_events if OF_EVENTS.contains(&of_events) && !has(facts, of_events) => {
                let error =
                    format!("{} goes by the clock, requests have no part in it", facts.name);
                return Err(Fault::new(error, format!("leave {of_events} out")));
            }
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
    let names: Vec<_> = NAMES.into_iter().filter(|name| has(facts, name)).chain(own).collect();
    let hint = format!("leave {name} out; there is {}", names.join(", "));
    Fault::new(format!("{} has no {name}", facts.name), hint)
}

/// Whether a setting that most patterns have means anything to this one.
fn has(facts: &Facts, name: &str) -> bool {
    match name {
        "patched" => facts.role == Role::Leak,
        of_events if OF_EVENTS.contains(&of_events) => facts.per_event.is_some(),
        _ => true,
    }
}

fn patched(facts: &Facts, value: &Value) -> Result<bool, Fault> {
    let patched = boolean("patched", value)?;
    if patched && !has(facts, "patched") {
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
            whole(name, whole_number(value).ok_or_else(wrong)?, range)
        }
        Unit::Bytes => whole(name, size(name, value)?, range),
        Unit::Milliseconds => {
            let range = Duration::from_millis(*range.start())..=Duration::from_millis(*range.end());
            span(name, value, &range).map(|span| span.as_millis() as u64)
        }
    }
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
        let with_a_point = json!({ "max_entries": 7.0, "bytes_per_request": 2048.0, "ramp": 0.0 });
        let own = parse("bounded_cache", &with_a_point).unwrap();
        assert_eq!((own.parameters, own.bytes_per_request), (vec![("max_entries", 7)], Some(2048)));
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
            ("batch", json!({ "share": 0.5 }), "by the clock"),
            ("step", json!({ "per_second": 5 }), "leave per_second out"),
            ("burst_retention", json!({ "endpoint": "/api/data" }), "leave endpoint out"),
        ];
        for (name, body, named) in cases {
            let faults = parse(name, &body).unwrap_err();
            assert_eq!(faults.len(), 1, "{body}");
            let said = format!("{}; {}", faults[0].error, faults[0].hint);
            assert!(said.contains(named), "'{named}' is not in {said}");
        }
    }

    #[test]
    fn what_is_unknown_is_refused_with_what_this_pattern_has() {
        for (name, expected) in [
            (
                "cache",
                "enabled, patched, bytes_per_request, share, per_second, start_after, ramp, endpoint",
            ),
            ("step", "enabled, bytes_per_request, start_after, ramp"),
        ] {
            let fault = parse(name, &json!({ "color": "red" })).unwrap_err().remove(0);
            let said = fault.hint.strip_prefix("leave color out; there is ").unwrap();
            // Those of its own come after them.
            assert!(
                said.starts_with(expected) && !said[expected.len()..].contains("share"),
                "{said}"
            );
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let body = json!({ "enabled": 1, "share": 2, "ramp": "x", "color": "red" });
        assert_eq!(parse("cache", &body).unwrap_err().len(), 4);
    }
}
