//! Control of leaks and decoys: what there is, switching and sizing it, clearing it.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::{Body, Problem};
use super::status;
use super::turn::blocking;
use crate::catalogue::Catalogue;
use crate::controls::{Change, PER_SECOND, SHARE, SPAN};
use crate::endpoint::Endpoint;
use crate::exhibit::{Cleared, Exhibit, Names, NotCleared};
use crate::pattern::Parameter;
use crate::payload::BYTES_PER_REQUEST;
use crate::service::Service;
use crate::{heap, mebibytes};

/// Clears every leak and decoy.
pub const ALL: &str = "all";

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
            "kind": facts.role.name(),
            "role": facts.role.name(),
            "description": facts.description,
            "resource": facts.takes.first().map(|resource| resource.name()),
            "takes": facts.takes.iter().map(|resource| resource.name()).collect::<Vec<_>>(),
            "clearable": facts.unclearable.is_none(),
            "parameters": parameters(exhibit),
            "state": status::state(service.catalogue(), exhibit),
        })
    });
    Json(json!({ "catalogue": listed.collect::<Vec<_>>() }))
}

/// Switches or sizes one leak or decoy; what the body does not name stays as it is.
pub async fn change(
    State(service): State<Arc<Service>>,
    uri: Uri,
    Body(body): Body<Map<String, Value>>,
) -> Result<Json<Value>, Problem> {
    let catalogue = service.catalogue();
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let exhibit = catalogue.find(name).ok_or_else(|| Problem {
        status: StatusCode::NOT_FOUND,
        error: format!("there is no leak or decoy called '{name}'"),
        hint: format!("choose one of {}", catalogue.names()),
    })?;
    let change =
        Change::parse(exhibit.facts(), &body).map_err(|faults| Problem::faults(&faults))?;
    exhibit.apply(&change).map_err(|faults| Problem::contradiction(&faults))?;
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
        let hint = format!("choose {ALL} or one of {}", service.catalogue().names());
        return Err(Problem::bad_request(format!("there is no leak_type '{leak_type}'"), hint));
    }
    // Freeing a hundred thousand entries takes a while; requests go on meanwhile.
    let cleared = blocking(move || {
        let answer = clear_now(service.catalogue(), &leak_type);
        // What the frees left in this thread's cache would count as in use.
        heap::flush_thread_cache().map(|()| answer)
    });
    match cleared.await? {
        Ok(answer) => answer.map(Json),
        Err(error) => Err(Problem::internal(&error, status::HEAP_HINT)),
    }
}

fn clear_now(catalogue: &Catalogue, leak_type: &str) -> Result<Value, Problem> {
    let Some(exhibit) = catalogue.find(leak_type) else {
        return Ok(clear_all_now(catalogue));
    };
    let cleared = exhibit.clear().map_err(|error| Problem {
        status: StatusCode::CONFLICT,
        error: error.to_string(),
        hint: "only a restart gives it back; switch it off, or patch it, to stop its growth"
            .to_owned(),
    })?;
    let name = exhibit.facts().name;
    Ok(cleared_answer(name, &[(exhibit, cleared)], |names| names.removed_field))
}

/// Clears what can be cleared, and names what cannot.
fn clear_all_now(catalogue: &Catalogue) -> Value {
    let (mut cleared, mut not_cleared) = (Vec::new(), Vec::new());
    for (exhibit, outcome) in catalogue.clear_all() {
        match outcome {
            Ok(dropped) => cleared.push((exhibit, dropped)),
            Err(NotCleared { name, reason }) => {
                not_cleared.push(json!({ "leak": name, "reason": reason }));
            }
        }
    }
    let mut answer = cleared_answer(ALL, &cleared, |names| &names.removed_field_in_all);
    answer["not_cleared"] = json!(not_cleared);
    answer
}

fn cleared_answer(
    what: &str,
    cleared: &[(&Exhibit, Cleared)],
    field: impl Fn(&Names) -> &str,
) -> Value {
    let freed_bytes: u64 = cleared.iter().map(|(_, cleared)| cleared.freed_bytes).sum();
    let mut answer = Map::new();
    answer.insert("cleared".to_owned(), json!(what));
    answer.insert("freed_bytes".to_owned(), json!(freed_bytes));
    answer.insert("freed_mb".to_owned(), json!(mebibytes(freed_bytes as f64)));
    for (exhibit, cleared) in cleared {
        answer.insert(field(exhibit.names()).to_owned(), json!(cleared.count));
    }
    Value::Object(answer)
}

fn parameters(exhibit: &Exhibit) -> Value {
    let (controls, leak) = (exhibit.controls(), exhibit.is_leak());
    let span = |span: Duration| humantime::format_duration(span).to_string();
    let spans = |value| json!({ "value": span(value), "minimum": span(*SPAN.start()), "maximum": span(*SPAN.end()), "unit": "duration" });
    let mut parameters = json!({
        "enabled": { "value": controls.enabled },
        "bytes_per_request": {
            "value": controls.bytes_per_request,
            "minimum": BYTES_PER_REQUEST.start(),
            "maximum": BYTES_PER_REQUEST.end(),
            "unit": "bytes",
        },
        "start_after": spans(controls.schedule.start_after),
        "ramp": spans(controls.schedule.ramp),
    });
    if exhibit.facts().per_event.is_some() {
        parameters["share"] = json!({
            "value": controls.share,
            "minimum": SHARE.start(),
            "maximum": SHARE.end(),
            "unit": "part of the requests",
        });
        parameters["per_second"] = json!({
            "value": controls.per_second,
            "minimum": PER_SECOND.start(),
            "maximum": PER_SECOND.end(),
            "unit": "events per second; null goes by requests",
        });
        parameters["endpoint"] = json!({
            "value": controls.endpoint.map(Endpoint::path),
            "choices": Endpoint::ALL.map(Endpoint::path),
            "unit": "path; null for all of them",
        });
    }
    if leak {
        parameters["patched"] = json!({ "value": controls.patched });
    }
    for (parameter, (name, value)) in exhibit.facts().parameters.iter().zip(exhibit.parameters()) {
        parameters[name] = own_parameter(parameter, value);
    }
    parameters
}

fn own_parameter(parameter: &Parameter, value: u64) -> Value {
    json!({
        "value": parameter.written(value),
        "minimum": parameter.written(*parameter.range.start()),
        "maximum": parameter.written(*parameter.range.end()),
        "unit": parameter.unit.name(),
        "description": parameter.description,
    })
}
