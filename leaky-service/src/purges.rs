//! How often the allocator was told to give back what it keeps, and how long that took.

use std::sync::Mutex;
use std::time::Duration;

use crate::pattern::lock;

/// The purges that somebody asked for.
#[derive(Debug, Default)]
pub struct Purges {
    count_and_last: Mutex<(u64, Duration)>,
}

impl Purges {
    /// Takes note of one.
    pub fn note(&self, took: Duration) {
        let mut noted = lock(&self.count_and_last);
        *noted = (noted.0 + 1, took);
    }

    /// How many there were, and how long the last one took; zero before the first.
    pub fn read(&self) -> (u64, Duration) {
        *lock(&self.count_and_last)
    }
}
