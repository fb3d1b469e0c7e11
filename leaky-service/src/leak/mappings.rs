//! Mappings that stay: scratch memory mapped for each request, and never unmapped.
//!
//! The author wanted scratch space that does not burden the heap, and mapped it from the kernel.
//! A mapping is no object: nothing unmaps it when the last pointer to it is gone. It bypasses
//! every allocator, so no allocator's statistics show it.

mod region;

use std::io;
use std::sync::Mutex;

use rustix::param::page_size;

use self::region::Region;
use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "mappings",
    role: Role::Leak,
    description: "Mappings: scratch memory from mmap, never unmapped, outside of any heap",
    page: include_str!("mappings.md"),
    takes: &[Resource::Mappings, Resource::OutsideMemory],
    per_event: Some(Outside { mappings: Region::MAPPINGS as u64, ..Outside::NOTHING }),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'm',
    new: || Box::<Mappings>::default(),
};

#[derive(Default)]
struct Mappings {
    scratch: Mutex<Scratch>,
}

#[derive(Default)]
struct Scratch {
    /// A program with this defect has no such list; here it lets `clear` unmap the regions.
    forgotten: Vec<Region>,
    bytes: usize,
    /// What was asked for and does not fill a page: the next region makes up for it.
    remainder_bytes: usize,
}

impl Scratch {
    /// Whole pages, at least one, and on average what was asked for.
    fn pages(&mut self, budget: &Budget) -> usize {
        let wanted = budget.bytes() + self.remainder_bytes;
        let pages = (wanted / page_size()).max(1);
        self.remainder_bytes = wanted.saturating_sub(pages * page_size());
        pages
    }
}

impl Pattern for Mappings {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let pages = lock(&self.scratch).pages(budget);
        let region = Region::filled(pages, FACTS.fill)?;
        let mut scratch = lock(&self.scratch);
        scratch.bytes += region.bytes();
        // The defect: the work is done, and nothing unmaps the region.
        scratch.forgotten.push(region);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let pages = lock(&self.scratch).pages(budget);
        // Owned by something that unmaps it when dropped.
        Region::filled(pages, FACTS.fill).map(drop)
    }

    fn count(&self) -> usize {
        lock(&self.scratch).forgotten.len()
    }

    fn outside(&self) -> Outside {
        let scratch = lock(&self.scratch);
        let mappings = (scratch.forgotten.len() * Region::MAPPINGS) as u64;
        Outside { bytes: scratch.bytes as u64, mappings, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let scratch = std::mem::take(&mut *lock(&self.scratch));
        scratch.forgotten.len()
    }
}
