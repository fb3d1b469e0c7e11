//! How many files and sockets this process may have open, and who may have how many of them.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The least that Linux systems are found to grant, for limits that cannot be read.
pub(crate) const UNKNOWN_LIMIT: u64 = 1024;

/// Descriptors kept for everything that is neither a leak nor a client's connection.
const RESERVE: u64 = 256;

/// Raises the limit as far as the system lets this process: what a shell grants by default (1024)
/// dates from programs that could not count further. A refusal leaves it where it was.
pub fn raise_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// What leaks and decoys together may hold open: half.
pub fn for_patterns() -> u64 {
    granted() / 2
}

/// What clients may hold open: the other half, but for a reserve.
pub fn for_connections() -> u64 {
    granted() / 2 - RESERVE.min(granted() / 4)
}

fn granted() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(UNKNOWN_LIMIT)
}
