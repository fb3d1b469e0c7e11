//! The batch job, alone in a process: exact, equally large each time, and gone in between.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;

const SIZE: u64 = 40 << 20;

#[test]
fn batch_takes_its_size_every_period_and_gives_all_of_it_back() {
    alone(|| {
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
    });
}
