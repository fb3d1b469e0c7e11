//! Room for more: what all patterns together hold, what is about to be added to it, and the limits.
//!
//! Whoever is about to add something reserves room for it first and lets go of the reservation when
//! what was added is in the books. Held and reserved together are never less than what there is, so
//! the limits are kept exactly, whoever adds at the same time, and without a lock: a reservation is
//! one addition to a counter and one look at another. Only containers that double their tables may
//! take their share of the last entry a little later.

use std::array;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::resource::{Limits, Outside, Resource};
use crate::tracker::{Account, NoAccountLeft};

/// The part of every limit, as a divisor, that a fix may take beyond it: a leak that has reached its
/// limit can then still be shown its cure, which is bounded.
const MARGIN: u64 = 16;

/// What is limited. Threads and processes share a limit in the kernel, so they do here.
const KINDS: [Resource; 4] =
    [Resource::OutsideMemory, Resource::Descriptors, Resource::Threads, Resource::Mappings];
const BYTES: usize = 0;

/// So much of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts([u64; KINDS.len()]);

/// What all patterns together may hold, and do.
pub struct Room {
    limits: Limits,
    /// Sums up the accounts of all patterns.
    heap: Account,
    /// What did not come from the program's allocator.
    outside: [AtomicU64; KINDS.len()],
    reserved: [AtomicU64; KINDS.len()],
}

/// Room that nobody else takes while this lasts.
pub struct Reservation<'a> {
    room: &'a Room,
    amounts: Amounts,
}

impl Amounts {
    /// Bytes, and nothing else.
    pub fn bytes(bytes: u64) -> Self {
        let mut amounts = Self::default();
        amounts.0[BYTES] = bytes;
        amounts
    }

    /// What is held, or added, outside of the program's allocator.
    pub fn of(outside: &Outside) -> Self {
        let tasks = outside.threads + outside.processes;
        Self([outside.bytes, outside.descriptors, tasks, outside.mappings])
    }

    /// The same with other bytes.
    #[must_use]
    pub fn with_bytes(self, bytes: u64) -> Self {
        let mut amounts = self;
        amounts.0[BYTES] = bytes;
        amounts
    }
}

impl Room {
    /// Empty, with these limits.
    pub fn new(limits: Limits) -> Result<Self, NoAccountLeft> {
        let (outside, reserved) = (array::from_fn(|_| AtomicU64::new(0)), Default::default());
        Ok(Self { limits, heap: Account::open()?, outside, reserved })
    }

    /// What may be held.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The account that those of all patterns are parts of.
    pub(crate) fn account(&self) -> &Account {
        &self.heap
    }

    /// Bytes that all patterns hold together, wherever they came from.
    pub fn held_bytes(&self) -> u64 {
        self.held(BYTES)
    }

    /// Bytes that are neither held nor reserved.
    pub fn free_bytes(&self) -> u64 {
        let taken = self.reserved[BYTES].load(Ordering::Acquire) + self.held(BYTES);
        self.limit(BYTES, false).saturating_sub(taken)
    }

    /// Room for so much, if there is; a fix may take a little beyond the limits.
    pub fn reserve(&self, amounts: Amounts, is_fix: bool) -> Option<Reservation<'_>> {
        let mut reservation = Reservation { room: self, amounts: Amounts::default() };
        for (kind, amount) in amounts.0.into_iter().enumerate().filter(|(_, amount)| *amount > 0) {
            let others = self.reserved[kind].fetch_add(amount, Ordering::AcqRel);
            // From here on it is undone when dropped.
            reservation.amounts.0[kind] = amount;
            let taken = others.saturating_add(amount).saturating_add(self.held(kind));
            if taken > self.limit(kind, is_fix) {
                return None;
            }
        }
        Some(reservation)
    }

    /// Whether there is no room for so much, beside what others are about to add.
    pub fn is_full(&self, amounts: Amounts, is_fix: bool) -> bool {
        let lacks = |(kind, amount): (usize, u64)| {
            amount > 0 && self.held(kind).saturating_add(amount) > self.limit(kind, is_fix)
        };
        amounts.0.into_iter().enumerate().any(lacks)
    }

    /// Takes note that what a pattern holds outside of the program's allocator has changed.
    pub(crate) fn book_outside(&self, before: Amounts, now: Amounts) {
        for ((held, before), now) in self.outside.iter().zip(before.0).zip(now.0) {
            if now >= before {
                held.fetch_add(now - before, Ordering::AcqRel);
            } else {
                held.fetch_sub(before - now, Ordering::AcqRel);
            }
        }
    }

    fn held(&self, kind: usize) -> u64 {
        let heap = if kind == BYTES { self.heap.held_bytes() } else { 0 };
        heap + self.outside[kind].load(Ordering::Acquire)
    }

    fn limit(&self, kind: usize, is_fix: bool) -> u64 {
        let limit = match kind {
            BYTES => self.limits.max_held_bytes,
            _ => self.limits.most(KINDS[kind]),
        };
        let limit = limit.unwrap_or(u64::MAX);
        if is_fix { limit.saturating_add(limit / MARGIN) } else { limit }
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        for (reserved, amount) in self.room.reserved.iter().zip(self.amounts.0) {
            reserved.fetch_sub(amount, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(max_held_bytes: u64) -> Room {
        Room::new(Limits::read(Some(max_held_bytes))).unwrap()
    }

    #[test]
    fn what_is_reserved_or_held_is_not_there_for_others() {
        let room = room(160);
        let first = room.reserve(Amounts::bytes(100), false).unwrap();
        assert_eq!(room.free_bytes(), 60);
        assert!(room.reserve(Amounts::bytes(61), false).is_none());
        assert!(room.reserve(Amounts::bytes(60), false).is_some(), "a refusal takes nothing");
        room.book_outside(Amounts::default(), Amounts::bytes(100));
        drop(first);
        assert_eq!((room.free_bytes(), room.held_bytes()), (60, 100));
        room.book_outside(Amounts::bytes(100), Amounts::default());
        assert_eq!((room.free_bytes(), room.held_bytes()), (160, 0));
    }

    #[test]
    fn a_fix_may_take_a_sixteenth_beyond_a_limit() {
        let room = room(160);
        room.book_outside(Amounts::default(), Amounts::bytes(160));
        assert!(room.is_full(Amounts::bytes(1), false) && !room.is_full(Amounts::bytes(10), true));
        assert!(room.reserve(Amounts::bytes(1), false).is_none());
        assert!(room.reserve(Amounts::bytes(10), true).is_some());
        assert!(room.reserve(Amounts::bytes(11), true).is_none());
    }

    #[test]
    fn all_kinds_must_have_room_or_none_is_taken() {
        let room = room(160);
        let most = room.limits().most(Resource::Descriptors).unwrap();
        let outside = Outside { bytes: 10, descriptors: most + 1, ..Outside::default() };
        assert!(room.reserve(Amounts::of(&outside), false).is_none());
        assert_eq!(room.free_bytes(), 160);
        let threads = Outside { threads: 1, processes: 2, ..Outside::default() };
        room.book_outside(Amounts::default(), Amounts::of(&threads));
        let most = room.limits().most(Resource::Processes).unwrap();
        let others = Outside { processes: most - 2, ..Outside::default() };
        assert!(room.reserve(Amounts::of(&others), false).is_none(), "they share a limit");
    }
}
