//! `leaklab`: makes a real service leak, and proves what becomes of it.

use std::process::ExitCode;

use clap::Parser;
use lab::cli::{Args, run};

/// Only `serve` asks it for accounts; for the other commands it is the plain allocator.
#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

fn main() -> ExitCode {
    run(Args::parse())
}
