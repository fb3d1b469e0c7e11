//! When to look next, and being interrupted while waiting for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Ctrl-C, SIGTERM and SIGHUP.
#[derive(Debug)]
pub struct Interrupts(Receiver<()>);

impl Interrupts {
    /// Takes the signals over: the first ends the watch, the second ends the program at once.
    pub fn listen() -> Result<Self, ctrlc::Error> {
        let (tell, told) = channel();
        let before = AtomicBool::new(false);
        ctrlc::set_handler(move || {
            if before.swap(true, Ordering::Relaxed) || tell.send(()).is_err() {
                std::process::exit(130);
            }
        })?;
        Ok(Self(told))
    }

    /// Waits until then; `false` if interrupted before.
    pub fn wait_until(&self, then: Instant) -> bool {
        let left = then.saturating_duration_since(Instant::now());
        match self.0.recv_timeout(left) {
            Ok(()) => false,
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(left);
                true
            }
        }
    }
}

/// Equidistant instants from a start, so that slow looks do not add up to a late end.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    start: Instant,
    every: Duration,
    intervals: u32,
    tick: u32,
}

impl Pace {
    /// Starts now; this instant is the first.
    pub fn start(every: Duration, intervals: u32) -> Self {
        Self { start: Instant::now(), every, intervals, tick: 0 }
    }

    /// Seconds since the start.
    pub fn elapsed_seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// The next instant; those that have been missed are passed over, except the last.
    pub fn advance(&mut self) -> Option<Instant> {
        let gone = self.start.elapsed().as_nanos() / self.every.as_nanos().max(1);
        let missed = u32::try_from(gone).unwrap_or(u32::MAX).min(self.intervals);
        self.tick = self.tick.saturating_add(1).max(missed);
        (self.tick <= self.intervals).then(|| self.start + self.every.saturating_mul(self.tick))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn began_ago(ago: Duration) -> Pace {
        let start = Instant::now().checked_sub(ago).expect("the clock is older than that");
        Pace { start, every: Duration::from_secs(100), intervals: 5, tick: 0 }
    }

    #[test]
    fn n_intervals_have_n_more_ends_after_the_first_look() {
        let mut pace = began_ago(Duration::ZERO);
        let ends = std::iter::from_fn(|| pace.advance().map(|end| end - pace.start));
        assert_eq!(ends.map(|end| end.as_secs()).collect::<Vec<_>>(), [100, 200, 300, 400, 500]);
    }

    #[test]
    fn missed_looks_are_passed_over_and_the_last_is_not() {
        let mut pace = began_ago(Duration::from_secs(350));
        assert_eq!(pace.advance().map(|end| (end - pace.start).as_secs()), Some(300));
        assert_eq!(pace.advance().map(|end| (end - pace.start).as_secs()), Some(400));
        let mut pace = began_ago(Duration::from_secs(10_000));
        assert_eq!(pace.advance().map(|end| (end - pace.start).as_secs()), Some(500));
        assert_eq!(pace.advance(), None);
    }
}
