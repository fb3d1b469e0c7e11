//! Accounts: exact live bytes for whatever was allocated on somebody's behalf.
//!
//! An account is a small number in each block's header and one counter. It refuses to be copied:
//! the number is given back when its owner drops it with nothing left on it.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};

/// Words whose bits are the open accounts.
const WORDS: usize = 4;

/// Accounts that can be open at once in one process: enough for the catalogues of several services
/// side by side.
const LIMIT: usize = WORDS * u64::BITS as usize;

/// The number in the header of blocks that nobody is charged for.
pub(super) const NOBODY: u32 = 0;

static OPEN: [AtomicU64; WORDS] = {
    let mut open = [const { AtomicU64::new(0) }; WORDS];
    open[0] = AtomicU64::new(1 << NOBODY);
    open
};
static LIVE_BYTES: [AtomicI64; LIMIT] = [const { AtomicI64::new(0) }; LIMIT];
/// The account that each is a part of, or [`NOBODY`].
static WHOLE: [AtomicU32; LIMIT] = [const { AtomicU32::new(NOBODY) }; LIMIT];

thread_local! {
    // Constant initialisers and no destructors: the allocator reads these at any moment of a
    // thread's life, and must not allocate to do so.
    static CHARGED: Cell<u32> = const { Cell::new(NOBODY) };
    static NET_BYTES: Cell<i64> = const { Cell::new(0) };
}

/// The right to charge allocations to one set of books, and to read them.
#[derive(Debug)]
pub struct Account {
    number: u32,
}

/// All accounts are in use.
#[derive(Debug, thiserror::Error)]
#[error("all {LIMIT} accounts of the allocation tracker are in use")]
pub struct NoAccountLeft;

impl Account {
    /// Opens an account with a balance of nothing.
    pub fn open() -> Result<Self, NoAccountLeft> {
        let claim = |open: u64| (open != u64::MAX).then(|| open | (1 << open.trailing_ones()));
        let claimed = |(word, first): (&AtomicU64, u32)| {
            let before = word.fetch_update(Ordering::AcqRel, Ordering::Acquire, claim).ok()?;
            Some(Self { number: first + before.trailing_ones() })
        };
        let numbers = (0..).step_by(u64::BITS as usize);
        let account: Self = OPEN.iter().zip(numbers).find_map(claimed).ok_or(NoAccountLeft)?;
        WHOLE[account.number as usize % LIMIT].store(NOBODY, Ordering::Relaxed);
        Ok(account)
    }

    /// Opens an account that is part of a whole: what is held on it is held on the whole too, which
    /// has no parts of parts. The whole is to be dropped last.
    pub fn open_part_of(whole: &Self) -> Result<Self, NoAccountLeft> {
        let part = Self::open()?;
        WHOLE[part.number as usize % LIMIT].store(whole.number, Ordering::Relaxed);
        Ok(part)
    }

    /// Bytes alive right now that were charged here, as the allocator handed them out.
    pub fn held_bytes(&self) -> u64 {
        u64::try_from(self.counter().load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// Runs `work` with everything this thread allocates charged here, and says by how many bytes
    /// the account grew (or, if negative, shrank) through this thread meanwhile.
    pub fn measure<T>(&self, work: impl FnOnce() -> T) -> (T, i64) {
        let charge = Charge::begin(self.number);
        let outcome = work();
        (outcome, charge.net_bytes())
    }

    fn counter(&self) -> &'static AtomicI64 {
        &LIVE_BYTES[self.number as usize % LIMIT]
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // A number with blocks still alive is never reused: their frees would be booked on a
        // stranger.
        if self.counter().load(Ordering::Relaxed) == 0 {
            let word = &OPEN[(self.number / u64::BITS) as usize % WORDS];
            word.fetch_and(!(1 << (self.number % u64::BITS)), Ordering::AcqRel);
        }
    }
}

/// One thread's charging of one account; the previous one, if any, resumes when it ends.
struct Charge {
    previous: (u32, i64),
}

impl Charge {
    fn begin(number: u32) -> Self {
        Self { previous: (CHARGED.replace(number), NET_BYTES.replace(0)) }
    }

    #[expect(clippy::unused_self, reason = "only an open charge has a meter to read")]
    fn net_bytes(&self) -> i64 {
        NET_BYTES.get()
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        CHARGED.set(self.previous.0);
        NET_BYTES.set(self.previous.1);
    }
}

/// Bytes by which the account being measured on this thread has grown since its
/// [`Account::measure`] began; zero when none is.
pub(crate) fn net_bytes_here() -> i64 {
    NET_BYTES.get()
}

/// The account to charge for what this thread allocates now.
pub(super) fn charged_now() -> u32 {
    CHARGED.get()
}

/// Books `bytes` on `number`: positive when a block is born, negative when it dies.
pub(super) fn book(number: u32, bytes: i64) {
    if number == NOBODY {
        return;
    }
    // Read first: a part that comes down to nothing may be opened anew by somebody else.
    let whole = WHOLE[number as usize % LIMIT].load(Ordering::Relaxed);
    LIVE_BYTES[number as usize % LIMIT].fetch_add(bytes, Ordering::Relaxed);
    if whole != NOBODY {
        LIVE_BYTES[whole as usize % LIMIT].fetch_add(bytes, Ordering::Relaxed);
    }
    if number == charged_now() {
        NET_BYTES.set(NET_BYTES.get() + bytes);
    }
}
