//! The pool, alone in a process: exact in bytes and in descriptors, and no larger than its limit.

use std::fs;
use std::time::Duration;

use leaky_service::controls::Change;

use crate::alone::alone;
use crate::bound::Play;

const MAX: usize = 200;

#[test]
fn pool_takes_two_descriptors_and_its_bytes_per_connection_up_to_its_limit() {
    alone(|| {
        let second = Duration::from_secs(1);
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let limit = |max: usize| vec![("max_connections", max as u64)];
            let mut play = Play::begin("pool", bytes_per_request, &limit(MAX));
            let before = descriptors();
            play.run(second / 2, 200);
            assert_eq!((play.exhibit().count(), descriptors() - before), (100, 200), "half full");
            play.stays_at((MAX * bytes_per_request) as f64, second, 200);
            assert_eq!((play.exhibit().count(), descriptors() - before), (MAX, 2 * MAX));
            assert_eq!(play.exhibit().outside().descriptors, 2 * MAX as u64);

            play.change(&Change { parameters: limit(50), ..Change::default() });
            assert_eq!(
                (play.exhibit().count(), descriptors() - before),
                (50, 100),
                "a lower limit"
            );
            play.run(second, 200);
            assert_eq!((play.exhibit().count(), descriptors() - before), (50, 100));
            play.clear();
            assert_eq!(descriptors(), before);
        }
    });
}

/// As the kernel lists them.
fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("there is a /proc").count()
}
