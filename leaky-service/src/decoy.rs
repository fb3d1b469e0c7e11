//! The decoys: memory that rises and is no leak. Each in a file of its own, and a line here.

mod batch;
mod bounded_cache;
mod bulk;
mod burst_retention;
mod daily;
mod expiring_cache;
mod fragmentation;
mod load_bound;
mod page_cache;
mod pages;
mod pool;
mod sawtooth;
mod step;
mod warm_up;

use crate::pattern::Facts;

/// All decoys, in the order in which they are listed.
pub const ALL: &[&Facts] = &[
    &bounded_cache::FACTS,
    &expiring_cache::FACTS,
    &warm_up::FACTS,
    &sawtooth::FACTS,
    &step::FACTS,
    &load_bound::FACTS,
    &batch::FACTS,
    &daily::FACTS,
    &pool::FACTS,
    &page_cache::FACTS,
    &burst_retention::FACTS,
    &fragmentation::FACTS,
];
