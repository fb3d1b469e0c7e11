//! Looking into memory, in the document.

use serde_json::{Value, json};

use super::leaks::states;
use super::operation::Operation;
use super::schema::{
    amount, any_of, boolean, count, described, list, moment, nullable, number, object, signed, text,
};
use crate::http::memory::{TOP_ALLOCATIONS, TOP_FILES, TOP_GROWING, TOP_LINES};
use crate::pattern::Role;
use crate::service::Service;

const TAG: &str = "memory";

/// Statuses with which a question that needs symbols may be refused.
const NEEDS_SYMBOLS: [u16; 3] = [429, 500, 503];

/// Whether source lines can be told.
pub fn attribution() -> Value {
    object([("enabled", boolean()), ("reason", nullable(text("what is missing, if it is off")))])
}

/// `POST /admin/gc`
pub fn gc(_: &Service) -> Operation {
    let step = object([("step", text("what was done")), ("allocator_freed_bytes", signed())]);
    let answer = object([
        ("gc_results", list(None, step)),
        ("memory_before_mb", amount()),
        ("memory_after_mb", amount()),
        ("freed_mb", number()),
        ("freed_bytes", signed()),
        ("note", text("what this can and cannot do")),
    ]);
    Operation::new(TAG, "gc", "Make the allocator return what is free", answer).refuses(&[500])
}

/// `GET /admin/memory`
pub fn overview(service: &Service) -> Operation {
    let process = object([
        ("pid", count()),
        ("rss_mb", amount()),
        ("vms_mb", amount()),
        ("percent", described(nullable(amount()), "of the machine's memory, 0 to 100")),
    ]);
    let options = object([
        ("background_thread", boolean()),
        ("dirty_decay_ms", signed()),
        ("muzzy_decay_ms", signed()),
        ("cache_oblivious", boolean()),
    ]);
    let runtime = object([
        ("allocator", text("its name")),
        ("options", options),
        ("threads", nullable(count())),
        ("open_fds", nullable(count())),
    ]);
    let row = object([
        ("location", location()),
        ("size_kb", amount()),
        ("size_bytes", count()),
        ("count", count()),
    ]);
    let heap = object([
        ("in_use_bytes", count()),
        ("active_bytes", count()),
        ("resident_bytes", count()),
        ("retained_bytes", count()),
        ("current_mb", amount()),
        ("peak_mb", amount()),
        ("top_allocations", list(Some(TOP_ALLOCATIONS), row)),
    ]);
    let answer = object([
        ("process", process),
        ("runtime", runtime),
        ("heap", heap),
        ("leaks", described(nullable(states(service, Role::Leak)), "null while a game day is on")),
        ("attribution", attribution()),
    ]);
    let summary = "Figures of process, allocator and leaks, with the lines that hold most";
    Operation::new(TAG, "memory", summary, answer).refuses(&NEEDS_SYMBOLS)
}

/// `GET /admin/memory/snapshot`
pub fn snapshot(_: &Service) -> Operation {
    let row = |name: &'static str| {
        object([
            (name, location()),
            ("size_mb", amount()),
            ("size_bytes", count()),
            ("count", count()),
        ])
    };
    let answer = object([
        ("timestamp", moment()),
        ("total_traced_mb", amount()),
        ("peak_traced_mb", amount()),
        ("by_file", list(Some(TOP_FILES), row("filename"))),
        ("by_line", list(Some(TOP_LINES), row("location"))),
        ("tip", text("what to look at")),
        ("attribution", attribution()),
    ]);
    Operation::new(TAG, "snapshot", "Live allocations by file and by line", answer)
        .refuses(&NEEDS_SYMBOLS)
}

/// `GET /admin/memory/diff`
pub fn diff(_: &Service) -> Operation {
    let baseline = object([
        ("status", json!({ "const": "baseline_set" })),
        ("message", text("what to do next")),
        ("baseline_size_mb", amount()),
        ("attribution", attribution()),
    ]);
    let row = object([
        ("location", location()),
        ("size_diff_kb", number()),
        ("count_diff", signed()),
        ("current_size_kb", number()),
        ("size_diff_bytes", signed()),
        ("current_size_bytes", signed()),
    ]);
    let computed = object([
        ("status", json!({ "const": "diff_computed" })),
        ("growing_allocations", list(Some(TOP_GROWING), row)),
        ("total_growth_mb", number()),
        ("tip", text("what to look at")),
        ("attribution", attribution()),
    ]);
    let answer = any_of([baseline, computed]);
    let summary = "What grew since the last call; the first one sets the baseline";
    Operation::new(TAG, "diff", summary, answer).refuses(&NEEDS_SYMBOLS)
}

/// `GET /admin/memory/flamegraph`
pub fn flamegraph(_: &Service) -> Operation {
    Operation::new(TAG, "flamegraph", "What is alive, as a picture", json!({}))
        .answers("image/svg+xml", json!({ "type": "string" }))
        .refuses(&NEEDS_SYMBOLS)
        .refuses(&[501])
}

/// `GET /debug/pprof/heap`
pub fn pprof(_: &Service) -> Operation {
    let summary = "Everything that was allocated and what of it is alive, for go tool pprof";
    Operation::new(TAG, "pprof_heap", summary, json!({}))
        .answers("application/octet-stream", json!({ "type": "string", "format": "binary" }))
        .refuses(&NEEDS_SYMBOLS)
        .refuses(&[501])
}

fn location() -> Value {
    text("file, or file and line")
}
