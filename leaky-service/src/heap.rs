//! What jemalloc says about itself, and making it give back what it keeps.
//!
//! The figures are the allocator's own and independent of the tracker's books, which is what
//! makes them fit to check those books by.

use std::ptr;
use std::thread::sleep;
use std::time::Duration;

use serde::Serialize;
use tikv_jemalloc_ctl as control;
use tikv_jemalloc_sys as jemalloc;

/// Unused pages that arenas may have after [`purge`]: 1 MiB in pages of 4 KiB. Other threads go on freeing.
const FEW_PAGES: usize = 256;

/// How often [`purge`] asks at most, and the pause between: a quarter of a second.
const MOST_PURGES: usize = 50;
const PURGE_AGAIN_AFTER: Duration = Duration::from_millis(5);

/// One reading of jemalloc's statistics, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct HeapStats {
    /// Handed out to the program and not freed, rounded up to size classes; blocks in thread
    /// caches still count.
    pub in_use_bytes: u64,
    /// Pages that hold at least one such block.
    pub active_bytes: u64,
    /// Pages that may be resident, the allocator's own included: an upper bound.
    pub resident_bytes: u64,
    /// Address space kept for later use, not backed by memory.
    pub retained_bytes: u64,
}

/// How the allocator is configured, as it says itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct HeapOptions {
    /// Whether threads of jemalloc's own return idle pages.
    pub background_thread: bool,
    /// Time after which freed pages are returned to the system, in milliseconds.
    pub dirty_decay_ms: i64,
    /// Time after which lazily freed pages are returned for good, in milliseconds.
    pub muzzy_decay_ms: i64,
    /// Whether large blocks get a page of padding.
    pub cache_oblivious: bool,
}

/// jemalloc refused a question or an order.
#[derive(Debug, thiserror::Error)]
pub enum HeapError {
    /// A statistic could not be read.
    #[error("jemalloc refuses to tell its statistics: {0}")]
    Stats(control::Error),
    /// An order was refused.
    #[error("jemalloc refuses {name} (error {code})")]
    Refused {
        /// Which order.
        name: &'static str,
        /// The error number it returned.
        code: i32,
    },
}

impl HeapStats {
    /// Reads the statistics as of now.
    pub fn read() -> Result<Self, HeapError> {
        let read = || {
            control::epoch::advance()?;
            Ok(Self {
                in_use_bytes: control::stats::allocated::read()? as u64,
                active_bytes: control::stats::active::read()? as u64,
                resident_bytes: control::stats::resident::read()? as u64,
                retained_bytes: control::stats::retained::read()? as u64,
            })
        };
        read().map_err(HeapError::Stats)
    }
}

impl HeapOptions {
    /// Reads the options in force.
    #[expect(unsafe_code, reason = "jemalloc's options are untyped; their types are in its manual")]
    pub fn read() -> Result<Self, HeapError> {
        let read = || {
            // SAFETY: the manual gives these options the types `ssize_t` and `bool`.
            unsafe {
                Ok(Self {
                    background_thread: control::background_thread::read()?,
                    dirty_decay_ms: control::raw::read::<isize>(b"opt.dirty_decay_ms\0")? as i64,
                    muzzy_decay_ms: control::raw::read::<isize>(b"opt.muzzy_decay_ms\0")? as i64,
                    cache_oblivious: control::raw::read::<bool>(b"opt.cache_oblivious\0")?,
                })
            }
        };
        read().map_err(HeapError::Stats)
    }
}

/// Gives the blocks in the calling thread's cache back to the arenas. The caches of other threads
/// are theirs alone; jemalloc bounds each.
pub fn flush_thread_cache() -> Result<(), HeapError> {
    order("thread.tcache.flush", b"thread.tcache.flush\0")
}

/// Does without a cache for the calling thread from now on, and gives back what it took (some
/// 40 KiB): for threads that stay, but allocate no more.
#[expect(unsafe_code, reason = "jemalloc's settings are untyped; their types are in its manual")]
pub fn drop_thread_cache() -> Result<(), HeapError> {
    // SAFETY: the manual gives this setting the type `bool`.
    unsafe { control::raw::write(b"thread.tcache.enabled\0", false) }.map_err(HeapError::Stats)
}

/// Returns every unused page of every arena to the system. jemalloc passes over an arena that another
/// thread, its own included, is at: so it is asked again while many pages are left, for a moment.
pub fn purge() -> Result<(), HeapError> {
    for _ in 0..MOST_PURGES {
        // 4096 stands for all arenas.
        order("arena.all.purge", b"arena.4096.purge\0")?;
        if unused_pages()? <= FEW_PAGES {
            break;
        }
        sleep(PURGE_AGAIN_AFTER);
    }
    Ok(())
}

/// Pages of all arenas that are resident and hold no block.
#[expect(unsafe_code, reason = "this statistic has no safe wrapper; its type is in the manual")]
fn unused_pages() -> Result<usize, HeapError> {
    control::epoch::advance().map_err(HeapError::Stats)?;
    // SAFETY: the manual gives this statistic the type `size_t`.
    unsafe { control::raw::read(b"stats.arenas.4096.pdirty\0") }.map_err(HeapError::Stats)
}

#[expect(unsafe_code, reason = "orders without a value have no safe wrapper")]
fn order(name: &'static str, key: &'static [u8]) -> Result<(), HeapError> {
    let none = ptr::null_mut();
    // SAFETY: the key ends with NUL, and these keys take no value and give none.
    let code = unsafe { jemalloc::mallctl(key.as_ptr().cast(), none, ptr::null_mut(), none, 0) };
    if code == 0 { Ok(()) } else { Err(HeapError::Refused { name, code }) }
}
