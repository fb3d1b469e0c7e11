//! Proof of a pattern's bytes per request against a figure that does not know our books: what
//! jemalloc says it has handed out, with the thread's cache emptied.

use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use axum::http;
use leaky_service::controls::Change;
use leaky_service::endpoint::Endpoint;
use leaky_service::exhibit::Exhibit;
use leaky_service::heap::{self, HeapStats};
use leaky_service::pattern::Event;
use leaky_service::process::ProcessMemory;
use leaky_service::{Service, Settings};
use tokio::runtime::{Builder, Handle};

const REQUESTS: u32 = 10_000;

/// What resident memory may differ by from what it was before anything leaked.
const RSS_TOLERANCE_BYTES: u64 = 10 << 20;

const DEADLINE: Duration = Duration::from_mins(1);

/// Proves it at three sizes, with a clear after each; within a runtime, as in the service.
pub fn prove(name: &str) {
    // One worker, so that its thread's cache can be emptied by a task.
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let exhibit = service.catalogue().find(name).expect("it is in the catalogue");
    let baseline = resident_bytes();
    for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
        let bound = exhibit.parameters().into_iter().filter(|(name, _)| *name == "max_entries");
        let parameters = bound.map(|(name, _)| (name, u64::from(REQUESTS))).collect();
        let change = Change {
            enabled: Some(true),
            bytes_per_request: Some(bytes_per_request),
            parameters,
            ..Change::default()
        };
        exhibit.apply(&change).expect("the controls hold together");
        prove_size(&service, exhibit, bytes_per_request as f64);
    }
    if exhibit.facts().unclearable.is_none() {
        prove_resident_memory_returns(name, baseline);
    }
}

/// Freed pages are returned to the system, not only booked; the allocator's own thread may be
/// busy returning them, and then an order to do so is passed over.
fn prove_resident_memory_returns(name: &str, baseline: u64) {
    let began = Instant::now();
    let left = || resident_bytes().saturating_sub(baseline);
    while left() > RSS_TOLERANCE_BYTES {
        assert!(began.elapsed() < DEADLINE, "{name}: {} bytes stay resident", left());
        sleep(Duration::from_millis(10));
    }
}

fn resident_bytes() -> u64 {
    flush_thread_caches();
    heap::purge().expect("jemalloc is the allocator");
    ProcessMemory::read().expect("there is a /proc").rss_bytes
}

fn prove_size(service: &Service, exhibit: &Exhibit, bytes_per_request: f64) {
    let what = format!("{} at {bytes_per_request}", exhibit.facts().name);
    let (before, held_before) = (in_use_bytes(), exhibit.held_bytes());
    for id in 1..=u64::from(REQUESTS) {
        serve(service, id);
    }
    let grown = in_use_bytes() - before;

    let expected = f64::from(REQUESTS) * bytes_per_request;
    assert!(off(grown, expected) < 0.02, "{what}: the allocator says {grown}, not {expected}");
    let held = (exhibit.held_bytes() - held_before) as f64;
    assert!(off(held, grown) < 0.005, "{what}: the books say {held}, the allocator {grown}");
    if exhibit.facts().unclearable.is_some() {
        return prove_nothing_comes_back(exhibit, before + grown);
    }
    let measured = exhibit.measured_bytes_per_request().expect("it keeps something");
    assert!(off(measured, bytes_per_request) < 0.02, "{what}: measured {measured}");
    prove_clear(exhibit, before, grown);
}

/// A clear is refused, and nothing is lost by it.
fn prove_nothing_comes_back(exhibit: &Exhibit, in_use: f64) {
    let (name, count, held) = (exhibit.facts().name, exhibit.count(), exhibit.held_bytes());
    let refused = exhibit.clear().expect_err("it cannot be cleared");
    assert_eq!(refused.name, name);
    assert_eq!((exhibit.count(), exhibit.held_bytes()), (count, held), "{name}");
    assert!(off(in_use_bytes(), in_use) < 0.001, "{name}");
}

fn prove_clear(exhibit: &Exhibit, before: f64, grown: f64) {
    let (what, held) = (exhibit.facts().name, exhibit.held_bytes() as f64);
    let cleared = exhibit.clear().expect("it can be cleared");
    assert_eq!(cleared.count, REQUESTS as usize, "{what}");
    assert!(off(cleared.freed_bytes as f64, held) < 1e-9, "{what}: freed {cleared:?} of {held}");
    assert_eq!(exhibit.held_bytes(), 0, "{what}");
    let left = in_use_bytes() - before;
    assert!(left.abs() < 0.01 * grown, "{what}: {left} of {grown} bytes did not come back");
    let again = exhibit.clear().expect("it can be cleared");
    assert_eq!(again.count, 0, "{what}: nothing is left to clear");
}

/// Lets the service's patterns see a request as a browser would send it.
pub fn serve(service: &Service, id: u64) {
    let request = http::Request::get("/api/data")
        .header("host", "localhost:8080")
        .header("user-agent", "exactness/1")
        .header("accept", "*/*")
        .body(())
        .expect("a request");
    let (parts, ()) = request.into_parts();
    let received = SystemTime::now();
    let event = Event { id, received, parts: &parts, endpoint: Some(Endpoint::Data) };
    let visit = service.catalogue().begin(&event);
    assert_eq!(visit.touched().count(), 1, "one pattern is on");
    // Of all leaks one keeps only what belongs to clients that went away.
    let goes_away = visit.touched().any(|facts| facts.name == "replies");
    if goes_away { drop(visit) } else { visit.answered() }
}

pub fn in_use_bytes() -> f64 {
    flush_thread_caches();
    HeapStats::read().expect("jemalloc is the allocator").in_use_bytes as f64
}

/// Those of this thread and, within a runtime, of its worker, who frees what tasks had.
fn flush_thread_caches() {
    let flush = || heap::flush_thread_cache().expect("jemalloc is the allocator");
    if let Ok(runtime) = Handle::try_current() {
        let (done, worker) = mpsc::sync_channel(1);
        runtime.spawn(async move {
            flush();
            done.send(())
        });
        worker.recv_timeout(DEADLINE).expect("the worker is alive");
    }
    flush();
}

fn off(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected
}
