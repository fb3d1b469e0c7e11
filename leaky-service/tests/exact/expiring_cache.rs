//! The expiring cache, alone in a process: exact while it grows, and bounded from the first expiry.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;
use crate::proof;

#[test]
fn expiring_cache_takes_its_bytes_per_request_until_as_much_goes_as_comes() {
    alone(|| {
        proof::prove("expiring_cache");
        stays_under_its_bound();
    });
}

/// Part of the one test, because a second thread's allocations would blur the allocator's figure.
fn stays_under_its_bound() {
    let time_to_live = Duration::from_secs(5);
    let mut play = Play::begin("expiring_cache", 10 << 10, &[("time_to_live", 5000)]);
    play.stays_at(400.0 * 5.0 * 10_240.0, time_to_live, 400);
    assert_eq!(play.exhibit().count(), 400 * 5 - 20, "those of the last tick are the youngest");
    let load = play.exhibit().touched() as usize;
    assert_eq!(play.exhibit().evictions(), Some((load - play.exhibit().count()) as u64));
    play.clear();
    play.run(time_to_live, 400);
    let idle = play.run(time_to_live, 0);
    assert!(idle.lowest_bytes < 0.01 * idle.highest_bytes, "without load all of it goes: {idle:?}");
}
