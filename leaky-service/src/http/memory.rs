//! Looking into memory: figures, live allocations by source line, what grew, and giving back.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::problem::Problem;
use super::status::{HEAP_HINT, leaks, read_memory};
use super::turn::{Turn, blocking, release_free_memory};
use crate::heap::{HeapOptions, HeapStats};
use crate::mebibytes;
use crate::process::{self, ProcessMemory, timestamp};
use crate::service::Service;
use crate::tracker::{self, Baseline, Growth, Profile, Usage};

/// Rows of the contract's tables.
pub const TOP_ALLOCATIONS: usize = 10;
pub const TOP_FILES: usize = 15;
pub const TOP_LINES: usize = 20;
pub const TOP_GROWING: usize = 20;

const GC_NOTE: &str = "returns what is free; what a leak holds is still referenced, and stays";

/// Flushes the thread cache and purges the arenas.
pub async fn collect(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    let (before, began) = (read_memory()?, Instant::now());
    let steps = blocking(release_free_memory).await?;
    let steps = steps.map_err(|error| Problem::internal(&error, HEAP_HINT))?;
    service.purges().note(began.elapsed());
    let after = read_memory()?;
    let freed_bytes = before.rss_bytes.cast_signed() - after.rss_bytes.cast_signed();
    Ok(Json(json!({
        "gc_results": steps,
        "memory_before_mb": mebibytes(before.rss_bytes as f64),
        "memory_after_mb": mebibytes(after.rss_bytes as f64),
        "freed_mb": mebibytes(freed_bytes as f64),
        "freed_bytes": freed_bytes,
        "note": GC_NOTE,
    })))
}

/// Figures of process, allocator and leaks, with the lines that hold most.
pub async fn overview(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    let profile = profile(&service).await?;
    let memory = read_memory()?;
    let heap = HeapStats::read().map_err(|error| Problem::internal(&error, HEAP_HINT))?;
    let options = HeapOptions::read().map_err(|error| Problem::internal(&error, HEAP_HINT))?;
    Ok(Json(json!({
        "process": {
            "pid": std::process::id(),
            "rss_mb": mebibytes(memory.rss_bytes as f64),
            "vms_mb": mebibytes(memory.vms_bytes as f64),
            "percent": percent_of_machine(memory),
        },
        "runtime": {
            "allocator": "jemalloc",
            "options": options,
            "threads": process::threads().ok(),
            "open_fds": process::open_fds().ok(),
        },
        "heap": {
            "in_use_bytes": heap.in_use_bytes,
            "active_bytes": heap.active_bytes,
            "resident_bytes": heap.resident_bytes,
            "retained_bytes": heap.retained_bytes,
            "current_mb": mebibytes(profile.traced_bytes as f64),
            "peak_mb": mebibytes(profile.peak_traced_bytes as f64),
            "top_allocations": rows(&profile.by_line, TOP_ALLOCATIONS, |usage| json!({
                "location": usage.location,
                "size_kb": kibibytes(usage.bytes as f64),
                "size_bytes": usage.bytes,
                "count": usage.count,
            })),
        },
        "leaks": (!service.seal().is_on()).then(|| leaks(service.catalogue())),
        "attribution": tracker::attribution(),
    })))
}

/// Live allocations, by file and by line.
pub async fn snapshot(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    let profile = profile(&service).await?;
    let row = |name: &'static str| {
        move |usage: &Usage| {
            json!({
                name: usage.location,
                "size_mb": mebibytes(usage.bytes as f64),
                "size_bytes": usage.bytes,
                "count": usage.count,
            })
        }
    };
    Ok(Json(json!({
        "timestamp": timestamp().to_string(),
        "total_traced_mb": mebibytes(profile.traced_bytes as f64),
        "peak_traced_mb": mebibytes(profile.peak_traced_bytes as f64),
        "by_file": rows(&profile.by_file, TOP_FILES, row("filename")),
        "by_line": rows(&profile.by_line, TOP_LINES, row("location")),
        "tip": "the lines with the most bytes hold the memory; GET /admin/memory/diff shows which grow",
        "attribution": tracker::attribution(),
    })))
}

/// What grew since the last call.
pub async fn diff(State(service): State<Arc<Service>>) -> Result<Json<Value>, Problem> {
    // A diff that is refused must not move the baseline.
    let turn = Turn::wait(&service).await?;
    let now = Arc::new(Baseline::take());
    let Some(before) = service.replace_baseline(Arc::clone(&now)) else {
        return Ok(Json(json!({
            "status": "baseline_set",
            "message": "baseline set; send some load, then ask again to see what grew",
            "baseline_size_mb": mebibytes(now.traced_bytes as f64),
            "attribution": tracker::attribution(),
        })));
    };
    let growth = turn.ask(move || before.growth_until(&now)).await?;
    let total_bytes: i64 = growth.iter().map(|growth| growth.bytes_diff).sum();
    Ok(Json(json!({
        "status": "diff_computed",
        "growing_allocations": rows(&growth, TOP_GROWING, |growth: &Growth| json!({
            "location": growth.location,
            "size_diff_kb": kibibytes(growth.bytes_diff as f64),
            "count_diff": growth.count_diff,
            "current_size_kb": kibibytes(growth.bytes as f64),
            "size_diff_bytes": growth.bytes_diff,
            "current_size_bytes": growth.bytes,
        })),
        "total_growth_mb": mebibytes(total_bytes as f64),
        "tip": "the line with the largest size_diff_kb is the likeliest leak; growth that a second \
                diff under the same load does not repeat is none",
        "attribution": tracker::attribution(),
    })))
}

async fn profile(service: &Service) -> Result<Profile, Problem> {
    Turn::wait(service).await?.ask(Profile::take).await
}

fn percent_of_machine(memory: ProcessMemory) -> Option<f64> {
    let total_bytes = process::total_memory_bytes().ok()?;
    Some(100.0 * memory.rss_bytes as f64 / total_bytes as f64)
}

fn rows<T>(all: &[T], most: usize, row: impl Fn(&T) -> Value) -> Vec<Value> {
    all.iter().take(most).map(row).collect()
}

fn kibibytes(bytes: f64) -> f64 {
    bytes / 1024.0
}
