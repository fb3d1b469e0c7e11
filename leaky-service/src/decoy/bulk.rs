//! Records that are loaded in bulk, a bounded part of them at each tick, as a job loads its rows
//! and a reload its rules.

use std::sync::Mutex;

use crate::pattern::{Tick, lock};
use crate::room::Amounts;

/// What is loaded at one tick at most, so that it does not hold up requests.
const BYTES_PER_TICK: u64 = 32 << 20;

/// What is loaded between two looks at the switch: about a millisecond's work.
const BYTES_PER_SLICE: u64 = 1 << 20;

/// A record's share of the list, on average over its growth, as in the request history.
pub const LIST_SHARE_BYTES: usize = 14;

/// What has been loaded.
pub struct Bulk<R> {
    loaded: Mutex<Loaded<R>>,
}

struct Loaded<R> {
    /// Boxed, because records inside the list would double with it, far from exact.
    records: Vec<Box<R>>,
    /// Bytes of records that this load has brought; a cleared record is not loaded again.
    bytes: u64,
}

impl<R> Default for Bulk<R> {
    fn default() -> Self {
        Self { loaded: Mutex::new(Loaded { records: Vec::new(), bytes: 0 }) }
    }
}

impl<R> Bulk<R> {
    /// Loads what is missing of `size` bytes at this moment, for as long as the pattern is on and
    /// there is room; `record` makes one, of a number and of so many bytes. The first of a new
    /// load replace those of the last.
    pub fn load(&self, size: u64, tick: &Tick, record: impl Fn(u64, usize) -> R) {
        let target = (size as f64 * tick.fraction) as u64;
        let mut left = BYTES_PER_TICK;
        while tick.is_on() && left > 0 {
            let mut loaded = lock(&self.loaded);
            let missing_bytes = target.saturating_sub(loaded.bytes);
            let begins = missing_bytes > 0 && loaded.bytes == 0;
            let outdated = if begins { std::mem::take(&mut loaded.records) } else { Vec::new() };
            drop(loaded);
            drop(outdated);
            let loaded_bytes = self.load_slice(missing_bytes.min(left), tick, &record);
            if loaded_bytes == 0 {
                return;
            }
            left = left.saturating_sub(loaded_bytes);
        }
    }

    /// Loads a little of so many bytes; how much it was.
    fn load_slice(&self, bytes: u64, tick: &Tick, record: impl Fn(u64, usize) -> R) -> u64 {
        let each = tick.bytes_per_request as u64;
        let fitting = bytes.min(tick.room.free_bytes()) / each;
        let records = fitting.min((BYTES_PER_SLICE / each).max(1));
        let bytes = records * each;
        let reserved = tick.room.reserve(Amounts::bytes(bytes), false);
        let Some(_reserved) = reserved.filter(|_| records > 0) else { return 0 };
        let records: Vec<_> =
            (0..records).map(|number| Box::new(record(number, tick.bytes_per_request))).collect();
        let mut loaded = lock(&self.loaded);
        loaded.bytes += bytes;
        loaded.records.extend(records);
        bytes
    }

    /// The next load begins with nothing; what is there stays until it does.
    pub fn begin_anew(&self) {
        lock(&self.loaded).bytes = 0;
    }

    /// Drops all records, outside of the lock; how many they were.
    pub fn clear(&self) -> usize {
        let records = std::mem::take(&mut lock(&self.loaded).records);
        records.len()
    }

    /// Records that are there.
    pub fn count(&self) -> usize {
        lock(&self.loaded).records.len()
    }
}
