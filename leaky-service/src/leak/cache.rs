//! The unbounded cache: pages rendered once, kept under a key that never comes again.
//!
//! The author meant to render each page once. But the key contains the request's id, so nothing
//! is ever found, and nothing is ever evicted either: every request adds a page.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Mutex;

use crate::pattern::{ContractNames, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "cache",
    role: Role::Leak,
    description: "Unbounded cache: keyed by something that never repeats, it evicts nothing",
    page: include_str!("cache.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: Some(ContractNames {
        count_field: "entries",
        removed_field: "entries_removed",
        removed_field_in_all: "cache_entries_removed",
        count_gauge: "leak_cache_entries_total",
        bytes_gauge: "leak_cache_size_bytes",
    }),
    fill: b'c',
    new: || Box::<Cache>::default(),
};

/// An entry's share of the table. A bucket is 16 bytes for key and pointer and one of control,
/// 20 as size classes go for tables of a power of two; a table that doubles when 7/8 full has, on
/// average over its growth, 16/7 ln 2 = 1.58 buckets per entry.
const TABLE_SHARE_BYTES: usize = 32;

/// Pages that the fixed cache keeps at most.
const FIXED_MAX_PAGES: usize = 100;

#[derive(Default)]
struct Cache {
    pages: Mutex<HashMap<u64, Box<Page>>>,
    /// The fixed cache, oldest page first.
    bounded: Mutex<VecDeque<Page>>,
}

struct Page {
    chunks: Vec<Box<[u8]>>,
}

impl Page {
    fn render(budget: &Budget) -> Self {
        let rest = handed_out_bytes(size_of::<Self>()) + TABLE_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { chunks }
    }

    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

impl Pattern for Cache {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // The defect: the id makes each key new, so this always misses.
        let key = event.id;
        if lock(&self.pages).get(&key).is_some_and(|page| !page.is_empty()) {
            return Ok(());
        }
        let page = Box::new(Page::render(budget));
        lock(&self.pages).insert(key, page);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let page = Page::render(budget);
        let mut bounded = lock(&self.bounded);
        let room = bounded.len() < FIXED_MAX_PAGES;
        let evicted = if room { None } else { bounded.pop_front() };
        bounded.push_back(page);
        drop(bounded);
        drop(evicted);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.pages).len() + lock(&self.bounded).len()
    }

    fn clear(&self) -> usize {
        let pages = std::mem::take(&mut *lock(&self.pages));
        let bounded = std::mem::take(&mut *lock(&self.bounded));
        pages.len() + bounded.len()
    }
}
