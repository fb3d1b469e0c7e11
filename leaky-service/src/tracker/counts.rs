//! Bytes and blocks per site, counted without a lock by every thread for itself.
//!
//! Each thread that allocates has a *shard*: a page of counters for all sites, which nobody else
//! writes. To count is then a load, an addition and a store; what the program holds is the sum over
//! the shards. A thread that ends leaves its shard, with what is counted there, to the next one.
//! Threads beyond the number of shards share the first, and pay for a locked addition.
//!
//! Births and deaths are counted apart, and neither ever falls: a block may die in another shard
//! than it was born in, and what was ever allocated is known for nothing.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::sites::NUMBERS;

/// Pages of counters: one for all who found no other, and one each for 15 threads at a time. A page
/// is 256 KiB of address space, and takes memory when it is written to.
const SHARDS: usize = 16;

/// The shard of whoever found no other.
const SHARED: usize = 0;

/// Times a site is read again when blocks died there meanwhile. A reading takes less than a
/// microsecond, so even a busy site is still between two deaths more often than not.
const READINGS: usize = 8;

/// What a thread may have taken or freed before it tells the others, in bytes.
const UNTOLD_BYTES: i64 = 64 << 10;

static PAGES: [[Counts; NUMBERS]; SHARDS] = [const { [const { Counts::new() }; NUMBERS] }; SHARDS];

/// A bit for each shard that has an owner, and for each that ever had one.
static OWNED: AtomicU64 = AtomicU64::new(1 << SHARED);
static USED: AtomicU64 = AtomicU64::new(1 << SHARED);
const _: () = assert!(SHARDS <= u64::BITS as usize);

/// All live bytes that were told of, and the most they have been.
static TOLD_BYTES: AtomicI64 = AtomicI64::new(0);
static PEAK_BYTES: AtomicI64 = AtomicI64::new(0);

thread_local! {
    // Constant initialisers and no destructors: the allocator uses these at any moment of a
    // thread's life.
    static SHARD: Cell<Option<usize>> = const { Cell::new(None) };
    static UNTOLD: Cell<i64> = const { Cell::new(0) };
    /// Gives the shard back when the thread ends.
    static LEAVING: Leaving = const { Leaving };
}

/// Bytes and blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub bytes: i64,
    pub count: i64,
}

/// What a site has seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// Every block that was ever allocated there; one that is reallocated counts again.
    pub born: Amount,
    /// The blocks that are alive.
    pub live: Amount,
}

/// What one shard has seen of a site.
struct Counts {
    born: Counter,
    died: Counter,
}

struct Counter {
    bytes: AtomicI64,
    count: AtomicI64,
}

struct Leaving;

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

impl Counts {
    const fn new() -> Self {
        Self { born: Counter::new(), died: Counter::new() }
    }
}

impl Counter {
    const fn new() -> Self {
        Self { bytes: AtomicI64::new(0), count: AtomicI64::new(0) }
    }

    /// Whoever reads a death, and then births, reads the birth before it, too: hence the ordering.
    #[inline]
    fn add(&self, bytes: i64, is_shared: bool) {
        if is_shared {
            self.bytes.fetch_add(bytes, Ordering::Release);
            self.count.fetch_add(1, Ordering::Release);
        } else {
            self.bytes.store(self.bytes.load(Ordering::Relaxed) + bytes, Ordering::Release);
            self.count.store(self.count.load(Ordering::Relaxed) + 1, Ordering::Release);
        }
    }

