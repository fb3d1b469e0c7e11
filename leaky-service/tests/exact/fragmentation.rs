//! Fragmentation, alone in a process: what is in use stays exact and bounded, while what the
//! allocator needs for it rises to several times that, and no further.

use std::thread;
use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::exhibit::Exhibit;
use leaky_service::heap::{self, HeapStats};
use leaky_service::{Service, Settings};

use crate::alone::alone;
use crate::kernel::status_bytes;
use crate::proof;

const DOCUMENTS: usize = 1000;

/// Resident memory follows a purge at once, or after the next of jemalloc's own.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// All in bytes, by three different authorities: the books, jemalloc, and the kernel.
#[derive(Clone, Copy, Debug)]
struct Seen {
    held: f64,
    in_use: f64,
    active: f64,
    resident: f64,
}

#[test]
fn fragmentation_is_bounded_in_use_and_in_resident_memory() {
    alone(|| {
        let service = Service::new(Settings::default()).expect("the allocator is installed");
        let exhibit = service.catalogue().find("fragmentation").expect("it is in the catalogue");
        let mut requests = 1..;
        let mut turn = || {
            requests.by_ref().take(DOCUMENTS).for_each(|id| proof::serve(&service, id));
        };
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let parameters = vec![("documents", DOCUMENTS as u64)];
            let (enabled, bytes) = (Some(true), Some(bytes_per_request));
            let change =
                Change { enabled, bytes_per_request: bytes, parameters, ..Change::default() };
            exhibit.apply(&change).expect("the controls hold together");
            let before = see(exhibit);
            let whole = (DOCUMENTS * bytes_per_request) as f64;
            let share = |after: Seen| Seen {
                held: after.held / whole,
                in_use: (after.in_use - before.in_use) / whole,
                active: (after.active - before.active) / whole,
                resident: (after.resident - before.resident) / whole,
            };
            turn();
            let first = share(see(exhibit));
            assert!((first.in_use - 1.0).abs() < 0.02, "its bytes per document: {first:?}");
            assert!((first.held - first.in_use).abs() < 0.005, "{first:?}");
            assert!(first.active < 1.1, "not fragmented yet: {first:?}");
            for _ in 1..4 {
                turn();
            }
            let several = 3.0..4.0;
            let reached = settled(&|| share(see(exhibit)), |seen| several.contains(&seen.resident));
            assert!(several.contains(&reached.active), "it needs several times that: {reached:?}");
            assert!(several.contains(&reached.resident), "and has it: {reached:?}");
            for _ in 0..10 * 4 {
                turn();
                let seen = settled(&|| share(see(exhibit)), |seen| seen.resident < 4.0);
                assert!(seen.held < 1.25 && (seen.in_use - seen.held).abs() < 0.01, "{seen:?}");
                assert!(seen.active < 4.0 && seen.resident < 4.0, "{seen:?}");
            }
            assert_eq!(exhibit.count(), DOCUMENTS);
            assert_eq!(exhibit.clear().expect("it can be cleared").count, DOCUMENTS);
            assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0));
            let left = settled(&|| share(see(exhibit)), |left| left.resident * whole < 10e6);
            assert!(left.in_use < 0.01, "did not come back: {left:?}");
            assert!(left.resident * whole < 10e6, "stays resident: {left:?}");
        }
    });
}

/// What is seen once `holds`, or when time is up: jemalloc passes over a purge while its own thread
/// is at one, so resident memory may fall a moment later.
fn settled(see: &dyn Fn() -> Seen, holds: impl Fn(&Seen) -> bool) -> Seen {
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let seen = see();
        if holds(&seen) || Instant::now() >= deadline {
            return seen;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn see(exhibit: &Exhibit) -> Seen {
    heap::flush_thread_cache().and_then(|()| heap::purge()).expect("jemalloc is the allocator");
    let stats = HeapStats::read().expect("jemalloc is the allocator");
    Seen {
        held: exhibit.held_bytes() as f64,
        in_use: stats.in_use_bytes as f64,
        active: stats.active_bytes as f64,
        resident: status_bytes("RssAnon"),
    }
}
