//! A block of memory from the C library's `malloc`, which is not the allocator of this program.

#![expect(unsafe_code, reason = "C's memory cannot be had, sized or given back in safe Rust")]

use std::io;
use std::ptr::NonNull;

/// A block from `malloc`, freed when dropped.
pub struct Buffer {
    block: NonNull<libc::c_void>,
}

// SAFETY: a block belongs to whoever holds its pointer, and `malloc` lets any thread free it.
unsafe impl Send for Buffer {}

impl Buffer {
    /// A block of at least so many bytes, each of which is `fill`, so that all are resident.
    pub fn filled(bytes: usize, fill: u8) -> io::Result<Self> {
        // SAFETY: `malloc` takes any size.
        let block =
            NonNull::new(unsafe { libc::malloc(bytes) }).ok_or(io::ErrorKind::OutOfMemory)?;
        let buffer = Self { block };
        // SAFETY: the block is ours, and so large.
        unsafe { libc::memset(block.as_ptr(), fill.into(), buffer.bytes()) };
        Ok(buffer)
    }

    /// What `malloc` handed out for it, exactly.
    pub fn bytes(&self) -> usize {
        // SAFETY: the block came from `malloc` and has not been freed.
        unsafe { libc::malloc_usable_size(self.block.as_ptr()) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the block came from `malloc`, and nobody else frees it.
        unsafe { libc::free(self.block.as_ptr()) };
    }
}

/// Has the C library return to the system what it keeps of freed blocks.
pub fn trim() {
    // SAFETY: it touches nothing but free memory.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
}
