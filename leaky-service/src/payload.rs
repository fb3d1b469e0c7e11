//! Payloads of an exact size, although the allocator rounds every block up.
//!
//! A 10 KiB block with its header would take 12 KiB from jemalloc. So a payload arrives as a body
//! does, in chunks, and the chunks are chosen to fill size classes to the last byte: the largest
//! class that leaves room for the rest, then the largest that fits what is left, and so on, down
//! to less than the smallest step between classes, 16 bytes.

use std::ops::{Deref, RangeInclusive};

use crate::tracker::{handed_out_bytes, net_bytes_here};

/// What an entry of a pattern may be configured to take, in bytes.
pub const BYTES_PER_REQUEST: RangeInclusive<usize> = 1024..=16 * 1024 * 1024;

/// Four fill any payload to within 16 bytes where pages are 4 KiB; larger pages may take more.
const MAX_CHUNKS: usize = 6;

/// jemalloc's smallest step between sizes; the smallest block with a header takes two.
const QUANTUM: usize = 16;
const SMALLEST_CHUNK: usize = 2 * QUANTUM;

/// From here on jemalloc's sizes may be any number of pages.
const PAGED_FROM: usize = 32 * 1024;
const PAGE: usize = 4096;

/// What one entry may take, all its blocks together.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    bytes_per_request: usize,
    /// The reading of the thread's meter when the entry was begun.
    begun_at: i64,
}

/// Lengths of the chunks of a payload, to be allocated as exactly sized blocks of bytes and kept
/// in an exactly sized vector.
#[derive(Clone, Copy, Debug)]
pub struct Chunks {
    lengths: [usize; MAX_CHUNKS],
    count: usize,
}

impl Budget {
    /// Begins an entry of this many bytes: what the account being measured on this thread takes
    /// from here on counts towards it.
    pub fn begin(bytes_per_request: usize) -> Self {
        Self { bytes_per_request, begun_at: net_bytes_here() }
    }

    /// What the entry may take as a whole, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes_per_request
    }

    /// The chunks that fill what is left when `still_to_come` bytes more, as the allocator hands
    /// them out, are kept for the rest of the entry.
    pub fn chunks(&self, still_to_come: usize) -> Chunks {
        let spent = usize::try_from(net_bytes_here() - self.begun_at).unwrap_or(0);
        Chunks::filling(self.bytes_per_request.saturating_sub(spent + still_to_come))
    }
}

impl Chunks {
    /// The chunks that take, together with the vector that holds them, as nearly `bytes` as can
    /// be without taking more.
    fn filling(bytes: usize) -> Self {
        // Of equally good choices the last counts, so the fewest chunks come last.
        (1..=MAX_CHUNKS)
            .rev()
            .filter_map(|count| Self::exactly(count, bytes))
            .max_by_key(Self::handed_out_bytes)
            .unwrap_or(Self { lengths: [0; MAX_CHUNKS], count: 0 })
    }

    /// So many chunks, each as large as can be while the later ones still have room.
    fn exactly(count: usize, bytes: usize) -> Option<Self> {
        let mut rest = bytes.checked_sub(vector_bytes(count))?;
        let mut chunks = Self { lengths: [0; MAX_CHUNKS], count };
        for (later, length) in (0..count).rev().zip(&mut chunks.lengths) {
            let room = rest.checked_sub(later * SMALLEST_CHUNK)?;
            let chunk = size_class_within(room).filter(|&chunk| chunk >= SMALLEST_CHUNK)?;
            *length = chunk - QUANTUM;
            rest -= chunk;
        }
        Some(chunks)
    }

    fn handed_out_bytes(&self) -> usize {
        vector_bytes(self.count) + self.iter().copied().map(handed_out_bytes).sum::<usize>()
    }
}

impl Deref for Chunks {
    type Target = [usize];

    fn deref(&self) -> &[usize] {
        &self.lengths[..self.count]
    }
}

/// What the allocator hands out for a vector of this many boxed chunks.
fn vector_bytes(chunks: usize) -> usize {
    handed_out_bytes(chunks * size_of::<Box<[u8]>>())
}

/// The largest of jemalloc's sizes that is no larger than `bytes`. Size classes are a quarter of
/// the power of two below them apart, but at least a quantum; since jemalloc 5.3.1 large sizes are
/// any number of pages, which is asked for rather than assumed.
fn size_class_within(bytes: usize) -> Option<usize> {
    let paged = bytes - bytes % PAGE;
    if paged >= PAGED_FROM && handed_out_bytes(paged - QUANTUM) == paged {
        return Some(paged);
    }
    let power = 1 << bytes.checked_ilog2()?;
    let step = (power / 4).max(QUANTUM);
    Some(bytes - bytes % step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_classes_are_those_of_the_allocator() {
        for bytes in (SMALLEST_CHUNK..100_000).step_by(8) {
            let class = size_class_within(bytes).unwrap();
            assert_eq!(handed_out_bytes(class - QUANTUM), class, "below {bytes}");
            assert!(handed_out_bytes(class - QUANTUM + 1) > bytes, "above {class}");
        }
    }

    #[test]
    fn chunks_take_what_was_asked_for_to_within_sixteen_bytes() {
        for bytes in (512..40_000).chain([64 << 10, 1 << 20, (1 << 20) + 77, 16 << 20]) {
            let taken = Chunks::filling(bytes).handed_out_bytes();
            assert!(taken <= bytes && bytes - taken < QUANTUM, "{taken} of {bytes}");
        }
    }

    #[test]
    fn a_budget_that_is_already_spent_leaves_no_chunks() {
        assert!(Budget::begin(1024).chunks(1024).is_empty());
        assert!(Budget::begin(1024).chunks(usize::MAX / 2).is_empty());
    }
}
