//! A service that leaks memory on demand, exactly, and tells the truth about it.
//!
//! The way through the crate:
//!
//! - [`cli`] reads the command line, applies the [`startup`] file and starts a [`Service`], which
//!   [`server`] runs on a listener until told to stop; [`http`] is its API.
//! - [`catalogue`] holds the leaks ([`leak`]) and decoys ([`decoy`]), each one [`pattern`] in a
//!   file of its own and an [`exhibit`] with [`controls`], whose [`dose`] says which events touch
//!   it; those by time come from the [`clock`], and [`endpoint`] names where requests come in.
//!   [`payload`] makes entries exactly as large as configured, [`resource`] limits all else,
//!   and nothing is added for which there is no [`room`].
//! - [`tracker`] is the global allocator and keeps the books: exact bytes per leak, and live
//!   bytes per call stack, which [`pprof`] and [`flamegraph`] show. [`heap`], [`process`] and
//!   [`cgroup`] ask jemalloc and the kernel, who do not know those books; [`metrics`] publishes
//!   all of it, [`near_limit`] warns before the kernel kills, and [`spans`] tells a collector of each request.
//!
//! A program that runs the service must allocate through [`TrackingAllocator`]:
//!
//! ```
//! #[global_allocator]
//! static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;
//! # fn main() {}
//! ```
//!
//! [`leaks`] is the command that lists them and prints their pages.
//!
//! The leaks are the only thing in this crate that grows without bound, and `--max-held` bounds
//! even them.

pub mod catalogue;
pub mod cgroup;
pub mod cli;
pub mod clock;
pub mod controls;
pub mod decoy;
mod descriptors;
pub mod dose;
mod ending;
pub mod endpoint;
pub mod exhibit;
pub mod flamegraph;
pub mod growth;
pub mod heap;
pub mod http;
pub mod leak;
pub mod leaks;
pub mod metrics;
pub mod near_limit;
pub mod pattern;
pub mod payload;
pub mod pprof;
pub mod process;
pub mod purges;
pub mod resource;
pub mod room;
pub mod seal;
pub mod server;
pub mod service;
pub mod spans;
pub mod startup;
pub mod tracker;

use std::fmt::Display;
use std::io::{self, Write};

pub use service::{Service, Settings, StartError};
pub use tracker::TrackingAllocator;

/// The name of the service in answers and metric labels.
pub const SERVICE: &str = "leaky-service";

/// Tells the log a line. Nobody may be reading it; the service runs all the same.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// The contract's `_mb` fields are mebibytes.
pub(crate) fn mebibytes(bytes: f64) -> f64 {
    bytes / f64::from(1 << 20)
}
