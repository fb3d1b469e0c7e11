//! Proof of a leak that bypasses the program's allocator, against what the kernel counts page by
//! page.

use std::fs;
use std::time::SystemTime;

use axum::http::Request;
use leaky_service::controls::Change;
use leaky_service::endpoint::Endpoint;
use leaky_service::exhibit::Exhibit;
use leaky_service::heap::{self, HeapStats};
use leaky_service::pattern::Event;
use leaky_service::{Service, Settings};

const REQUESTS: u32 = 4000;

/// Proves it at three sizes, with a clear after each, and then that its fix keeps nothing.
pub fn prove(name: &str) {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let exhibit = service.catalogue().find(name).expect("it is in the catalogue");
    for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
        apply(exhibit, &Change { bytes_per_request: Some(bytes_per_request), ..ON });
        prove_size(&service, exhibit, bytes_per_request as f64);
    }
    apply(exhibit, &Change { patched: Some(true), ..ON });
    let before = resident_bytes();
    serve(&service);
    let grown = resident_bytes() - before;
    assert!(grown < 1e6, "{name}, patched: {grown} bytes of {REQUESTS} times 64 KiB stay");
    assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0), "{name}, patched");
}

const ON: Change = Change {
    enabled: Some(true),
    patched: None,
    bytes_per_request: None,
    share: None,
    per_second: None,
    start_after: None,
    ramp: None,
    endpoint: None,
    parameters: Vec::new(),
};

fn prove_size(service: &Service, exhibit: &Exhibit, bytes_per_request: f64) {
    let what = format!("{} at {bytes_per_request}", exhibit.facts().name);
    let (before, in_use) = (resident_bytes(), in_use_bytes());
    serve(service);
    let grown = resident_bytes() - before;

    let expected = f64::from(REQUESTS) * bytes_per_request;
    assert!(off(grown, expected) < 0.02, "{what}: the kernel says {grown}, not {expected}");
    let held = exhibit.held_bytes() as f64;
    assert!(off(held, grown) < 0.01, "{what}: the books say {held}, the kernel {grown}");
    assert!(off(held, expected) < 0.02, "{what}: the books say {held}, not {expected}");
    let seen = in_use_bytes() - in_use;
    assert!(seen < 0.01 * expected, "{what}: the program's allocator sees {seen} bytes of it");

    let cleared = exhibit.clear().expect("it can be cleared");
    assert_eq!(cleared.count, REQUESTS as usize, "{what}");
    assert!(off(cleared.freed_bytes as f64, held) < 1e-9, "{what}: freed {cleared:?} of {held}");
    assert_eq!(exhibit.held_bytes(), 0, "{what}");
    let left = resident_bytes() - before;
    assert!(left.abs() < 0.01 * grown, "{what}: {left} of {grown} bytes did not come back");
}

fn apply(exhibit: &Exhibit, change: &Change) {
    exhibit.apply(change).expect("the controls hold together");
}

fn serve(service: &Service) {
    let (parts, ()) = Request::new(()).into_parts();
    for id in 1..=u64::from(REQUESTS) {
        let (received, endpoint) = (SystemTime::now(), Some(Endpoint::Data));
        let visit = service.catalogue().begin(&Event { id, received, parts: &parts, endpoint });
        assert_eq!(visit.touched().count(), 1, "one pattern is on");
        visit.answered();
    }
}

/// Resident memory that is nobody's file. The faster figures in `status` and `statm` are off by
/// some hundred pages; this one is counted page by page.
fn resident_bytes() -> f64 {
    purge();
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("there is a /proc");
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")?.strip_suffix("kB"));
    1024.0 * kib.and_then(|kib| kib.trim().parse::<f64>().ok()).expect("a number of kB")
}

fn in_use_bytes() -> f64 {
    purge();
    HeapStats::read().expect("jemalloc is the allocator").in_use_bytes as f64
}

fn purge() {
    heap::flush_thread_cache().and_then(|()| heap::purge()).expect("jemalloc is the allocator");
}

fn off(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected
}
