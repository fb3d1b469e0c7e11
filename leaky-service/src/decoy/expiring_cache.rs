//! The expiring cache: keeps every page for its time to live. It rises like a leak until the first
//! page expires; from then on as much goes as comes.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::pages::{Page, Pages};
use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "expiring_cache",
    role: Role::Decoy,
    description: "Expiring cache: grows until the first expiry, then as much goes as comes",
    page: include_str!("expiring_cache.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[TIME_TO_LIVE],
    unclearable: None,
    contract: None,
    fill: b'E',
    new: || Box::<ExpiringCache>::default(),
};

const TIME_TO_LIVE: Parameter = Parameter {
    name: "time_to_live",
    description: "how long it keeps a page; lowering it expires what is older",
    unit: Unit::Milliseconds,
    range: 100..=86_400_000,
    default: 60_000,
};

/// An entry's share of table and queue, on average over their growth: 32 bytes of a table of 16
/// byte entries (as in the unbounded cache), 39 of a queue of 24 byte entries, which takes 28 as
/// size classes go, and has 2 ln 2 = 1.39 slots per entry.
const CONTAINERS_SHARE_BYTES: usize = 71;

#[derive(Default)]
struct ExpiringCache {
    /// Each with the moment when it came.
    pages: Mutex<Pages<Instant>>,
    clock: Mutex<Clock>,
}

#[derive(Clone, Copy)]
struct Clock {
    /// The moment of the last tick: fine enough for this, and free of charge.
    now: Instant,
    time_to_live: Duration,
}

impl Default for Clock {
    fn default() -> Self {
        let time_to_live = Duration::from_millis(TIME_TO_LIVE.default);
        Self { now: Instant::now(), time_to_live }
    }
}

impl Clock {
    fn at(&mut self, now: Instant) -> Self {
        self.now = now;
        *self
    }

    fn is_over(self, came: Instant) -> bool {
        self.now.saturating_duration_since(came) >= self.time_to_live
    }
}

impl Pattern for ExpiringCache {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let rest = handed_out_bytes(size_of::<Page>()) + CONTAINERS_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let page = Box::new(Page {
            chunks: chunks
                .iter()
                .map(|&length| vec![FACTS.fill; length].into_boxed_slice())
                .collect(),
        });
        let now = lock(&self.clock).now;
        lock(&self.pages).insert(now, event.id, page);
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        let clock = lock(&self.clock).at(tick.now);
        let expire = || lock(&self.pages).evict_if(|came| clock.is_over(*came));
        while let Some(page) = expire() {
            drop(page);
        }
    }

    fn count(&self) -> usize {
        lock(&self.pages).len()
    }

    fn clear(&self) -> usize {
        let pages = lock(&self.pages).take();
        pages.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == TIME_TO_LIVE.name {
            lock(&self.clock).time_to_live = Duration::from_millis(value);
        }
    }

    fn evictions(&self) -> Option<u64> {
        Some(lock(&self.pages).evictions())
    }
}
