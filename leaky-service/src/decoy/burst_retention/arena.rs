//! An arena of jemalloc's that never gives back a page by itself, and the blocks in it. It knows
//! nothing of bursts; the tracker's books know nothing of it.

use std::ptr::NonNull;
use std::sync::Arc;

use tikv_jemalloc_ctl::{self as control, raw};
use tikv_jemalloc_sys as jemalloc;

/// An arena; destroyed, with every page that it keeps, when the last block in it is gone.
#[derive(Debug)]
pub struct Arena {
    number: u32,
}

/// A block in an arena.
#[derive(Debug)]
pub struct Block {
    address: NonNull<u8>,
    _arena: Arc<Arena>,
}

#[expect(unsafe_code, reason = "a block is named by an address")]
// SAFETY: a block has one owner, who only frees it; any thread may.
unsafe impl Send for Block {}

impl Arena {
    /// A new arena whose freed pages stay for ever.
    #[expect(unsafe_code, reason = "jemalloc's controls are untyped; types are in its manual")]
    pub fn create() -> control::Result<Self> {
        // SAFETY: the manual gives the number of an arena the type `unsigned`, and the decay
        // time `ssize_t`; -1 stands for never.
        unsafe {
            let arena = Self { number: raw::read(b"arenas.create\0")? };
            raw::write(&arena.key("arena", "dirty_decay_ms"), -1_isize)?;
            Ok(arena)
        }
    }

    /// A block that is written from end to end; `None` if there is no memory.
    #[expect(unsafe_code, reason = "asks for memory through jemalloc's C interface")]
    pub fn block(self: &Arc<Self>, bytes: usize, fill: u8) -> Option<Block> {
        let flags = jemalloc::MALLOCX_ARENA(self.number as usize) | jemalloc::MALLOCX_TCACHE_NONE;
        // SAFETY: the arena exists, and a size of zero is asked for by nobody.
        let address = NonNull::new(unsafe { jemalloc::mallocx(bytes.max(1), flags) })?.cast();
        // SAFETY: the block is at least so long, and nobody else has it yet.
        unsafe { address.write_bytes(fill, bytes) };
        Some(Block { address, _arena: Arc::clone(self) })
    }

    /// Bytes in pages that hold blocks or are kept for later ones, as jemalloc counts them.
    #[expect(unsafe_code, reason = "jemalloc's controls are untyped; types are in its manual")]
    pub fn kept_bytes(&self) -> control::Result<u64> {
        control::epoch::advance()?;
        let read = |what: &str| {
            // SAFETY: the manual gives these statistics, and the page size, the type `size_t`.
            unsafe { raw::read::<usize>(&self.key("stats.arenas", what)) }
        };
        // SAFETY: as above.
        let page_bytes = unsafe { raw::read::<usize>(b"arenas.page\0")? };
        Ok(((read("pactive")? + read("pdirty")? + read("pmuzzy")?) * page_bytes) as u64)
    }

    /// A control of this arena, ending with NUL as C has it.
    fn key(&self, group: &str, name: &str) -> Vec<u8> {
        format!("{group}.{}.{name}\0", self.number).into_bytes()
    }
}

impl Drop for Arena {
    #[expect(unsafe_code, reason = "gives an order through jemalloc's C interface")]
    fn drop(&mut self) {
        let (key, none) = (self.key("arena", "destroy"), std::ptr::null_mut());
        // SAFETY: the key ends with NUL and takes no value; every block holds on to its arena,
        // so there are none any more. A refusal only leaves the pages where they are.
        unsafe { jemalloc::mallctl(key.as_ptr().cast(), none, none.cast(), none, 0) };
    }
}

impl Drop for Block {
    #[expect(unsafe_code, reason = "frees memory through jemalloc's C interface")]
    fn drop(&mut self) {
        // SAFETY: the block came from `mallocx` and is freed once, past every cache.
        unsafe { jemalloc::dallocx(self.address.as_ptr().cast(), jemalloc::MALLOCX_TCACHE_NONE) };
    }
}
