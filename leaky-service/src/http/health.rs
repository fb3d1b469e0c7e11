//! Health: whether the service is up, and its memory in the fields that other tools poll.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::problem::Problem;
use super::status::{HEAP_HINT, read_memory};
use crate::heap::HeapStats;
use crate::service::Service;
use crate::{SERVICE, mebibytes};

/// Up; `degraded`, with the reason, while the memory limit is near.
///
/// Degraded is 200 all the same. Who asks is a liveness check, and a refusal would have the
/// service restarted, or taken out of the load, before anybody has seen how the leak ends: the
/// lab's subject would be the orchestrator. A service near its limit still answers, too.
pub async fn health(State(service): State<Arc<Service>>) -> Json<Value> {
    let Some(shortage) = service.near_limit().shortage() else {
        return Json(json!({ "status": "ok", "service": SERVICE }));
    };
    Json(json!({
        "status": "degraded",
        "service": SERVICE,
        "reason": shortage.reason(),
        "used_bytes": shortage.limit.used_bytes,
        "limit_bytes": shortage.limit.limit_bytes,
        "growth_bytes_per_second": shortage.bytes_per_second,
        "seconds_to_limit": shortage.time_left().map(|left| left.as_secs_f64()),
    }))
}

/// Memory in the words of a garbage-collected runtime, as far as they have a meaning here.
pub async fn memory(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    let memory = read_memory()?;
    let heap = HeapStats::read().map_err(|error| Problem::internal(&error, HEAP_HINT))?;
    let idle_bytes = heap.resident_bytes.saturating_sub(heap.active_bytes);
    let (purges, last_purge) = service.purges().read();
    Ok(Json(json!({
        "heap_alloc_mb": mebibytes(heap.in_use_bytes as f64),
        "heap_inuse_mb": mebibytes(heap.active_bytes as f64),
        "heap_idle_mb": mebibytes(idle_bytes as f64),
        "stack_inuse_mb": memory.stack_bytes.map(|bytes| mebibytes(bytes as f64)),
        "num_gc": purges,
        "num_goroutine": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "last_gc_pause_ms": last_purge.as_secs_f64() * 1000.0,
        "notes": {
            "heap": "alloc: handed out; inuse: pages with anything handed out; idle: other resident pages",
            "stack_inuse_mb": "of the first thread; the kernel does not tell other stacks apart",
            "num_gc": "purges asked for with POST /admin/gc; last_gc_pause_ms is how long the last took",
            "num_goroutine": "tasks that are alive",
        },
    })))
}
