//! The expiring cache: keeps every page for its time to live. It rises like a leak until the first
//! page expires; from then on as much goes as comes.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "expiring_cache",
    role: Role::Decoy,
    description: "Expiring cache: grows until the first expiry, then as much goes as comes",
    page: include_str!("expiring_cache.md"),
    takes: &[Resource::Heap],
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
    pages: Mutex<Pages>,
}

struct Pages {
    by_key: HashMap<u64, Box<Page>>,
    /// Keys of `by_key` and when each came, oldest first.
    order: VecDeque<(Instant, u64)>,
    time_to_live: Duration,
    /// The moment of the last tick: fine enough for this, and free of charge.
    now: Instant,
    evictions: u64,
}

#[expect(dead_code, reason = "pages are served by key, and no key comes again")]
struct Page {
    chunks: Vec<Box<[u8]>>,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            by_key: HashMap::new(),
            order: VecDeque::new(),
            time_to_live: Duration::from_millis(TIME_TO_LIVE.default),
            now: Instant::now(),
            evictions: 0,
        }
    }
}

impl Pages {
    /// Takes out the oldest page if its time is over.
    fn expire(&mut self) -> Option<Box<Page>> {
        let (now, time_to_live) = (self.now, self.time_to_live);
        let over =
            |(came, _): &mut (Instant, u64)| now.saturating_duration_since(*came) >= time_to_live;
        let (_, oldest) = self.order.pop_front_if(over)?;
        self.evictions += 1;
        self.by_key.remove(&oldest)
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
        let mut pages = lock(&self.pages);
        let now = pages.now;
        pages.order.push_back((now, event.id));
        pages.by_key.insert(event.id, page);
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        lock(&self.pages).now = tick.now;
        let expire = || lock(&self.pages).expire();
        while let Some(page) = expire() {
            drop(page);
        }
    }

    fn count(&self) -> usize {
        lock(&self.pages).by_key.len()
    }

    fn clear(&self) -> usize {
        let mut pages = lock(&self.pages);
        let by_key = std::mem::take(&mut pages.by_key);
        let order = std::mem::take(&mut pages.order);
        drop(pages);
        drop(order);
        by_key.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == TIME_TO_LIVE.name {
            lock(&self.pages).time_to_live = Duration::from_millis(value);
        }
    }

    fn evictions(&self) -> Option<u64> {
        Some(lock(&self.pages).evictions)
    }
}
