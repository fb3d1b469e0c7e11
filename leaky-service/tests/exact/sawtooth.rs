//! The sawtooth, alone in a process: exact while garbage piles up, and bounded by its vacuum.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;
use crate::proof;

#[test]
fn sawtooth_takes_its_bytes_per_request_until_each_vacuum() {
    alone(|| {
        proof::prove("sawtooth");
        stays_under_its_bound();
    });
}

/// Part of the one test, because a second thread's allocations would blur the allocator's figure.
fn stays_under_its_bound() {
    let period = Duration::from_secs(5);
    let mut play = Play::begin("sawtooth", 10 << 10, &[("period", 5000)]);
    let whole = 400.0 * 5.0 * 10_240.0;
    // The vacuum's first period began with the service; the second is whole.
    play.stays_at(whole, 2 * period, 400);
    let seen = play.run(period, 400);
    assert!(seen.lowest_bytes < 2.0 * 10_240.0, "a vacuum leaves the latest version: {seen:?}");
    let superseded = play.exhibit().touched() as usize - play.exhibit().count();
    assert_eq!(play.exhibit().evictions(), Some(superseded as u64));
    play.run(period / 2, 400);
    play.clear();
}
