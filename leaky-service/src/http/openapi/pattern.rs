//! What can be set of a pattern, and what is told of its state: from its facts, with the ranges that
//! changes are checked against.

use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::schema::{
    amount, boolean, count, described, list, moment, nullable, object, one_of, reference, text,
};
use crate::catalogue::Catalogue;
use crate::controls::{PER_SECOND, SHARE, SPAN};
use crate::endpoint::Endpoint;
use crate::exhibit::Exhibit;
use crate::pattern::{Parameter, Unit};
use crate::payload::BYTES_PER_REQUEST;
use crate::resource::Resource;

/// The body of a change.
pub fn change(exhibit: &Exhibit) -> Value {
    let bytes = *BYTES_PER_REQUEST.start() as u64..=*BYTES_PER_REQUEST.end() as u64;
    let mut fields = vec![
        ("enabled?", described(boolean(), "switches it on or off; off keeps what is held")),
        ("bytes_per_request?", described(size(&bytes), "what an entry takes, from now on")),
        ("start_after?", described(span(&SPAN), "time after enabling before its dose begins")),
        ("ramp?", described(span(&SPAN), "how long the dose then rises to full")),
    ];
    if exhibit.facts().per_event.is_some() {
        fields.extend([
            ("share?", described(range(&SHARE), "the part of the requests that touch it")),
            ("per_second?", described(per_second(), "events per second; null or 0: by requests")),
            ("endpoint?", described(endpoint(), "whose requests touch it; null: all endpoints")),
        ]);
    }
    if exhibit.is_leak() {
        fields.push(("patched?", described(boolean(), "whether the correct code serves")));
    }
    let own = exhibit.facts().parameters.iter().map(|parameter| {
        let schema = described(value(parameter), parameter.description);
        (format!("{}?", parameter.name), schema)
    });
    let fields = fields.into_iter().map(|(name, schema)| (name.to_owned(), schema)).chain(own);
    let mut body = object(fields);
    body["minProperties"] = json!(1);
    body
}

/// The states of all patterns, by the names that [`state_name`] gives them.
pub fn states(catalogue: &Catalogue) -> Value {
    let states = catalogue.exhibits().iter();
    let state = |exhibit| (state_name(exhibit), object(state_fields(exhibit)));
    Value::Object(states.map(state).collect::<Map<_, _>>())
}

/// A pattern's state, as a reference.
pub fn state(exhibit: &Exhibit) -> Value {
    reference(&state_name(exhibit))
}

fn state_name(exhibit: &Exhibit) -> String {
    format!("{}_state", exhibit.facts().name)
}

/// What is told of a pattern's state.
pub fn state_fields(exhibit: &Exhibit) -> Vec<(String, Value)> {
    let facts = exhibit.facts();
    let controls = [
        ("enabled", boolean()),
        ("patched", boolean()),
        ("bytes_per_request", count()),
        ("share", range(&SHARE)),
        ("per_second", nullable(range(&PER_SECOND))),
        ("start_after", written_span()),
        ("ramp", written_span()),
        ("endpoint", endpoint()),
    ];
    let figures = [
        ("entries", described(count(), "things kept")),
        (exhibit.names().count_field, count()),
        ("estimated_size_mb", described(amount(), "held_bytes in MiB; exact, not estimated")),
        ("held_bytes", count()),
        ("measured_bytes_per_request", nullable(amount())),
        ("requests", described(count(), "requests, or events by time, that touched it")),
        ("failures", described(count(), "those of which nothing could be kept")),
        ("since", described(nullable(moment()), "when it was last enabled")),
        ("capped", described(boolean(), "whether it would keep more if a limit let it")),
        ("gauges", list(Some(2), text("of /metrics"))),
        ("signals", json!({ "type": "object", "additionalProperties": count() })),
    ];
    let evictions = exhibit.evictions().map(|_| ("evictions", count()));
    let named = controls.into_iter().chain(figures).chain(evictions);
    let own = facts.parameters.iter().map(|parameter| (parameter.name, written(parameter)));
    let named = named.chain(own).map(|(name, schema)| (name.to_owned(), schema));
    named.chain(outside_fields(facts.takes)).collect()
}

fn outside_fields(takes: &[Resource]) -> Vec<(String, Value)> {
    let mut fields = Vec::new();
    if takes.contains(&Resource::OutsideMemory) || takes.contains(&Resource::FileMemory) {
        fields.push(("outside_bytes".to_owned(), count()));
    }
    let counted: Vec<_> = takes.iter().filter(|resource| resource.is_counted()).collect();
    fields.extend(counted.iter().map(|resource| (format!("held_{}", resource.name()), count())));
    if !counted.is_empty() {
        fields.push(("held_count".to_owned(), count()));
        fields.push(("max_held_count".to_owned(), nullable(count())));
    }
    fields
}

/// A value of one of a pattern's own parameters, as a change takes it.
fn value(parameter: &Parameter) -> Value {
    let range = &parameter.range;
    match parameter.unit {
        Unit::Count => whole(range),
        Unit::Bytes => size(range),
        Unit::Milliseconds => {
            span(&(Duration::from_millis(*range.start())..=Duration::from_millis(*range.end())))
        }
    }
}

/// The same, as answers write it.
fn written(parameter: &Parameter) -> Value {
    match parameter.unit {
        Unit::Count | Unit::Bytes => whole(&parameter.range),
        Unit::Milliseconds => written_span(),
    }
}

/// A size: a number of bytes, or text with a unit.
fn size(range: &RangeInclusive<u64>) -> Value {
    json!({ "anyOf": [whole(range), {
        "type": "string", "format": "byte-size", "examples": ["1MiB"],
        "description": format!("with a unit, such as 10KiB; {} to {} bytes", range.start(), range.end()),
    }] })
}

/// A duration: text with a unit, or 0 where that is in the range.
pub fn span(range: &RangeInclusive<Duration>) -> Value {
    let written = |span: &Duration| humantime::format_duration(*span).to_string();
    let (from, to) = (written(range.start()), written(range.end()));
    let text = json!({
        "type": "string", "format": "time-span", "examples": [to],
        "description": format!("with a unit, such as 1m 30s; {from} to {to}"),
    });
    if range.contains(&Duration::ZERO) { json!({ "anyOf": [{ "const": 0 }, text] }) } else { text }
}

fn written_span() -> Value {
    json!({ "type": "string", "format": "time-span" })
}

fn per_second() -> Value {
    json!({ "anyOf": [range(&PER_SECOND), { "const": 0 }, { "type": "null" }] })
}

fn endpoint() -> Value {
    nullable(one_of(Endpoint::ALL.map(Endpoint::path)))
}

fn range(range: &RangeInclusive<f64>) -> Value {
    json!({ "type": "number", "minimum": range.start(), "maximum": range.end() })
}

/// A whole number within a range.
pub fn whole<T: Into<u64> + Copy>(range: &RangeInclusive<T>) -> Value {
    let (minimum, maximum): (u64, u64) = ((*range.start()).into(), (*range.end()).into());
    json!({ "type": "integer", "minimum": minimum, "maximum": maximum })
}
