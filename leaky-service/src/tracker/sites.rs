//! Allocation sites: bytes and blocks per call stack, alive and ever made, in a table that never
//! grows.
//!
//! The table is static memory and lock-free, because the allocator writes it. When it is full,
//! further stacks are counted together as [`OTHER`], and the profile says so.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

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

static SLOTS: [Slot; CAPACITY] = [const { Slot::new() }; CAPACITY];
static OVERFLOW: Counts = Counts::new();
static TRACED_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

/// Times a site is read again when blocks died there meanwhile. A reading takes nanoseconds, so
/// even a busy site is still between two deaths more often than not.
const READINGS: usize = 8;

/// Bytes and blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub bytes: i64,
    pub count: i64,
}

/// One site as read from the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Site {
    pub number: u32,
    /// Every block that was ever allocated here; one that is reallocated counts again.
    pub born: Amount,
    /// The blocks that are alive.
    pub live: Amount,
}

impl std::ops::AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.count += other.count;
    }
}

impl std::ops::Sub for Amount {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { bytes: self.bytes - other.bytes, count: self.count - other.count }
    }
}

/// What a site has seen. Births and deaths are counted apart, and neither ever falls: what is
/// alive is the difference, and knowing what was ever allocated costs the allocator nothing.
struct Counts {
    born: Counter,
    died: Counter,
}

struct Counter {
    bytes: AtomicI64,
    count: AtomicI64,
}

/// A place in the table; two threads' hot sites share no cache line.
#[repr(align(64))]
struct Slot {
    /// Hash of the stack, or 0 while free. Written once.
    hash: AtomicU64,
    counts: Counts,
    /// Written by whoever claimed the slot, with the first address last: the stack can be read
    /// once that is not zero.
    stack: [AtomicUsize; DEPTH],
}

impl Counts {
    const fn new() -> Self {
        Self { born: Counter::new(), died: Counter::new() }
    }

    fn read(&self, number: u32) -> Site {
        let (mut died, mut born) = (self.died.read(), self.born.read());
        for _ in 1..READINGS {
            let again = self.died.read();
            if again == died {
                break;
            }
            (died, born) = (again, self.born.read());
        }
        Site { number, born, live: born - died }
    }
}

impl Counter {
    const fn new() -> Self {
        Self { bytes: AtomicI64::new(0), count: AtomicI64::new(0) }
    }

    fn add(&self, bytes: u64) {
        // Whoever reads a death, and then births, reads the birth before it, too.
        self.bytes.fetch_add(bytes.cast_signed(), Ordering::Release);
        self.count.fetch_add(1, Ordering::Release);
    }

    fn read(&self) -> Amount {
        Amount {
            bytes: self.bytes.load(Ordering::Acquire),
            count: self.count.load(Ordering::Acquire),
        }
    }
}

impl Slot {
    const fn new() -> Self {
        Self {
            hash: AtomicU64::new(0),
            counts: Counts::new(),
            stack: [const { AtomicUsize::new(0) }; DEPTH],
        }
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
    if let Some(counts) = counts(site) {
        counts.born.add(bytes);
        let bytes = bytes.cast_signed();
        let traced = TRACED_BYTES.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if traced > PEAK_BYTES.load(Ordering::Relaxed) {
            PEAK_BYTES.fetch_max(traced, Ordering::Relaxed);
        }
    }
}

/// Takes a block off the site its header names.
#[inline]
pub(super) fn died(site: u32, bytes: u64) {
    if let Some(counts) = counts(site) {
        counts.died.add(bytes);
        TRACED_BYTES.fetch_sub(bytes.cast_signed(), Ordering::Relaxed);
    }
}

/// Every site that was ever seen, as it stands now.
pub(super) fn all() -> impl Iterator<Item = Site> {
    let seen = |slot: &Slot| slot.hash.load(Ordering::Relaxed) != 0;
    let slots = SLOTS.iter().zip(FIRST..).filter(move |(slot, _)| seen(slot));
    let slots = slots.map(|(slot, number)| slot.counts.read(number));
    slots.chain(std::iter::once(OVERFLOW.read(OTHER)))
}

/// The stack of one site; `None` for numbers that are no slot.
pub(super) fn stack_of(site: u32) -> Option<[usize; DEPTH]> {
    let slot = SLOTS.get(site.checked_sub(FIRST)? as usize)?;
    Some(slot.stack())
}

/// Live bytes of all sites together, and the most they have ever been.
pub(super) fn traced_and_peak_bytes() -> (u64, u64) {
    let read = |counter: &AtomicI64| u64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(0);
    (read(&TRACED_BYTES), read(&PEAK_BYTES))
}

fn counts(site: u32) -> Option<&'static Counts> {
    match site {
        UNTRACKED => None,
        OTHER => Some(&OVERFLOW),
        slot => SLOTS.get((slot - FIRST) as usize).map(|slot| &slot.counts),
    }
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
