//! The bounded cache: rises like a leak while it fills, then evicts the oldest entry for each new
//! one and stays where it is.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::pages::{Page, Pages};
use crate::pattern::{ContractNames, Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "bounded_cache",
    role: Role::Decoy,
    description: "Bounded cache: fills to max_entries, then evicts the oldest for each new one",
    page: include_str!("bounded_cache.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
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
    pages: Mutex<Pages<()>>,
    max_entries: AtomicUsize,
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
        let is_full = pages.len() >= self.max_entries.load(Ordering::Relaxed);
        let evicted = pages.evict_if(|()| is_full);
        pages.insert((), event.id, page);
        drop(pages);
        drop(evicted);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.pages).len()
    }

    fn clear(&self) -> usize {
        let pages = lock(&self.pages).take();
        pages.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == MAX_ENTRIES.name {
            self.set_max_entries(value as usize);
        }
    }

    fn evictions(&self) -> Option<u64> {
        Some(lock(&self.pages).evictions())
    }
}

impl BoundedCache {
    fn set_max_entries(&self, max_entries: usize) {
        self.max_entries.store(max_entries, Ordering::Relaxed);
        let evict = || {
            let mut pages = lock(&self.pages);
            let is_beyond = pages.len() > max_entries;
            pages.evict_if(|()| is_beyond)
        };
        while let Some(page) = evict() {
            drop(page);
        }
    }
}
