//! The state of leaks and decoys as JSON: the contract's fields, and what a machine needs beside.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::problem::Problem;
use crate::catalogue::Catalogue;
use crate::endpoint::Endpoint;
use crate::exhibit::Exhibit;
use crate::heap::HeapStats;
use crate::mebibytes;
use crate::process::{ProcessMemory, Resident};
use crate::resource::Resource;
use crate::service::Service;
use crate::tracker;

/// How everything stands.
pub async fn status(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    let catalogue = service.catalogue();
    let memory = read_memory()?;
    let heap = HeapStats::read().map_err(|error| Problem::internal(&error, HEAP_HINT))?;
    let growth_bytes =
        memory.rss_bytes.cast_signed() - service.growth().rss_at_start_bytes.cast_signed();
    Ok(Json(json!({
        "leaks": leaks(catalogue),
        "decoys": decoys(catalogue),
        "memory": {
            "rss_mb": mebibytes(memory.rss_bytes as f64),
            "vms_mb": mebibytes(memory.vms_bytes as f64),
            "growth_since_start_mb": mebibytes(growth_bytes as f64),
            "rss_bytes": memory.rss_bytes,
            "vms_bytes": memory.vms_bytes,
            "growth_since_start_bytes": growth_bytes,
            "allocator_in_use_bytes": heap.in_use_bytes,
            "held_outside_bytes": catalogue.outside().bytes,
            "resident": memory.resident,
            "parts": memory.resident.map(|resident| parts(resident, heap)),
            "retained_address_space_bytes": heap.retained_bytes,
        },
        "cap": {
            "held_bytes": catalogue.held_bytes(),
            "max_held_bytes": catalogue.limits().max_held_bytes,
            "capped": catalogue.exhibits().iter().any(Exhibit::is_capped),
        },
        "attribution": tracker::attribution(),
    })))
}

/// Where resident memory is; the parts add up to it. What the allocator says is resident is an
/// upper bound, so the remainder (stacks, foreign heaps, anonymous mappings) may be negative.
fn parts(resident: Resident, heap: HeapStats) -> Value {
    let signed = u64::cast_signed;
    json!({
        "allocator_in_use_bytes": heap.in_use_bytes,
        "allocator_slack_bytes": signed(heap.resident_bytes) - signed(heap.in_use_bytes),
        "file_bytes": resident.file_bytes,
        "shmem_bytes": resident.shmem_bytes,
        "remainder_bytes": signed(resident.anon_bytes) - signed(heap.resident_bytes),
    })
}

/// What to look at when the allocator does not answer.
pub const HEAP_HINT: &str = "another allocator than the service's own seems to be in use";

/// Reads this process's memory, or says why not.
pub fn read_memory() -> Result<ProcessMemory, Problem> {
    ProcessMemory::read().map_err(|error| Problem::internal(&error, "is /proc mounted here?"))
}

/// The state of every leak, by name.
pub fn leaks(catalogue: &Catalogue) -> Value {
    states(catalogue, Exhibit::is_leak)
}

fn decoys(catalogue: &Catalogue) -> Value {
    states(catalogue, |exhibit| !exhibit.is_leak())
}

fn states(catalogue: &Catalogue, wanted: impl Fn(&Exhibit) -> bool) -> Value {
    let exhibits = catalogue.exhibits().iter().filter(|exhibit| wanted(exhibit));
    let state = |exhibit: &Exhibit| (exhibit.facts().name.to_owned(), state(catalogue, exhibit));
    Value::Object(exhibits.map(state).collect::<Map<_, _>>())
}

/// The state of one exhibit. `gauges` are those of `/metrics` that follow it: the ground truth
/// for a detector that names causes. `signals` says how much of what a detector watches it holds:
/// the ground truth for an alarm.
pub fn state(catalogue: &Catalogue, exhibit: &Exhibit) -> Value {
    let (names, controls) = (exhibit.names(), exhibit.controls());
    let (count, held_bytes) = (exhibit.count(), exhibit.held_bytes());
    let mut state = json!({
        "enabled": controls.enabled,
        "entries": count,
        "estimated_size_mb": mebibytes(held_bytes as f64),
        "held_bytes": held_bytes,
        "bytes_per_request": controls.bytes_per_request,
        "measured_bytes_per_request": exhibit.measured_bytes_per_request(),
        "requests": exhibit.touched(),
        "failures": exhibit.failed(),
        "since": exhibit.since().map(|since| humantime::format_rfc3339_millis(since).to_string()),
        "share": controls.share,
        "per_second": controls.per_second,
        "start_after": humantime::format_duration(controls.schedule.start_after).to_string(),
        "ramp": humantime::format_duration(controls.schedule.ramp).to_string(),
        "endpoint": controls.endpoint.map(Endpoint::path),
        "capped": exhibit.is_capped(),
        "patched": controls.patched,
        "gauges": [names.count_gauge, names.bytes_gauge],
        "signals": exhibit.signals().into_iter().collect::<BTreeMap<_, _>>(),
    });
    state[names.count_field] = json!(count);
    add_outside(&mut state, catalogue, exhibit);
    for (parameter, (name, value)) in exhibit.facts().parameters.iter().zip(exhibit.parameters()) {
        state[name] = parameter.written(value);
    }
    if let Some(evictions) = exhibit.evictions() {
        state["evictions"] = json!(evictions);
    }
    state
}

/// What it holds that its account cannot see, where it takes such things.
fn add_outside(state: &mut Value, catalogue: &Catalogue, exhibit: &Exhibit) {
    let (takes, outside) = (exhibit.facts().takes, exhibit.outside());
    if takes.contains(&Resource::OutsideMemory) || takes.contains(&Resource::FileMemory) {
        state["outside_bytes"] = json!(outside.bytes);
    }
    for resource in takes.iter().filter(|resource| resource.is_counted()) {
        state[format!("held_{}", resource.name())] = json!(outside.count(*resource));
    }
    if let Some(counted) = takes.iter().find(|resource| resource.is_counted()) {
        state["held_count"] = json!(outside.count(*counted));
        state["max_held_count"] = json!(catalogue.limits().most(*counted));
    }
}
