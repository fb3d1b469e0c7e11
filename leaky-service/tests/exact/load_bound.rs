//! Load-bound memory, alone in a process: exact, and in proportion to the request rate.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;
use crate::proof;

#[test]
fn load_bound_takes_its_bytes_per_request_of_the_last_moments() {
    alone(|| {
        proof::prove("load_bound");
        stays_under_its_bound();
    });
}

/// Part of the one test, because a second thread's allocations would blur the allocator's figure.
fn stays_under_its_bound() {
    let linger = Duration::from_secs(4);
    let mut play = Play::begin("load_bound", 10 << 10, &[("linger", 4000)]);
    let at = |per_second: u64| (per_second * 4 * 10_240) as f64;
    play.stays_at(at(400), linger, 400);
    play.stays_at(at(800), 2 * linger, 800);
    play.run(linger, 200);
    let halved = play.run(linger, 200);
    assert!(halved.highest_bytes < 1.05 * at(200), "it follows the load down: {halved:?}");
    play.run(linger, 0);
    assert_eq!(play.exhibit().count(), 0, "without load there is nothing");
    play.run(linger, 400);
    play.clear();
}
