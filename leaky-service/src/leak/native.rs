//! Native memory: what a C library allocated for us, and we were to free.
//!
//! The library renders a picture and returns it in a block from `malloc`; its documentation says
//! that the caller frees it. The binding copies what it wants and forgets the block. No allocator
//! statistics of the program show it: they know what went through the program's own allocator,
//! which is not the C library's.

mod buffer;

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use self::buffer::Buffer;
use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "native",
    role: Role::Leak,
    description: "Native memory: malloc without free, invisible to the program's own allocator",
    page: include_str!("native.md"),
    takes: &[Resource::OutsideMemory, Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'n',
    new: || Box::<Native>::default(),
};

/// What a block takes beside the bytes it offers: 8 bytes that `malloc` keeps in front of it, and
/// 14 in the list, as for the records of `history`.
const OVERHEAD_BYTES: usize = 22;

/// `malloc` hands out sizes that are 8 more than a multiple of this.
const QUANTUM: usize = 16;

#[derive(Default)]
struct Native {
    /// A binding with this defect has no such list; here it lets `clear` free the blocks.
    forgotten: Mutex<Vec<Buffer>>,
    bytes: AtomicU64,
}

/// What the library's header declares: the caller frees the picture.
fn render(budget: &Budget) -> io::Result<Buffer> {
    let bytes = budget.bytes().saturating_sub(OVERHEAD_BYTES);
    Buffer::filled(bytes - bytes % QUANTUM + QUANTUM / 2, FACTS.fill)
}

impl Pattern for Native {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let picture = render(budget)?;
        // The defect: nobody frees the picture.
        let mut forgotten = lock(&self.forgotten);
        self.bytes.fetch_add(picture.bytes() as u64, Ordering::Relaxed);
        forgotten.push(picture);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        // Owned by something that frees it when dropped.
        render(budget).map(drop)
    }

    fn count(&self) -> usize {
        lock(&self.forgotten).len()
    }

    fn outside(&self) -> Outside {
        Outside { bytes: self.bytes.load(Ordering::Relaxed), ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let mut forgotten = lock(&self.forgotten);
        let pictures = std::mem::take(&mut *forgotten);
        self.bytes.store(0, Ordering::Relaxed);
        drop(forgotten);
        let count = pictures.len();
        drop(pictures);
        buffer::trim();
        count
    }
}
