//! Fragmentation: documents come and go, but an index keeps one string in sixteen for longer, and
//! each of those keeps the allocator's run of blocks around it from being used for anything else.
//! Resident memory rises above what is in use, until every size has had its turn.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "fragmentation",
    role: Role::Decoy,
    description: "Fragmentation: few long-lived strings among many short-lived ones of other sizes",
    page: include_str!("fragmentation.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[DOCUMENTS],
    unclearable: None,
    contract: None,
    fill: b'F',
    new: || Box::<Fragmentation>::default(),
};

const DOCUMENTS: Parameter = Parameter {
    name: "documents",
    description: "documents it keeps; after so many, strings have the next size",
    unit: Unit::Count,
    range: 1..=100_000,
    default: 1000,
};

/// Sizes of strings, which the documents have in turn. jemalloc hands out 256, 640, 896 and 1280
/// bytes for them, from runs of 16 to 32 blocks that are of one size as long as one block lives.
const STRING_BYTES: [usize; 4] = [240, 624, 880, 1264];

/// One string of so many is in the index: about one to a run.
const INDEXED: u64 = 16;

/// A document's share of the queue, on average over its growth, as in the request history.
const QUEUE_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Fragmentation {
    store: Mutex<Store>,
}

struct Store {
    /// Oldest first.
    documents: VecDeque<Box<Document>>,
    /// Strings of documents that are gone, with the number of their document; oldest first.
    index: VecDeque<(u64, Box<[u8]>)>,
    max_documents: usize,
    /// Documents written so far.
    written: u64,
}

struct Document {
    number: u64,
    strings: Vec<Box<[u8]>>,
    /// What is left of the document's size after whole strings.
    _rest: Vec<Box<[u8]>>,
}

impl Default for Store {
    fn default() -> Self {
        let max_documents = DOCUMENTS.default as usize;
        let (documents, index) = (VecDeque::new(), VecDeque::new());
        Self { documents, index, max_documents, written: 0 }
    }
}

impl Document {
    fn write(number: u64, string_bytes: usize, budget: &Budget) -> Self {
        let each = handed_out_bytes(string_bytes) + size_of::<Box<[u8]>>();
        let own = handed_out_bytes(size_of::<Self>()) + QUEUE_SHARE_BYTES;
        // A vector takes at most a quarter more than its elements, and its header.
        let strings = budget.bytes().saturating_sub(2 * own) / (each + 4);
        let strings =
            (0..strings).map(|_| vec![FACTS.fill; string_bytes].into_boxed_slice()).collect();
        let rest = budget.chunks(own);
        let rest = rest.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { number, strings, _rest: rest }
    }

    /// The strings that the index keeps when the document goes.
    fn into_indexed(self) -> impl Iterator<Item = (u64, Box<[u8]>)> {
        let number = self.number;
        let first = number * self.strings.len() as u64;
        let numbered = (first..).zip(self.strings);
        let indexed = numbered.filter(|(string, _)| string % INDEXED == 0);
        indexed.map(move |(_, string)| (number, string))
    }
}

impl Store {
    /// The number of the next document, and how long its strings are.
    fn next(&mut self) -> (u64, usize) {
        let number = self.written;
        self.written += 1;
        let turn = number / self.max_documents as u64 % STRING_BYTES.len() as u64;
        (number, STRING_BYTES[turn as usize])
    }

    /// Lets the oldest document go if there are too many; the index keeps some of it.
    fn expel(&mut self) -> bool {
        if self.documents.len() <= self.max_documents {
            return false;
        }
        let oldest = self.documents.pop_front();
        self.index.extend(oldest.into_iter().flat_map(|document| document.into_indexed()));
        true
    }

    /// Lets the oldest string of the index go once every size has had a turn since.
    fn forget(&mut self) -> bool {
        let turns = (STRING_BYTES.len() * self.max_documents) as u64;
        let is_old =
            |(document, _): &mut (u64, Box<[u8]>)| document.saturating_add(turns) < self.written;
        self.index.pop_front_if(is_old).is_some()
    }
}

impl Pattern for Fragmentation {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let (number, string_bytes) = lock(&self.store).next();
        let document = Box::new(Document::write(number, string_bytes, budget));
        let mut store = lock(&self.store);
        store.documents.push_back(document);
        while store.expel() || store.forget() {}
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.store).documents.len()
    }

    fn clear(&self) -> usize {
        let mut store = lock(&self.store);
        let documents = std::mem::take(&mut store.documents);
        let index = std::mem::take(&mut store.index);
        drop(store);
        drop(index);
        documents.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == DOCUMENTS.name {
            lock(&self.store).max_documents = value as usize;
            while lock(&self.store).expel() {}
        }
    }
}
