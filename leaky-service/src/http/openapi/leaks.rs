//! Control of leaks and decoys, in the document.

use serde_json::{Value, json};

use super::operation::Operation;
use super::pattern::{change as change_body, state, state_fields};
use super::schema::{
    amount, any_of, boolean, count, described, list as array, nullable, number, object, one_of,
    signed, text,
};
use crate::exhibit::Exhibit;
use crate::http::admin::ALL;
use crate::pattern::Role;
use crate::service::Service;

const TAG: &str = "leaks";

/// `GET /admin/leaks`
pub fn list(service: &Service) -> Operation {
    let exhibits = || service.catalogue().exhibits().iter();
    let length = exhibits().count();
    let entry = entry(exhibits().map(|exhibit| exhibit.facts().name), exhibits().map(state));
    let mut all = array(Some(length), entry);
    all["minItems"] = json!(length);
    let summary = "Every leak and decoy, with its settings, their ranges, and its state";
    Operation::new(TAG, "list", summary, object([("catalogue", all)]))
}

fn entry(names: impl Iterator<Item = &'static str>, states: impl Iterator<Item = Value>) -> Value {
    let role = one_of(["leak", "decoy"]);
    object([
        ("name", one_of(names)),
        ("kind", role.clone()),
        ("role", role),
        ("description", text("one sentence")),
        ("resource", text("what it takes, the most telling")),
        ("takes", array(None, text("everything that it takes"))),
        ("clearable", boolean()),
        ("parameters", json!({ "type": "object", "additionalProperties": parameter() })),
        ("state", any_of(states.collect::<Vec<_>>())),
    ])
}

fn parameter() -> Value {
    let bound = json!({ "type": ["integer", "number", "string"] });
    object([
        ("value", json!({ "type": ["boolean", "integer", "number", "string", "null"] })),
        ("minimum?", bound.clone()),
        ("maximum?", bound),
        ("unit?", text("of value, minimum and maximum")),
        ("choices?", array(None, text("a value"))),
        ("description?", text("what it does")),
    ])
}

/// `GET /admin/leaks/status`
pub fn status(service: &Service) -> Operation {
    let answer = object([
        ("leaks", states(service, Role::Leak)),
        ("decoys", states(service, Role::Decoy)),
        ("memory", memory()),
        ("cap", cap()),
        ("attribution", super::memory::attribution()),
    ]);
    Operation::new(TAG, "status", "How everything stands, against process memory", answer)
        .refuses(&[500])
}

/// The states of all leaks, or of all decoys, by name.
pub fn states(service: &Service, role: Role) -> Value {
    let of_role = service.catalogue().exhibits().iter().filter(|e| e.facts().role == role);
    object(of_role.map(|exhibit| (exhibit.facts().name, state(exhibit))))
}

fn memory() -> Value {
    let parts = object([
        ("allocator_in_use_bytes", count()),
        ("allocator_slack_bytes", signed()),
        ("file_bytes", count()),
        ("shmem_bytes", count()),
        ("remainder_bytes", described(signed(), "stacks, foreign heaps, anonymous mappings")),
    ]);
    let resident =
        object([("anon_bytes", count()), ("file_bytes", count()), ("shmem_bytes", count())]);
    object([
        ("rss_mb", amount()),
        ("vms_mb", amount()),
        ("growth_since_start_mb", number()),
        ("rss_bytes", count()),
        ("vms_bytes", count()),
        ("growth_since_start_bytes", signed()),
        ("allocator_in_use_bytes", count()),
        ("held_outside_bytes", count()),
        ("resident", nullable(resident)),
        ("parts", described(nullable(parts), "they add up to resident memory")),
        ("retained_address_space_bytes", count()),
    ])
}

fn cap() -> Value {
    object([("held_bytes", count()), ("max_held_bytes", nullable(count())), ("capped", boolean())])
}

/// `POST /admin/leaks/{name}`, of one pattern.
pub fn change(exhibit: &Exhibit) -> Operation {
    let facts = exhibit.facts();
    let also = [("leak", json!({ "const": facts.name })), ("description", text("one sentence"))];
    let also = also.map(|(name, schema)| (name.to_owned(), schema));
    let answer = object(state_fields(exhibit).into_iter().chain(also));
    let summary = format!("Switch or size {}: {}", facts.name, facts.description);
    Operation::new(TAG, format!("change_{}", facts.name), summary, answer)
        .body("application/json", true, change_body(exhibit))
        .refuses(&[409])
}

/// `POST /admin/leaks/clear`
pub fn clear(service: &Service) -> Operation {
    let exhibits = service.catalogue().exhibits();
    let names = || exhibits.iter().map(|exhibit| exhibit.facts().name);
    let figures =
        |cleared: Value| [("cleared", cleared), ("freed_bytes", count()), ("freed_mb", amount())];
    let figures = |cleared| figures(cleared).map(|(name, schema)| (name.to_owned(), schema));
    let removed = |name: &str| (format!("{name}?"), count());

    let of_one = exhibits.iter().map(|exhibit| removed(exhibit.names().removed_field));
    let one = object(figures(one_of(names())).into_iter().chain(of_one));
    let of_all = exhibits.iter().map(|exhibit| removed(&exhibit.names().removed_field_in_all));
    let not_cleared = array(None, object([("leak", one_of(names())), ("reason", text("why not"))]));
    let all = figures(json!({ "const": ALL })).into_iter().chain(of_all);
    let all = object(all.chain([("not_cleared".to_owned(), not_cleared)]));

    let choices = one_of(names().chain([ALL]));
    let body = object([(
        "leak_type?",
        described(nullable(choices), "whose entries to drop; all, unless one is named"),
    )]);
    Operation::new(TAG, "clear", "Drop what is held", any_of([one, all]))
        .body("application/json", false, body)
        .refuses(&[409, 500])
}
