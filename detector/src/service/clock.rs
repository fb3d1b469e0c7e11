//! Unix seconds that never go back: a monotonic clock, anchored once to the wall's.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The clock of a watch.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    anchor: Instant,
    anchor_seconds: f64,
}

impl Clock {
    /// Anchored now.
    pub fn start() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { anchor: Instant::now(), anchor_seconds: now.as_secs_f64() }
    }

    /// Now.
    pub fn now_seconds(&self) -> f64 {
        self.anchor_seconds + self.anchor.elapsed().as_secs_f64()
    }
}
