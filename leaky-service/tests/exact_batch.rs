//! The batch job, alone in a process: exact, equally large each time, and gone in between.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "exact/bound.rs"]
mod bound;
#[path = "exact/proof.rs"]
#[expect(dead_code, reason = "requests add nothing to it; it has its own proof")]
mod proof;

use std::time::Duration;

use bound::Play;

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

const SIZE: u64 = 40 << 20;

#[test]
fn batch_takes_its_size_every_period_and_gives_all_of_it_back() {
    let period = Duration::from_secs(3);
    let parameters = [("size", SIZE), ("period", 3000), ("duration", 1000)];
    for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
        let mut play = Play::begin("batch", bytes_per_request, &parameters);
        play.stays_at(SIZE as f64, period, 100);
        for _ in 0..3 {
            let seen = play.run(period, 100);
            assert!(seen.highest_bytes >= 0.98 * SIZE as f64, "a job in each period: {seen:?}");
            assert!(seen.lowest_bytes < 1.0, "nothing between jobs: {seen:?}");
        }
        play.run(period / 6, 100);
        play.clear();
    }
}
