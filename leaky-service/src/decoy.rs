//! The decoys: memory that rises and is no leak. Each in a file of its own, and a line here.

mod bounded_cache;

use crate::pattern::Facts;

/// All decoys, in the order in which they are listed.
pub const ALL: &[&Facts] = &[&bounded_cache::FACTS];
