//! What clients and probes use, in the document.

use std::time::Duration;

use serde_json::{Value, json};

use super::operation::Operation;
use super::pattern::{span, whole};
use super::schema::{
    amount, any_of, count, described, list, moment, nullable, number, object, one_of, text,
};
use crate::SERVICE;
use crate::exhibit::Exhibit;
use crate::http::stream::{LONGEST_PAUSE, MOST_PIECES, PIECES};
use crate::http::upload::MAX_UPLOAD_BYTES;
use crate::http::work::{ITEMS, MOST_ITEMS, MOST_NAMED};
use crate::pattern::Role;
use crate::service::Service;

/// What leaks and decoys feed on.
const CLIENTS: &str = "clients";
const HEALTH: &str = "health";

/// `GET /health`
pub fn health(_: &Service) -> Operation {
    let service = || ("service", json!({ "const": SERVICE }));
    let ok = object([("status", json!({ "const": "ok" })), service()]);
    let degraded = object([
        ("status", json!({ "const": "degraded" })),
        service(),
        ("reason", text("how near the memory limit is")),
        ("used_bytes", count()),
        ("limit_bytes", count()),
        ("growth_bytes_per_second", number()),
        ("seconds_to_limit", nullable(amount())),
    ]);
    Operation::new(
        HEALTH,
        "health",
        "Whether it is up; degraded near the memory limit",
        any_of([ok, degraded]),
    )
}

/// `GET /health/memory`
pub fn health_memory(_: &Service) -> Operation {
    let notes = ["heap", "stack_inuse_mb", "num_gc", "num_goroutine"];
    let answer = object([
        ("heap_alloc_mb", amount()),
        ("heap_inuse_mb", amount()),
        ("heap_idle_mb", amount()),
        ("stack_inuse_mb", nullable(amount())),
        ("num_gc", count()),
        ("num_goroutine", count()),
        ("last_gc_pause_ms", amount()),
        ("notes", object(notes.map(|name| (name, text("what the field means here"))))),
    ]);
    let summary = "Memory in the words of a garbage-collected runtime";
    Operation::new(HEALTH, "health_memory", summary, answer).refuses(&[500])
}

/// `GET /metrics`
pub fn metrics(_: &Service) -> Operation {
    Operation::new(HEALTH, "metrics", "Prometheus metrics", json!({}))
        .answers("text/plain", json!({ "type": "string" }))
        .refuses(&[500])
}

/// `GET /openapi.json`
pub fn openapi(_: &Service) -> Operation {
    Operation::new(HEALTH, "openapi", "This document", json!({ "type": "object" }))
}

/// `GET /api/data`
pub fn data(service: &Service) -> Operation {
    let data = object([("message", text("a greeting")), ("timestamp", moment())]);
    call(service, "data", "Takes the configured delay", data)
}

/// `GET /api/search`
pub fn search(service: &Service) -> Operation {
    let found = object([
        ("query", text("what was looked for")),
        ("matches", count()),
        ("products", list(Some(MOST_NAMED), text("a product's name"))),
    ]);
    call(service, "search", "Looks through all products for every word", found)
        .query("q", "words; blue, unless given", json!({ "type": "string" }))
        .refuses(&[400])
}

/// `GET /api/orders`
pub fn orders(service: &Service) -> Operation {
    let item =
        object([("product", text("its name")), ("quantity", count()), ("price_cents", count())]);
    let order = object([
        ("items", list(Some(MOST_ITEMS as usize), item)),
        ("net_cents", count()),
        ("tax_cents", count()),
        ("total_cents", count()),
    ]);
    let mut items = whole(&(1..=MOST_ITEMS));
    items["default"] = json!(ITEMS);
    call(service, "orders", "Adds up an order", order)
        .query("items", "positions of the order", items)
        .refuses(&[400])
}

/// `POST /api/upload`
pub fn upload(service: &Service) -> Operation {
    let uploaded = object([
        ("received_bytes", whole(&(0..=MAX_UPLOAD_BYTES))),
        ("checksum", described(json!({ "type": "string", "pattern": "^[0-9a-f]{16}$" }), "FNV-1a")),
    ]);
    let bytes = json!({ "type": "string", "format": "binary" });
    call(service, "upload", "Reads a body, of 16 MiB at most", uploaded).body(
        "application/octet-stream",
        false,
        bytes,
    )
}

/// `GET /api/stream`
pub fn stream(_: &Service) -> Operation {
    let mut pieces = whole(&(1..=MOST_PIECES));
    pieces["default"] = json!(PIECES);
    Operation::new(CLIENTS, "stream", "Answers in pieces of 4 KiB", json!({}))
        .answers("text/plain", json!({ "type": "string" }))
        .query("pieces", "pieces of the answer", pieces)
        .query("pause", "time between two pieces", span(&(Duration::ZERO..=LONGEST_PAUSE)))
        .refuses(&[400])
}

/// A call that leaks and decoys feed on, around what it works out.
fn call(service: &Service, id: &str, summary: &str, data: Value) -> Operation {
    let triggered = |role: Role| {
        let exhibits = service.catalogue().exhibits().iter();
        let of_role = exhibits.map(Exhibit::facts).filter(|facts| facts.role == role);
        list(None, one_of(of_role.map(|facts| facts.name)))
    };
    let answer = object([
        ("service", json!({ "const": SERVICE })),
        ("request_id", text("its own among all of this process")),
        ("trace_id", json!({ "type": "string", "pattern": "^[0-9a-f]{32}$" })),
        ("duration_ms", amount()),
        ("leaks_triggered", triggered(Role::Leak)),
        ("decoys_triggered", triggered(Role::Decoy)),
        ("data", data),
    ]);
    Operation::new(CLIENTS, id, summary, answer)
}
