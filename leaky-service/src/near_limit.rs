//! Whether the limit of the control group is near: said by `/health`, and warned of in the log.
//!
//! It only tells. Nothing is freed or refused here, because the lab is about what happens next.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use bytesize::ByteSize;

use crate::cgroup::MemoryLimit;
use crate::pattern::lock;
use crate::service::Service;

/// The share of the limit from which on it is near, unless told otherwise.
pub const DEFAULT_FRACTION: f64 = 0.8;

/// Time between looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Time between two warnings, however often memory comes and goes meanwhile.
const PAUSE: Duration = Duration::from_secs(10);

/// Memory is short, and how short.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortage {
    /// The limit and its use.
    pub limit: MemoryLimit,
    /// How fast resident memory grows, in bytes per second; may be negative.
    pub bytes_per_second: f64,
}

/// What is known of the limit, as of the last look.
pub struct NearLimit {
    fraction: f64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    shortage: Option<Shortage>,
    warned: Option<Instant>,
    /// Whether the last thing said was that memory is short.
    said_short: bool,
}

impl NearLimit {
    /// `fraction` of the limit is near it; 0 to 1.
    pub fn from(fraction: f64) -> Self {
        Self { fraction, state: Mutex::default() }
    }

    /// How short memory is; `None` if there is no limit, or it is not near.
    pub fn shortage(&self) -> Option<Shortage> {
        lock(&self.state).shortage
    }

    /// Takes note of a look, and says what the log should.
    fn note(&self, now: Instant, limit: Option<MemoryLimit>, rate: f64) -> Option<String> {
        let shortage = limit
            .filter(|limit| limit.used_bytes as f64 >= self.fraction * limit.limit_bytes as f64)
            .map(|limit| Shortage { limit, bytes_per_second: rate });
        let mut state = lock(&self.state);
        state.shortage = shortage;
        if state.warned.is_some_and(|warned| now.saturating_duration_since(warned) < PAUSE) {
            return None;
        }
        let said_short = std::mem::replace(&mut state.said_short, shortage.is_some());
        let Some(shortage) = shortage else {
            return said_short.then(|| "memory is no longer near its limit".to_owned());
        };
        state.warned = Some(now);
        Some(format!("warning: {}", shortage.reason()))
    }
}

impl Shortage {
    /// When the limit is reached if memory goes on to grow as it does; `None` if it does not grow.
    pub fn time_left(&self) -> Option<Duration> {
        let seconds = self.limit.room_bytes() as f64 / self.bytes_per_second;
        let grows = self.bytes_per_second > 0.0;
        // Beyond any duration it is as good as never.
        grows.then(|| Duration::try_from_secs_f64(seconds).ok()).flatten()
    }

    /// The same in a sentence.
    pub fn reason(&self) -> String {
        let MemoryLimit { limit_bytes, used_bytes } = self.limit;
        let percent = 100.0 * used_bytes as f64 / limit_bytes as f64;
        let (used, limit) = (ByteSize::b(used_bytes), ByteSize::b(limit_bytes));
        let outlook = self.time_left().map_or_else(
            || "it does not grow".to_owned(),
            |left| {
                let rate = ByteSize::b(self.bytes_per_second as u64);
                // Fractions of a second would only look exact.
                let left = Duration::from_secs(left.as_secs().max(1));
                let left = humantime::format_duration(left);
                format!("it grows by {rate}/s and is full in {left}, then the kernel kills")
            },
        );
        format!(
            "memory is near the limit of the control group: {used} of {limit} ({percent:.0} %) are used; {outlook}"
        )
    }
}

/// Looks for as long as it is polled.
pub async fn keep_watch(service: &Service) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // A limit that cannot be read is none that could be warned of.
        let limit = MemoryLimit::read().ok().flatten();
        let rate = service.growth().latest_bytes_per_second();
        if let Some(line) = service.near_limit().note(Instant::now(), limit, rate) {
            // The log may have gone; the service runs all the same.
            crate::say(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn used(mebibytes: u64) -> MemoryLimit {
        MemoryLimit { limit_bytes: 256 * MIB, used_bytes: mebibytes * MIB }
    }

    #[test]
    fn near_the_limit_it_says_how_much_is_used_and_when_it_is_full() {
        let near = NearLimit::from(0.75);
        let now = Instant::now();
        assert_eq!(near.note(now, Some(used(191)), 1e6), None);
        assert_eq!(near.shortage(), None);
        let line = near.note(now, Some(used(192)), (4 * MIB) as f64).unwrap();
        let expected = "warning: memory is near the limit of the control group: 192.0 MiB of 256.0 MiB (75 %) are used; it grows by 4.0 MiB/s and is full in 16s, then the kernel kills";
        assert_eq!(line, expected);
        assert_eq!(near.shortage().unwrap().time_left(), Some(Duration::from_secs(16)));
    }

    #[test]
    fn memory_that_does_not_grow_has_no_time_left_to_tell() {
        for rate in [0.0, -1e6, 1e-300] {
            let shortage = Shortage { limit: used(255), bytes_per_second: rate };
            assert_eq!(shortage.time_left(), None, "{rate}");
            assert!(shortage.reason().ends_with("it does not grow"));
        }
    }

    #[test]
    fn warnings_come_at_once_and_then_at_intervals_however_memory_comes_and_goes() {
        let near = NearLimit::from(0.5);
        let began = Instant::now();
        let mut said = Vec::new();
        for second in 0..60 {
            let mebibytes = if second < 40 && second % 2 == 0 { 200 } else { 10 };
            let now = began + Duration::from_secs(second);
            if let Some(line) = near.note(now, Some(used(mebibytes)), 0.0) {
                said.push((second, line.starts_with("warning: ")));
            }
            assert_eq!(near.shortage().is_some(), mebibytes == 200, "health does not wait");
        }
        assert_eq!(said, [(0, true), (10, true), (20, true), (30, true), (40, false)]);
    }

    #[test]
    fn without_a_limit_nothing_is_near() {
        let near = NearLimit::from(0.0);
        assert_eq!(near.note(Instant::now(), None, 1e9), None);
        assert_eq!(near.shortage(), None);
    }
}
