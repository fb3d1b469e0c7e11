//! The unbounded cache: pages rendered once, kept under a key that never comes again.
//!
//! The author meant to render each page once. But the key contains the request's id, so nothing
//! is ever found, and nothing is ever evicted either: every request adds a page.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::pattern::{Facts, Pattern, Request, Role, lock};
use crate::payload::Budget;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "cache",
    role: Role::Leak,
    description: "Unbounded cache: keyed by something that never repeats, it evicts nothing",
    count_field: "entries",
    removed_field: "entries_removed",
    removed_field_in_all: "cache_entries_removed",
    count_gauge: "leak_cache_entries_total",
    bytes_gauge: "leak_cache_size_bytes",
    fill: b'c',
    new: || Box::<Cache>::default(),
};

/// An entry's share of the table. A bucket is 16 bytes for key and pointer and one of control,
/// 20 as size classes go for tables of a power of two; a table that doubles when 7/8 full has, on
/// average over its growth, 16/7 ln 2 = 1.58 buckets per entry.
const TABLE_SHARE_BYTES: usize = 32;

#[derive(Default)]
struct Cache {
    pages: Mutex<HashMap<u64, Box<Page>>>,
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
    fn touch(&self, request: &Request<'_>, budget: &Budget) {
        // The defect: the id makes each key new, so this always misses.
        let key = request.id;
        if lock(&self.pages).get(&key).is_some_and(|page| !page.is_empty()) {
            return;
        }
        let page = Box::new(Page::render(budget));
        lock(&self.pages).insert(key, page);
    }

    fn count(&self) -> usize {
        lock(&self.pages).len()
    }

    fn clear(&self) -> usize {
        let pages = std::mem::take(&mut *lock(&self.pages));
        pages.len()
    }
}
