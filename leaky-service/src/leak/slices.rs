//! Slices that pin: a few bytes of each upload are kept, and with them the upload.
//!
//! The handler wants to remember which media types are uploaded, so it keeps the first bytes of
//! each body. A slice of `Bytes` costs nothing, because it shares the buffer that it is a slice
//! of. For the same reason the buffer lives as long as the slice.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;

use axum::body::Bytes;

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "slices",
    role: Role::Leak,
    description: "Pinning slices: the first bytes of each upload are kept, and the upload with them",
    page: include_str!("slices.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b's',
    new: || Box::<Slices>::default(),
};

/// Enough of a body to recognise its media type by.
const MAGIC_BYTES: usize = 16;

/// What `Bytes` keeps beside its owner: a count.
const COUNT_BYTES: usize = size_of::<usize>();

/// A slice's share of the list: 32 bytes, 40 as size classes go for vectors of a power of two; a
/// vector that doubles when full has, on average over its growth, 2 ln 2 = 1.39 slots per
/// element.
const LIST_SHARE_BYTES: usize = 55;

/// Beginnings that the fixed list keeps at most.
const FIXED_MAX_BEGINNINGS: usize = 100;

#[derive(Default)]
struct Slices {
    beginnings: Mutex<Vec<Bytes>>,
    /// The fixed list, oldest first.
    latest: Mutex<VecDeque<Bytes>>,
}

/// A body, as it arrived: in chunks. Its reader sees the first.
struct Upload {
    chunks: Vec<Box<[u8]>>,
}

impl Upload {
    fn receive(budget: &Budget) -> Bytes {
        let chunks =
            budget.chunks(handed_out_bytes(COUNT_BYTES + size_of::<Self>()) + LIST_SHARE_BYTES);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Bytes::from_owner(Self { chunks })
    }
}

impl AsRef<[u8]> for Upload {
    fn as_ref(&self) -> &[u8] {
        self.chunks.first().map_or(&[], |chunk| &**chunk)
    }
}

/// Where the media type can be seen.
fn beginning(body: &Bytes) -> std::ops::Range<usize> {
    0..body.len().min(MAGIC_BYTES)
}

impl Pattern for Slices {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let body = Upload::receive(budget);
        // The defect: sixteen bytes to read, and the whole body to keep.
        let magic = body.slice(beginning(&body));
        lock(&self.beginnings).push(magic);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let body = Upload::receive(budget);
        let magic = Bytes::copy_from_slice(&body[beginning(&body)]);
        let mut latest = lock(&self.latest);
        if latest.len() == FIXED_MAX_BEGINNINGS {
            latest.pop_front();
        }
        latest.push_back(magic);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.beginnings).len() + lock(&self.latest).len()
    }

    fn clear(&self) -> usize {
        let beginnings = std::mem::take(&mut *lock(&self.beginnings));
        let latest = std::mem::take(&mut *lock(&self.latest));
        beginnings.len() + latest.len()
    }
}
