//! How fast resident memory grows, measured over a stated window, and which requests raise it.

mod events;

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pattern::lock;
use crate::process::ProcessMemory;

pub use events::{GrowthEvents, GrowthSettings, MOST_THRESHOLDS};

/// The rate looks back at most this far.
pub const WINDOW: Duration = Duration::from_mins(1);

/// Time between readings.
const INTERVAL: Duration = Duration::from_secs(1);

/// Readings that cover the window, both its ends included.
const READINGS: usize = (WINDOW.as_secs() / INTERVAL.as_secs()) as usize + 1;

/// Readings that the latest rate looks back at.
const LATEST_READINGS: usize = 11;

/// The last minute of resident memory, one reading per second.
pub struct GrowthWindow {
    readings: Mutex<VecDeque<(Instant, u64)>>,
    /// Resident memory when the service started, in bytes.
    pub rss_at_start_bytes: u64,
}

impl GrowthWindow {
    /// An empty window; growth since the start is counted from now.
    pub fn starting_now() -> Self {
        let rss_at_start_bytes = ProcessMemory::read().map_or(0, |memory| memory.rss_bytes);
        Self { readings: Mutex::new(VecDeque::with_capacity(READINGS)), rss_at_start_bytes }
    }

    /// Takes readings for as long as it is polled.
    pub async fn keep_reading(&self) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Ok(memory) = ProcessMemory::read() {
                self.push(Instant::now(), memory.rss_bytes);
            }
        }
    }

    /// Growth between the oldest and the newest reading, in bytes per second; 0 before there are
    /// two.
    pub fn bytes_per_second(&self) -> f64 {
        self.bytes_per_second_over(READINGS)
    }

    /// The same over the last ten seconds alone: what a forecast for the next seconds needs, when
    /// growth has only begun or has just ended.
    pub fn latest_bytes_per_second(&self) -> f64 {
        self.bytes_per_second_over(LATEST_READINGS)
    }

    fn bytes_per_second_over(&self, most: usize) -> f64 {
        let readings = lock(&self.readings);
        let oldest = readings.len().saturating_sub(most);
        let (Some((from, before)), Some((to, after))) = (readings.get(oldest), readings.back())
        else {
            return 0.0;
        };
        let seconds = to.duration_since(*from).as_secs_f64();
        if seconds > 0.0 { (*after as f64 - *before as f64) / seconds } else { 0.0 }
    }

    fn push(&self, at: Instant, rss_bytes: u64) {
        let mut readings = lock(&self.readings);
        if readings.len() == READINGS {
            readings.pop_front();
        }
        readings.push_back((at, rss_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_minute() {
        let window = GrowthWindow::starting_now();
        assert!(window.bytes_per_second().abs() < f64::EPSILON);
        let start = Instant::now();
        for second in 0..100 {
            // Flat for 39 s, then 1,000 bytes more each second.
            let rss_bytes = 5_000_000 + 1000 * (second - 39_u64.min(second));
            window.push(start + Duration::from_secs(second), rss_bytes);
        }
        assert!((window.bytes_per_second() - 1000.0).abs() < 1e-6);
        assert_eq!(lock(&window.readings).len(), READINGS);
    }

    #[test]
    fn the_latest_rate_is_that_of_the_last_ten_seconds() {
        let window = GrowthWindow::starting_now();
        let start = Instant::now();
        for second in 0..=30 {
            // Flat for 20 s, then 1,000 bytes more each second.
            let rss_bytes = 5_000_000 + 1000 * (second - 20_u64.min(second));
            window.push(start + Duration::from_secs(second), rss_bytes);
        }
        assert!((window.latest_bytes_per_second() - 1000.0).abs() < 1e-6);
        assert!((window.bytes_per_second() - 1000.0 / 3.0).abs() < 1e-6);
    }
}
