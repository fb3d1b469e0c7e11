//! The bounded cache: rises like a leak while it fills, then evicts the oldest entry for each new
//! one and stays where it is.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Mutex;

use crate::pattern::{ContractNames, Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "bounded_cache",
    role: Role::Decoy,
    description: "Bounded cache: fills to max_entries, then evicts the oldest for each new one",
    page: include_str!("bounded_cache.md"),
    takes: &[Resource::Heap],
    parameters: &[MAX_ENTRIES],
    unclearable: None,
    contract: Some(ContractNames {
        count_field: "entries",
        removed_field: "entries_removed",
        removed_field_in_all: "bounded_cache_entries_removed",
        count_gauge: "bounded_cache_entries",
        bytes_gauge: "bounded_cache_size_bytes",
    }),
    fill: b'b',
    new: || Box::<BoundedCache>::default(),
};

const MAX_ENTRIES: Parameter = Parameter {
    name: "max_entries",
    description: "entries it keeps at most; lowering it evicts what is beyond",
    unit: Unit::Count,
    range: 1..=1_000_000,
    default: 1000,
};

/// An entry's share of table and queue, on average over their growth: 32 bytes of a table of 16
/// byte entries (as in the unbounded cache), 14 of a queue of 8 byte keys.
const CONTAINERS_SHARE_BYTES: usize = 46;

#[derive(Default)]
struct BoundedCache {
    pages: Mutex<Pages>,
}

struct Pages {
    by_key: HashMap<u64, Box<Page>>,
    /// Keys of `by_key`, oldest first.
    order: VecDeque<u64>,
    max_entries: usize,
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
            max_entries: MAX_ENTRIES.default as usize,
            evictions: 0,
        }
    }
}

impl Pages {
    /// Takes out the oldest page if there are more than `keep`.
    fn evict_beyond(&mut self, keep: usize) -> Option<Box<Page>> {
        if self.by_key.len() <= keep {
            return None;
        }
        let oldest = self.order.pop_front()?;
        self.evictions += 1;
        self.by_key.remove(&oldest)
    }
}

impl Pattern for BoundedCache {
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
        let room = pages.max_entries - 1;
        let evicted = pages.evict_beyond(room);
        pages.order.push_back(event.id);
        pages.by_key.insert(event.id, page);
        drop(pages);
        drop(evicted);
        Ok(())
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
        if parameter == MAX_ENTRIES.name {
            self.set_max_entries(value as usize);
        }
    }

    fn evictions(&self) -> Option<u64> {
        Some(lock(&self.pages).evictions)
    }
}

impl BoundedCache {
    fn set_max_entries(&self, max_entries: usize) {
        lock(&self.pages).max_entries = max_entries;
        let evict = || lock(&self.pages).evict_beyond(max_entries);
        while let Some(page) = evict() {
            drop(page);
        }
    }
}
