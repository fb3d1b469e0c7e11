//! Warm-up, alone in a process: exact, and ever slower until there is a table for every key.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "exact/bound.rs"]
mod bound;
#[path = "exact/proof.rs"]
#[expect(dead_code, reason = "requests that find their table take nothing; it has its own proof")]
mod proof;

use std::time::Duration;

use bound::Play;

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

const KEYS: u64 = 2000;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn warm_up_takes_its_bytes_per_key_ever_more_slowly_and_then_no_more() {
    for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
        let mut play = Play::begin("warm_up", bytes_per_request, &[("keys", KEYS)]);
        let bound = (KEYS * bytes_per_request as u64) as f64;
        // As many requests in a second as there are keys: 1 - 1/e of them come.
        let first = play.run(SECOND, KEYS).highest_bytes / bound;
        assert!((first - 0.632).abs() < 0.03, "{first} of the bound after a request per key");
        let second = play.run(SECOND, KEYS).highest_bytes / bound;
        assert!((second - 0.865).abs() < 0.03, "{second} after two");
        play.stays_at(bound, 10 * SECOND, KEYS);
        assert_eq!(play.exhibit().count(), KEYS as usize);
        play.clear();
    }
}
