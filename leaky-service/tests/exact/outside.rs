//! Proof of a leak that bypasses the program's allocator, against what the kernel counts page by
//! page.

use leaky_service::controls::Change;
use leaky_service::exhibit::Exhibit;
use leaky_service::heap::{self, HeapStats};
use leaky_service::{Service, Settings};

use crate::kernel::anonymous_bytes_at_rest;
use crate::requests::{apply, request};

const REQUESTS: u32 = 10_000;

/// Proves it at three sizes, with a clear after each, and then that its fix keeps nothing.
pub fn prove(name: &str) {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let exhibit = service.catalogue().find(name).expect("it is in the catalogue");
    for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
        apply(exhibit, &Change { bytes_per_request: Some(bytes_per_request), ..Change::ON });
        prove_size(&service, exhibit, bytes_per_request as f64);
    }
    apply(exhibit, &Change { patched: Some(true), ..Change::ON });
    let before = anonymous_bytes_at_rest();
    request(service.catalogue(), REQUESTS as usize, |_| true);
    let grown = anonymous_bytes_at_rest() - before;
    assert!(grown < 1e6, "{name}, patched: {grown} bytes of {REQUESTS} times 64 KiB stay");
    assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0), "{name}, patched");
}

fn prove_size(service: &Service, exhibit: &Exhibit, bytes_per_request: f64) {
    let what = format!("{} at {bytes_per_request}", exhibit.facts().name);
    let (before, in_use) = (anonymous_bytes_at_rest(), in_use_bytes());
    request(service.catalogue(), REQUESTS as usize, |_| true);
    let grown = anonymous_bytes_at_rest() - before;

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
    let left = anonymous_bytes_at_rest() - before;
    assert!(left.abs() < 0.01 * grown, "{what}: {left} of {grown} bytes did not come back");
}

fn in_use_bytes() -> f64 {
    heap::flush_thread_cache().and_then(|()| heap::purge()).expect("jemalloc is the allocator");
    HeapStats::read().expect("jemalloc is the allocator").in_use_bytes as f64
}

fn off(found: f64, expected: f64) -> f64 {
    (found - expected).abs() / expected
}
