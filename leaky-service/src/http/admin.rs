//! Control of leaks and decoys: what there is, switching and sizing it, clearing it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bytesize::ByteSize;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::{Body, Problem};
use super::status;
use crate::catalogue::{Catalogue, Change, Cleared, Exhibit};
use crate::decoy::MAX_ENTRIES;
use crate::pattern::Facts;
use crate::payload::BYTES_PER_REQUEST;
use crate::service::Service;
use crate::{heap, mebibytes};

/// Clears every leak and decoy.
const ALL: &str = "all";

/// The body of a change; what is not named stays as it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeBody {
    enabled: Option<bool>,
    /// A number of bytes, or text with a unit.
    bytes_per_request: Option<Value>,
    max_entries: Option<u64>,
}

/// The body of a clear.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClearBody {
    leak_type: Option<String>,
}

/// Everything on show, with its settings and their ranges.
pub async fn list(State(service): State<Arc<Service>>) -> Json<Value> {
    let exhibits = service.catalogue().exhibits().iter();
    let listed = exhibits.map(|exhibit| {
        let facts = exhibit.facts();
        json!({
            "name": facts.name,
            "kind": if exhibit.is_leak() { "leak" } else { "decoy" },
            "description": facts.description,
            "parameters": parameters(exhibit),
        })
    });
    Json(json!({ "catalogue": listed.collect::<Vec<_>>() }))
}

/// Switches or sizes one leak or decoy.
pub async fn change(
    State(service): State<Arc<Service>>,
    name: Result<Path<String>, PathRejection>,
    Body(body): Body<ChangeBody>,
) -> Result<Json<Value>, Problem> {
    let catalogue = service.catalogue();
    // A name that is not even text names nothing.
    let name = name.map_or_else(|_| String::new(), |Path(name)| name);
    let exhibit = catalogue.find(&name).ok_or_else(|| Problem {
        status: StatusCode::NOT_FOUND,
        error: format!("there is no leak or decoy called '{name}'"),
        hint: format!("choose one of {}", names(catalogue)),
    })?;
    exhibit.apply(&body.checked(exhibit)?);
    let mut answer = status::state(catalogue, exhibit);
    answer["leak"] = json!(exhibit.facts().name);
    answer["description"] = json!(exhibit.facts().description);
    Ok(Json(answer))
}

/// Drops what leaks and decoys hold: one of them, or all.
pub async fn clear(
    State(service): State<Arc<Service>>,
    Body(body): Body<ClearBody>,
) -> Result<Json<Value>, Problem> {
    let leak_type = body.leak_type.unwrap_or_else(|| ALL.to_owned());
    if leak_type != ALL && service.catalogue().find(&leak_type).is_none() {
        let hint = format!("choose {ALL} or one of {}", names(service.catalogue()));
        return Err(Problem::bad_request(format!("there is no leak_type '{leak_type}'"), hint));
    }
    // Freeing a hundred thousand entries takes a while; requests go on meanwhile.
    let cleared = tokio::task::spawn_blocking(move || {
        let answer = clear_now(service.catalogue(), &leak_type);
        // What the frees left in this thread's cache would count as in use.
        heap::flush_thread_cache().map(|()| answer)
    });
    match cleared.await {
        Ok(Ok(answer)) => Ok(Json(answer)),
        Ok(Err(error)) => Err(Problem::internal(&error, status::HEAP_HINT)),
        Err(error) => Err(Problem::internal(&error, "the clear did not finish; try again")),
    }
}

fn clear_now(catalogue: &Catalogue, leak_type: &str) -> Value {
    let Some(exhibit) = catalogue.find(leak_type) else {
        let cleared = catalogue.clear_all();
        return cleared_answer(ALL, &cleared, |facts| facts.removed_field_in_all);
    };
    let facts = exhibit.facts();
    cleared_answer(facts.name, &[(facts, exhibit.clear())], |facts| facts.removed_field)
}

fn cleared_answer(
    what: &str,
    cleared: &[(&'static Facts, Cleared)],
    field: impl Fn(&Facts) -> &'static str,
) -> Value {
    let freed_bytes: u64 = cleared.iter().map(|(_, cleared)| cleared.freed_bytes).sum();
    let mut answer = Map::new();
    answer.insert("cleared".to_owned(), json!(what));
    answer.insert("freed_bytes".to_owned(), json!(freed_bytes));
    answer.insert("freed_mb".to_owned(), json!(mebibytes(freed_bytes as f64)));
    for (facts, cleared) in cleared {
        answer.insert(field(facts).to_owned(), json!(cleared.count));
    }
    Value::Object(answer)
}

impl ChangeBody {
    /// The change it asks for, if that is possible for this exhibit.
    fn checked(&self, exhibit: &Exhibit) -> Result<Change, Problem> {
        if self.enabled.is_none() && self.bytes_per_request.is_none() && self.max_entries.is_none()
        {
            let hint = "send at least one setting, for example {\"enabled\": true}";
            return Err(Problem::bad_request("the body changes nothing", hint));
        }
        if self.max_entries.is_some() && exhibit.bound().is_none() {
            let error = format!("{} has no max_entries: nothing bounds it", exhibit.facts().name);
            return Err(Problem::bad_request(error, "leave max_entries out"));
        }
        let size = self.bytes_per_request.as_ref().map(parse_size).transpose()?;
        let within = |name, value: Option<u64>, range: &RangeInclusive<usize>| {
            value.map(|value| within(name, value, range)).transpose()
        };
        Ok(Change {
            enabled: self.enabled,
            bytes_per_request: within("bytes_per_request", size, &BYTES_PER_REQUEST)?,
            max_entries: within("max_entries", self.max_entries, &MAX_ENTRIES)?,
        })
    }
}

fn parse_size(value: &Value) -> Result<u64, Problem> {
    let parsed = match value {
        Value::String(text) => text.parse::<ByteSize>().ok().map(|size| size.as_u64()),
        number => number.as_u64(),
    };
    parsed.ok_or_else(|| {
        let hint = "give a number of bytes, or text with a unit such as \"10KiB\"";
        Problem::bad_request(format!("bytes_per_request is no size: {value}"), hint)
    })
}

fn within(name: &str, value: u64, range: &RangeInclusive<usize>) -> Result<usize, Problem> {
    let small = usize::try_from(value).ok().filter(|value| range.contains(value));
    small.ok_or_else(|| {
        let error = format!("{name} is out of range: {value}");
        let hint = format!("choose between {} and {}", range.start(), range.end());
        Problem::bad_request(error, hint)
    })
}

fn parameters(exhibit: &Exhibit) -> Value {
    let number = |value: usize, range: &RangeInclusive<usize>| json!({ "value": value, "minimum": range.start(), "maximum": range.end() });
    let mut parameters = json!({
        "enabled": { "value": exhibit.is_enabled() },
        "bytes_per_request": number(exhibit.bytes_per_request(), &BYTES_PER_REQUEST),
    });
    if let Some(bound) = exhibit.bound() {
        parameters["max_entries"] = number(bound.max_entries(), &MAX_ENTRIES);
    }
    parameters
}

fn names(catalogue: &Catalogue) -> String {
    let names: Vec<_> = catalogue.exhibits().iter().map(|exhibit| exhibit.facts().name).collect();
    names.join(", ")
}
