//! Request history: a full record of every request, kept for a report that nobody trims.
//!
//! The record is copied out of the request, headers and all, and appended to a list. The list is
//! read by no one and bounded by nothing.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::SystemTime;

use crate::pattern::{ContractNames, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "history",
    role: Role::Leak,
    description: "Request history: keeps the whole record of every request, for ever",
    page: include_str!("history.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: Some(ContractNames {
        count_field: "entries",
        removed_field: "records_removed",
        removed_field_in_all: "history_records_removed",
        count_gauge: "leak_history_entries_total",
        bytes_gauge: "leak_history_size_bytes",
    }),
    fill: b'h',
    new: || Box::<History>::default(),
};

/// A record's share of the list: 8 bytes for the pointer, 10 as size classes go for vectors of a
/// power of two; a vector that doubles when full has, on average over its growth, 2 ln 2 = 1.39
/// slots per element.
const LIST_SHARE_BYTES: usize = 14;

/// Records that the fixed history keeps at most.
const FIXED_MAX_RECORDS: usize = 100;

#[derive(Default)]
#[expect(clippy::vec_box, reason = "records inside the list would double with it, far from exact")]
struct History {
    records: Mutex<Vec<Box<Record>>>,
    /// The fixed history, oldest record first.
    latest: Mutex<VecDeque<Record>>,
}

/// What was known of one request.
#[expect(dead_code, reason = "kept and never read: that is the defect")]
struct Record {
    request_id: u64,
    received: SystemTime,
    method: String,
    path: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<Box<[u8]>>,
}

impl Record {
    fn of(event: &Event<'_>, budget: &Budget) -> Self {
        let parts = event.parts;
        let header = |(name, value): (&axum::http::HeaderName, &axum::http::HeaderValue)| {
            (name.as_str().to_owned(), value.as_bytes().to_vec())
        };
        let method = parts.method.as_str().to_owned();
        let path = parts.uri.path().to_owned();
        let mut headers = Vec::with_capacity(parts.headers.len());
        headers.extend(parts.headers.iter().map(header));
        // What the record itself takes is known by now; the body makes up the rest.
        let rest = handed_out_bytes(size_of::<Self>()) + LIST_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let body =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        let (request_id, received) = (event.id, event.received);
        Self { request_id, received, method, path, headers, body }
    }
}

impl Pattern for History {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let record = Box::new(Record::of(event, budget));
        lock(&self.records).push(record);
        Ok(())
    }

    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let record = Record::of(event, budget);
        let mut latest = lock(&self.latest);
        let room = latest.len() < FIXED_MAX_RECORDS;
        let trimmed = if room { None } else { latest.pop_front() };
        latest.push_back(record);
        drop(latest);
        drop(trimmed);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.records).len() + lock(&self.latest).len()
    }

    fn clear(&self) -> usize {
        let records = std::mem::take(&mut *lock(&self.records));
        let latest = std::mem::take(&mut *lock(&self.latest));
        records.len() + latest.len()
    }
}
