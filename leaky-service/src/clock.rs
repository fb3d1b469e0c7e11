//! The clock of the patterns: tells them the time, and deals out events by time.
//!
//! Events are counted, not slept for: what is due is the integral of the rate, so a late tick is
//! made up for. After a stall they are given in steps, with room for others in between.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::time::{MissedTickBehavior, interval};

use crate::catalogue::Catalogue;

/// Time between ticks.
const TICK: Duration = Duration::from_millis(50);

/// Events given to a pattern before others get a turn: one tick's at the highest rate.
const STEP: u64 = 500;

/// Ticks for as long as it is polled.
pub async fn keep_ticking(catalogue: Arc<Catalogue>) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = Instant::now();
        catalogue.tick(now);
        while catalogue.give_due(now, STEP) {
            yield_now().await;
        }
    }
}
