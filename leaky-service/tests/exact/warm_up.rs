//! Warm-up, alone in a process: exact, and ever slower until there is a table for every key.

use std::time::Duration;

use crate::alone::alone;
use crate::bound::Play;

const KEYS: u64 = 2000;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn warm_up_takes_its_bytes_per_key_ever_more_slowly_and_then_no_more() {
    alone(|| {
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
    });
}
