//! The leaky service as a program of its own.

use std::process::ExitCode;

use clap::Parser;
use leaky_service::cli;

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

fn main() -> ExitCode {
    cli::Program::parse().run()
}
