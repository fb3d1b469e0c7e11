//! Allocation sites: the call stacks that allocate, in a table that never grows. What was allocated
//! at each is in [`counts`].
//!
//! The table is static memory and lock-free, because the allocator writes it. When it is full,
//! further stacks are counted together as [`OTHER`], and the profile says so.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::counts::{self, Amount, Seen};
use super::stack::{DEPTH, Frames};

/// Distinct call stacks told apart. A service under mixed load shows a few hundred.
const CAPACITY: usize = 8192;

/// Slots tried for a stack before it is counted as [`OTHER`].
const PROBES: usize = 64;

/// The site of blocks allocated while nothing was recorded; not counted.
pub(super) const UNTRACKED: u32 = 0;

/// The site of all stacks that found no room in the table.
pub(super) const OTHER: u32 = 1;

/// Site numbers below this one are not slots of the table.
const FIRST: u32 = 2;

/// Every site has a number below this one.
pub(super) const NUMBERS: usize = CAPACITY + FIRST as usize;

static SLOTS: [Slot; CAPACITY] = [const { Slot::new() }; CAPACITY];

/// One site as read from the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub number: u32,
    /// Every block that was ever allocated here; one that is reallocated counts again.
    pub born: Amount,
    /// The blocks that are alive.
    pub live: Amount,
}

/// A place in the table; two threads' hot sites share no cache line.
#[repr(align(64))]
struct Slot {
    /// Hash of the stack, or 0 while free. Written once.
    hash: AtomicU64,
    /// Written by whoever claimed the slot, with the first address last: the stack can be read
    /// once that is not zero.
    stack: [AtomicUsize; DEPTH],
}

impl Slot {
    const fn new() -> Self {
        Self { hash: AtomicU64::new(0), stack: [const { AtomicUsize::new(0) }; DEPTH] }
    }

    /// Whether this slot is, or now becomes, the one for the stack with this hash.
    #[inline]
    fn claim(&self, hash: u64, stack: &Frames) -> bool {
        let found = self.hash.load(Ordering::Relaxed);
        if found != 0 { found == hash } else { self.take(hash, stack.clone()) }
    }

    #[cold]
    fn take(&self, hash: u64, mut stack: Frames) -> bool {
        match self.hash.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => {
                let first = stack.next().unwrap_or(0);
                for (kept, address) in self.stack[1..].iter().zip(stack) {
                    kept.store(address, Ordering::Relaxed);
                }
                self.stack[0].store(first, Ordering::Release);
                true
            }
            Err(found) => found == hash,
        }
    }

    fn stack(&self) -> [usize; DEPTH] {
        let first = self.stack[0].load(Ordering::Acquire);
        let mut stack = [0; DEPTH];
        if first != 0 {
            for (address, kept) in stack.iter_mut().zip(&self.stack) {
                *address = kept.load(Ordering::Relaxed);
            }
        }
        stack
    }
}

/// The site of an allocation being made by the caller, entered into the table if it is new.
#[inline]
pub(super) fn here() -> u32 {
    let stack = Frames::here();
    let hash = hash(stack.clone());
    let start = hash as usize % CAPACITY;
    for probe in 0..PROBES {
        let index = (start + probe) % CAPACITY;
        if SLOTS[index].claim(hash, &stack) {
            return index as u32 + FIRST;
        }
    }
    OTHER
}

/// Counts a block at a site.
#[inline]
pub(super) fn born(site: u32, bytes: u64) {
    if site != UNTRACKED {
        counts::born(site as usize, bytes);
    }
}

/// Takes a block off the site its header names.
#[inline]
pub(super) fn died(site: u32, bytes: u64) {
    if site != UNTRACKED {
        counts::died(site as usize, bytes);
    }
}

/// Every site that was ever seen, as it stands now.
pub(super) fn all() -> impl Iterator<Item = Site> {
    let seen = |slot: &Slot| slot.hash.load(Ordering::Relaxed) != 0;
    let slots = SLOTS.iter().zip(FIRST..).filter(move |(slot, _)| seen(slot));
    slots.map(|(_, number)| number).chain([OTHER]).map(|number| {
        let Seen { born, live } = counts::read(number as usize);
        Site { number, born, live }
    })
}

/// The stack of one site; `None` for numbers that are no slot.
pub(super) fn stack_of(site: u32) -> Option<[usize; DEPTH]> {
    let slot = SLOTS.get(site.checked_sub(FIRST)? as usize)?;
    Some(slot.stack())
}

/// A multiplicative hash (the constant is 2^64 divided by the golden ratio), finished by folding
/// the well-mixed upper half into the lower one; never 0, which marks a free slot.
#[inline]
fn hash(stack: Frames) -> u64 {
    let mix = |hash: u64, address: usize| {
        (hash.rotate_left(5) ^ address as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    let hash = stack.fold(0, mix);
    (hash ^ (hash >> 32)).max(1)
}
