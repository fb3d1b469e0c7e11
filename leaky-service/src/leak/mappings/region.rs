//! A region of the address space, mapped straight from the kernel.

#![expect(unsafe_code, reason = "mapping and unmapping memory cannot be done in safe Rust")]

use std::ffi::c_void;
use std::io;
use std::ptr;

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags};
use rustix::mm::{madvise, mmap_anonymous, mprotect, munmap};
use rustix::param::page_size;

/// Pages for scratch work, with a guard page below them so that an overrun faults; unmapped when
/// dropped.
///
/// The kernel merges neighbours that are alike. The guard keeps regions apart from each other,
/// and both are left out of core dumps, which keeps them apart from anybody else's: a region is
/// exactly [`MAPPINGS`](Self::MAPPINGS) mappings, always.
pub struct Region {
    guard: *mut c_void,
    bytes: usize,
}

// SAFETY: a mapping belongs to the process; whoever holds the region may unmap it.
unsafe impl Send for Region {}

impl Region {
    /// Mappings that a region consists of, as the kernel counts them: itself and its guard.
    pub const MAPPINGS: usize = 2;

    /// Maps so many pages and fills them, so that all of them are resident.
    pub fn filled(pages: usize, fill: u8) -> io::Result<Self> {
        let bytes = pages * page_size();
        let length = page_size() + bytes;
        // SAFETY: the kernel chooses the place, so nothing else is there.
        let guard = unsafe {
            mmap_anonymous(ptr::null_mut(), length, ProtFlags::empty(), MapFlags::PRIVATE)?
        };
        // From here on, dropping it unmaps it.
        let region = Self { guard, bytes };
        let scratch = guard.wrapping_byte_add(page_size());
        // SAFETY: the range is the region's own, and nobody else knows of it yet; the part that
        // is written may be.
        unsafe {
            madvise(guard, length, Advice::LinuxDontDump)?;
            mprotect(scratch, bytes, MprotectFlags::READ | MprotectFlags::WRITE)?;
            scratch.cast::<u8>().write_bytes(fill, bytes);
        }
        Ok(region)
    }

    /// Memory that it takes; the guard takes none.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: the range is the region's own, and nobody uses it any more. Unmapping whole
        // mappings does not fail.
        let _ = unsafe { munmap(self.guard, page_size() + self.bytes) };
    }
}
