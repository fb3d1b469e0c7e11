//! Waiting for what other threads end or free in a moment: bounded, and for blocking threads only.

use std::thread::sleep;
use std::time::{Duration, Instant};

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(1);

/// Blocks until it is done, but no longer than `patience`; whether it is done.
pub(crate) fn wait_until(patience: Duration, is_done: impl Fn() -> bool) -> bool {
    let began = Instant::now();
    while !is_done() {
        if began.elapsed() > patience {
            return false;
        }
        sleep(PAUSE);
    }
    true
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn it_waits_until_it_is_done_and_not_for_ever() {
        let looks = Cell::new(0);
        let third_look = || looks.replace(looks.get() + 1) == 2;
        assert!(wait_until(Duration::from_hours(1), third_look));
        assert_eq!(looks.get(), 3);
        assert!(!wait_until(Duration::ZERO, || false));
    }
}
