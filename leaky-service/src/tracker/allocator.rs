//! The global allocator: jemalloc, with a header before every block that says whose it is.
//!
//! ```text
//!   block from jemalloc            pointer the program sees
//!   |<------- offset ------------->|
//!   | padding (align > 16) | header |  the program's bytes ...
//! ```
//!
//! The offset is 16 bytes, or the alignment if that is larger, so the program's pointer keeps the
//! alignment it asked for and the header always lies in the 16 bytes before it.

use std::alloc::{GlobalAlloc, Layout};
use std::ptr;

use tikv_jemalloc_sys as jemalloc;
use tikv_jemallocator::Jemalloc;

use super::account;
use super::sites::{self, UNTRACKED};

/// Options jemalloc starts with in every program that links this crate.
///
/// Freed pages go back to the system a second after they fall idle, by a thread of jemalloc's
/// own, so that resident memory follows `clear` without a purge. Cache-oblivious placement is off
/// because it costs a page beside every block of 16 KiB or more: memory that is resident, but in
/// no statistic.
#[used]
#[expect(unsafe_code, reason = "jemalloc finds its options by the name of this symbol")]
// SAFETY: jemalloc declares `_rjem_malloc_conf` as a weak pointer to a C string and reads it
// once, at start-up; this is a thin pointer to bytes that end with NUL and live for ever.
#[unsafe(export_name = "_rjem_malloc_conf")]
static JEMALLOC_OPTIONS: &[u8; 82] =
    b"background_thread:true,dirty_decay_ms:1000,muzzy_decay_ms:0,cache_oblivious:false\0";

/// jemalloc, keeping the books described in [`crate::tracker`].
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;
/// # fn main() {}
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct TrackingAllocator;

/// What is written before every block.
#[derive(Clone, Copy)]
#[repr(C)]
struct Header {
    /// What jemalloc handed out for the block, header included.
    bytes: u64,
    site: u32,
    account: u32,
}

const HEADER_BYTES: usize = size_of::<Header>();
const _: () = assert!(HEADER_BYTES == 16 && align_of::<Header>() <= HEADER_BYTES);

impl Header {
    fn born(bytes: u64, account: u32) -> Self {
        let site = if super::recording() { sites::here() } else { UNTRACKED };
        account::book(account, bytes.cast_signed());
        sites::born(site, bytes);
        Self { bytes, site, account }
    }

    fn died(self) {
        account::book(self.account, -self.bytes.cast_signed());
        sites::died(self.site, self.bytes);
    }
}

/// Bytes that jemalloc hands out for a block of `size` bytes and ordinary alignment (at most 16),
/// header included; 0 for 0, because nothing is allocated then.
pub fn handed_out_bytes(size: usize) -> usize {
    if size == 0 { 0 } else { rounded_up(size + HEADER_BYTES, HEADER_BYTES) }
}

#[expect(unsafe_code, reason = "asks jemalloc for the size class, through its C interface")]
fn rounded_up(total: usize, align: usize) -> usize {
    let flags = if align <= HEADER_BYTES { 0 } else { jemalloc::MALLOCX_ALIGN(align) };
    // SAFETY: `nallocx` computes; `total` is not zero because it includes a header.
    unsafe { jemalloc::nallocx(total, flags) }
}

fn offset(layout: Layout) -> usize {
    layout.align().max(HEADER_BYTES)
}

/// The layout to ask jemalloc for, or `None` when header and block together overflow.
fn padded(layout: Layout) -> Option<Layout> {
    let offset = offset(layout);
    Layout::from_size_align(layout.size().checked_add(offset)?, offset).ok()
}

#[expect(unsafe_code, reason = "a global allocator is an unsafe trait over raw blocks")]
// SAFETY: every method hands jemalloc the padded layout of the block and the program a pointer
// `offset` bytes into it, aligned as asked and with the asked size behind it. Nothing here
// unwinds, and nothing here allocates through the global allocator.
unsafe impl GlobalAlloc for TrackingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(padded) = padded(layout) else { return ptr::null_mut() };
        // SAFETY: the padded layout is never of size zero.
        let block = unsafe { Jemalloc.alloc(padded) };
        // SAFETY: the block, if any, was allocated with this layout just now.
        unsafe { enter(block, layout, padded, account::charged_now()) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let Some(padded) = padded(layout) else { return ptr::null_mut() };
        // SAFETY: as in `alloc`.
        let block = unsafe { Jemalloc.alloc_zeroed(padded) };
        // SAFETY: as in `alloc`.
        unsafe { enter(block, layout, padded, account::charged_now()) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let Some(padded) = padded(layout) else { return };
        // SAFETY: the caller got `pointer` from this allocator with `layout`, so a header precedes
        // it and the block begins `offset` bytes before it.
        unsafe {
            header_of(pointer).read().died();
            Jemalloc.dealloc(pointer.sub(offset(layout)), padded);
        }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        let grown = Layout::from_size_align(new_size, layout.align());
        let (Some(old), Some(new)) = (padded(layout), grown.ok().and_then(padded)) else {
            return ptr::null_mut();
        };
        // SAFETY: as in `dealloc`; the alignment, and so the offset, stays what it was, and the
        // padded new size is not zero and does not overflow.
        unsafe {
            let header = header_of(pointer).read();
            let block = Jemalloc.realloc(pointer.sub(offset(layout)), old, new.size());
            if block.is_null() {
                return block;
            }
            header.died();
            // A block that moves belongs to whoever is charged now, or else stays where it was.
            let account = match account::charged_now() {
                account::NOBODY => header.account,
                charged => charged,
            };
            enter(block, layout, new, account)
        }
    }
}

/// Writes the header of a fresh block and returns the pointer the program gets.
///
/// # Safety
///
/// `block` is null or was just handed out by jemalloc for `padded`, the padded form of a layout
/// that has the alignment of `layout`.
#[inline]
#[expect(unsafe_code, reason = "writes the header into the raw block")]
unsafe fn enter(block: *mut u8, layout: Layout, padded: Layout, account: u32) -> *mut u8 {
    if block.is_null() {
        return block;
    }
    let header = Header::born(rounded_up(padded.size(), padded.align()) as u64, account);
    // SAFETY: the block is at least `offset` bytes long, and 16-aligned.
    unsafe {
        let pointer = block.add(offset(layout));
        header_of(pointer).write(header);
        pointer
    }
}

/// Where the header of the block behind `pointer` lies.
///
/// # Safety
///
/// `pointer` came from this allocator.
#[inline]
#[expect(unsafe_code, reason = "steps back from the program's pointer to the header")]
unsafe fn header_of(pointer: *mut u8) -> *mut Header {
    // SAFETY: at least 16 bytes of the block precede every pointer this allocator gives out.
    unsafe { pointer.sub(HEADER_BYTES).cast() }
}

/// The site that a live box was allocated at.
///
/// # Safety
///
/// The global allocator of this process is [`TrackingAllocator`], and `T` is not zero-sized.
#[expect(unsafe_code, reason = "reads the header before the box")]
pub(super) unsafe fn site_of<T>(block: &T) -> u32 {
    // SAFETY: the caller vouches that a header precedes the block; reading it needs no
    // exclusive access, because headers are written only while nobody has the pointer.
    unsafe { header_of(ptr::from_ref(block).cast_mut().cast()).read().site }
}
