//! A pattern is one way of keeping memory: a leak, or a decoy that merely looks like one.
//!
//! A pattern is plain defective (or plain correct) code, written as it is found in the wild. It
//! does not count its bytes: whatever it allocates while [`Pattern::touch`] runs is charged to
//! its account by the tracker. Nor does it know whether it is switched on; the catalogue does.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use axum::http::request::Parts;

use crate::payload::Budget;

/// Whether a pattern is a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Keeps memory that it should release.
    Leak,
    /// Keeps memory rightly; looks like a leak for a while.
    Decoy,
}

/// What is known of a pattern before it runs.
#[derive(Debug)]
pub struct Facts {
    /// As it stands in URLs, metrics, drills and verdicts.
    pub name: &'static str,
    /// Leak or decoy.
    pub role: Role,
    /// One sentence for the person who switches it on.
    pub description: &'static str,
    /// What the status calls the number of things it keeps.
    pub count_field: &'static str,
    /// What `clear` calls the number of things it dropped, when this pattern alone is cleared.
    pub removed_field: &'static str,
    /// The same when everything is cleared.
    pub removed_field_in_all: &'static str,
    /// The gauge with the number of things it keeps.
    pub count_gauge: &'static str,
    /// The gauge with the bytes it holds.
    pub bytes_gauge: &'static str,
    /// What its payloads consist of. Not zero, so that every page is really written; and no
    /// other pattern's, because the optimiser merges functions that are the same, and an
    /// allocation in a merged one is traced back to whichever was kept.
    pub fill: u8,
    /// Makes one that keeps nothing yet.
    pub new: fn() -> Box<dyn Pattern>,
}

/// The request being served, as a pattern sees it.
pub struct Request<'a> {
    /// Never repeats within a process.
    pub id: u64,
    /// When it was received.
    pub received: SystemTime,
    /// Method, path and headers.
    pub parts: &'a Parts,
}

/// One way of keeping memory.
pub trait Pattern: Send + Sync {
    /// Keeps of this request what the pattern keeps; as large, altogether, as the budget says.
    fn touch(&self, request: &Request<'_>, budget: &Budget);

    /// Things kept now.
    fn count(&self) -> usize;

    /// Drops everything kept, outside any lock that [`touch`](Self::touch) takes, and returns
    /// how many things that were.
    fn clear(&self) -> usize;

    /// Told after every change of settings.
    fn settings_changed(&self) {}

    /// The bound that a decoy has, where it has one.
    fn bound(&self) -> Option<&dyn Bounded> {
        None
    }
}

/// A pattern that keeps at most so many entries, and evicts beyond.
pub trait Bounded {
    /// Entries it keeps at most.
    fn max_entries(&self) -> usize;

    /// Sets what [`max_entries`](Self::max_entries) returns; evicts at once what is beyond.
    fn set_max_entries(&self, max_entries: usize);

    /// Entries evicted since the process started.
    fn evictions(&self) -> u64;
}

/// Locks, also after a panic in another holder: a pattern's collections are valid between any two
/// of their operations.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