    fn read(&self) -> Amount {
        Amount {
            bytes: self.bytes.load(Ordering::Acquire),
            count: self.count.load(Ordering::Acquire),
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        tell(UNTOLD.replace(0));
        // Whatever else this thread frees is counted among all who have no shard.
        if let Some(shard) = SHARD.replace(Some(SHARED)).filter(|shard| *shard != SHARED) {
            OWNED.fetch_and(!(1 << shard), Ordering::Release);
        }
    }
}

/// Counts a block that is born at a site.
#[inline]
pub(super) fn born(site: usize, bytes: u64) {
    let (shard, bytes) = (shard(), bytes.cast_signed());
    if let Some(counts) = PAGES[shard].get(site) {
        counts.born.add(bytes, shard == SHARED);
        note(bytes, shard == SHARED);
    }
}

/// Counts the death of a block.
#[inline]
pub(super) fn died(site: usize, bytes: u64) {
    let (shard, bytes) = (shard(), bytes.cast_signed());
    if let Some(counts) = PAGES[shard].get(site) {
        counts.died.add(bytes, shard == SHARED);
        note(-bytes, shard == SHARED);
    }
}

/// What a site has seen so far.
pub(super) fn read(site: usize) -> Seen {
    let sum = |counter: fn(&Counts) -> &Counter| {
        // Asked each time: whoever sees a death sees the shard of the birth, too.
        let used = USED.load(Ordering::Acquire);
        let pages = PAGES.iter().enumerate().filter(|(shard, _)| used >> shard & 1 == 1);
        let mut sum = Amount::default();
        pages.filter_map(|(_, page)| page.get(site)).for_each(|at| sum += counter(at).read());
        sum
    };
    let (born, died) = (|| sum(|counts| &counts.born), || sum(|counts| &counts.died));
    let (mut all_died, mut all_born) = (died(), born());
    for _ in 1..READINGS {
        let again = died();
        if again == all_died {
            break;
        }
        (all_died, all_born) = (again, born());
    }
    Seen { born: all_born, live: all_born - all_died }
}

/// The most bytes that were alive at once, less what each thread had not yet told of: 64 KiB at
/// most.
pub(super) fn peak_bytes() -> u64 {
    u64::try_from(PEAK_BYTES.load(Ordering::Relaxed)).unwrap_or(0)
}

#[inline]
fn shard() -> usize {
    match SHARD.get() {
        Some(shard) => shard % SHARDS,
        None => find_shard(),
    }
}

/// Gives this thread a shard of its own, if one is left.
#[cold]
fn find_shard() -> usize {
    // What allocates meanwhile, should anything, is counted where everybody may.
    SHARD.set(Some(SHARED));
    let claim = |owned: u64| {
        let free = owned.trailing_ones();
        ((free as usize) < SHARDS).then(|| owned | (1 << free))
    };
    // A thread that is ending already could not give it back.
    if LEAVING.try_with(|_| ()).is_ok()
        && let Ok(owned) = OWNED.fetch_update(Ordering::Acquire, Ordering::Relaxed, claim)
    {
        let shard = owned.trailing_ones();
        USED.fetch_or(1 << shard, Ordering::Release);
        SHARD.set(Some(shard as usize));
    }
    shard()
}

/// Adds to what is alive, for the peak.
#[inline]
fn note(bytes: i64, is_shared: bool) {
    let untold = UNTOLD.get() + bytes;
    // A thread without a shard has nobody who would tell the rest when it ends.
    if is_shared || untold.abs() >= UNTOLD_BYTES {
        UNTOLD.set(0);
        tell(untold);
    } else {
        UNTOLD.set(untold);
    }
}

fn tell(bytes: i64) {
    let told = TOLD_BYTES.fetch_add(bytes, Ordering::Relaxed) + bytes;
    if told > PEAK_BYTES.load(Ordering::Relaxed) {
        PEAK_BYTES.fetch_max(told, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Other tests of this process have threads, too, so not every thread need find a shard of its own; were none
    /// handed on, none would from the sixteenth on.
    #[test]
    fn a_thread_that_ends_leaves_its_shard_to_the_next() {
        let site = NUMBERS - 1;
        let shards = (0..4 * SHARDS).map(|_| {
            let visit = thread::spawn(move || {
                born(site, 100);
                died(site, 100);
                shard()
            });
            visit.join().unwrap()
        });
        let late: Vec<usize> = shards.skip(2 * SHARDS).collect();
        assert!(late.iter().any(|shard| *shard != SHARED), "{late:?}");
        assert_eq!(read(site).live, Amount::default());
    }
}
