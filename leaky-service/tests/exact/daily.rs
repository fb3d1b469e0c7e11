//! The day, alone in a process: exact, equally high every noon, and gone every midnight.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;

const PER_SECOND: u64 = 100;

#[test]
fn daily_takes_its_bytes_per_session_and_follows_the_time_of_day() {
    alone(|| {
        let period = Duration::from_secs(100);
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let parameters = [("period", 100_000), ("session", 5000)];
            let mut play = Play::begin("daily", bytes_per_request, &parameters);
            let noon = (PER_SECOND * 5 * bytes_per_request as u64) as f64;
            play.stays_at(noon, period, PER_SECOND);
            let morning = play.run(period / 4, PER_SECOND).highest_bytes / noon;
            assert!((0.35..0.5).contains(&morning), "{morning} of noon, a little late at six");
            let day = play.run(period, PER_SECOND);
            assert!(
                day.lowest_bytes < 0.01 * noon + 30_000.0,
                "nothing but tables by night: {day:?}"
            );
            play.clear();
        }
    });
}
