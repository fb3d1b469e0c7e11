//! Warm-up: a table for each key, built when the key first comes. The keys are finite: the more
//! there are tables for, the less often one is missing, so memory rises ever more slowly.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "warm_up",
    role: Role::Decoy,
    description: "Warm-up: builds a table per key when it first comes, of a finite set of keys",
    page: include_str!("warm_up.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[KEYS],
    unclearable: None,
    contract: None,
    fill: b'W',
    new: || Box::<WarmUp>::default(),
};

const KEYS: Parameter = Parameter {
    name: "keys",
    description: "different keys that requests ask for; lowering it drops the tables of the rest",
    unit: Unit::Count,
    range: 1..=1_000_000,
    default: 1000,
};

/// A table's share of the map, on average over its growth, as in the unbounded cache.
const MAP_SHARE_BYTES: usize = 32;

#[derive(Default)]
struct WarmUp {
    tables: Mutex<Tables>,
}

struct Tables {
    by_key: HashMap<u64, Box<Table>>,
    keys: u64,
}

struct Table {
    chunks: Vec<Box<[u8]>>,
}

impl Default for Tables {
    fn default() -> Self {
        Self { by_key: HashMap::new(), keys: KEYS.default }
    }
}

impl Table {
    fn build(budget: &Budget) -> Self {
        let rest = handed_out_bytes(size_of::<Self>()) + MAP_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { chunks }
    }

    fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// What the request asks for: any of the keys, each as likely as the others, and the same in every
/// run.
fn key_of(request_id: u64, keys: u64) -> u64 {
    // The finaliser of SplitMix64 (Steele, Lea and Flood 2014): consecutive ids are spread evenly.
    let mixed = request_id.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % keys
}

impl Pattern for WarmUp {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let tables = lock(&self.tables);
        let key = key_of(event.id, tables.keys);
        if tables.by_key.get(&key).is_some_and(|table| !table.is_empty()) {
            return Ok(());
        }
        drop(tables);
        let table = Box::new(Table::build(budget));
        // Somebody else may have built it meanwhile; the later one serves.
        let replaced = lock(&self.tables).by_key.insert(key, table);
        drop(replaced);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.tables).by_key.len()
    }

    fn clear(&self) -> usize {
        let by_key = std::mem::take(&mut lock(&self.tables).by_key);
        by_key.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == KEYS.name {
            let mut tables = lock(&self.tables);
            tables.keys = value;
            tables.by_key.retain(|key, _| *key < value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_keys_that_have_come_is_that_of_random_requests() {
        let keys = 1000;
        let mut seen = std::collections::HashSet::new();
        for request in 1..=5 * keys {
            seen.insert(key_of(request, keys));
            // Of n keys, k random requests leave n exp(-k / n) unseen, give or take sqrt(n) / 2.
            let unseen = keys as f64 * (-(request as f64) / keys as f64).exp();
            let found = keys as f64 - seen.len() as f64;
            assert!((found - unseen).abs() < 50.0, "{found} unseen after {request}, not {unseen}");
        }
    }
}
