//! Cleared collections that keep their tables: buffers go back to a pool, empty and as large as
//! ever, and are never found again.
//!
//! The pool was meant to save allocations: a handler takes a workspace that is large enough, or
//! makes one, and gives it back cleared. But it asks for the length, where it means the capacity,
//! and what has been cleared has no length. So each request makes a workspace, and the pool keeps
//! them all.

use std::io;
use std::sync::Mutex;

use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::{Budget, Chunks};
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "capacity",
    role: Role::Leak,
    description: "Retained capacity: cleared buffers, pooled with all their room and never reused",
    page: include_str!("capacity.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'p',
    new: || Box::<Capacity>::default(),
};

/// A workspace's share of the pool: 8 bytes for the pointer, 10 as size classes go for vectors of
/// a power of two; a vector that doubles when full has, on average over its growth, 2 ln 2 = 1.39
/// slots per element.
const POOL_SHARE_BYTES: usize = 14;

/// What a growing column takes beside one of fixed size, in the four that most workspaces have:
/// a capacity for each.
const CAPACITIES_BYTES: usize = 4 * size_of::<usize>();

/// Workspaces that the fixed pool keeps at most.
const FIXED_MAX_WORKSPACES: usize = 16;

#[derive(Default)]
#[expect(
    clippy::vec_box,
    reason = "workspaces inside the pool would double with it, far from exact"
)]
struct Capacity {
    pool: Mutex<Vec<Box<Workspace>>>,
    fixed_pool: Mutex<Vec<Box<Workspace>>>,
}

/// Columns of a table that is built for one request.
struct Workspace {
    columns: Vec<Vec<u8>>,
}

impl Workspace {
    fn with_room(wanted: &Chunks) -> Self {
        Self { columns: wanted.iter().map(|&length| Vec::with_capacity(length)).collect() }
    }

    fn fill(&mut self, wanted: &Chunks) {
        for (column, &length) in self.columns.iter_mut().zip(wanted.iter()) {
            column.resize(length, FACTS.fill);
        }
    }

    /// Empties it. Its columns keep the room that they had.
    fn clear(&mut self) {
        self.columns.iter_mut().for_each(Vec::clear);
    }

    fn len(&self) -> usize {
        self.columns.iter().map(Vec::len).sum()
    }

    fn capacity(&self) -> usize {
        self.columns.iter().map(Vec::capacity).sum()
    }
}

/// What the columns of a workspace have to hold.
fn wanted(budget: &Budget) -> Chunks {
    budget.chunks(handed_out_bytes(size_of::<Workspace>()) + CAPACITIES_BYTES + POOL_SHARE_BYTES)
}

impl Pattern for Capacity {
    fn touch(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let wanted = wanted(budget);
        let wanted_bytes = wanted.iter().sum();
        // The defect: what is in the pool is empty, so its length is never enough.
        let pooled = lock(&self.pool).pop_if(|workspace| workspace.len() >= wanted_bytes);
        let mut workspace = pooled.unwrap_or_else(|| Box::new(Workspace::with_room(&wanted)));
        workspace.fill(&wanted);
        workspace.clear();
        lock(&self.pool).push(workspace);
        Ok(())
    }

    fn touch_patched(&self, _event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let wanted = wanted(budget);
        let wanted_bytes = wanted.iter().sum();
        let pooled = lock(&self.fixed_pool).pop();
        let large_enough = pooled.filter(|workspace| workspace.capacity() >= wanted_bytes);
        let mut workspace = large_enough.unwrap_or_else(|| Box::new(Workspace::with_room(&wanted)));
        workspace.fill(&wanted);
        workspace.clear();
        let mut pool = lock(&self.fixed_pool);
        let is_full = pool.len() == FIXED_MAX_WORKSPACES;
        let dropped = if is_full {
            Some(workspace)
        } else {
            pool.push(workspace);
            None
        };
        drop(pool);
        drop(dropped);
        Ok(())
    }

    fn count(&self) -> usize {
        lock(&self.pool).len() + lock(&self.fixed_pool).len()
    }

    fn clear(&self) -> usize {
        let pool = std::mem::take(&mut *lock(&self.pool));
        let fixed_pool = std::mem::take(&mut *lock(&self.fixed_pool));
        pool.len() + fixed_pool.len()
    }
}
