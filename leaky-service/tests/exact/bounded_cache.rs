//! The bounded cache, alone in a process: exact while it fills, and bounded from then on.

use leaky_service::controls::Change;
use leaky_service::{Service, Settings};

use crate::alone::alone;
use crate::proof;

#[test]
fn bounded_cache_takes_its_bytes_per_request_within_two_percent_and_then_no_more() {
    alone(|| {
        proof::prove("bounded_cache");
        stays_under_its_bound();
    });
}

/// Part of the one test, because a second thread's allocations would blur the allocator's figure.
fn stays_under_its_bound() {
    const MAX_ENTRIES: usize = 500;
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let exhibit = service.catalogue().find("bounded_cache").expect("it is in the catalogue");
    let parameters = vec![("max_entries", MAX_ENTRIES as u64)];
    let change = Change { enabled: Some(true), parameters, ..Change::default() };
    exhibit.apply(&change).expect("the controls hold together");
    let mut requests = 1..;
    let mut fill = |times| requests.by_ref().take(times).for_each(|id| proof::serve(&service, id));
    fill(MAX_ENTRIES);
    let (held, in_use) = (exhibit.held_bytes(), proof::in_use_bytes());
    fill(10 * MAX_ENTRIES);
    assert_eq!(exhibit.count(), MAX_ENTRIES);
    assert_eq!(exhibit.evictions(), Some(10 * MAX_ENTRIES as u64));
    let bound = exhibit.held_bytes() as f64 / held as f64;
    assert!((0.98..=1.02).contains(&bound), "held {bound} times what it held when it was full");
    let growth = proof::in_use_bytes() - in_use;
    assert!(growth < 0.02 * held as f64, "grew by {growth} bytes after it was full");
}
