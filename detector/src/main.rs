//! `detector`: judges from outside whether a process leaks.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    detector::cli::run(detector::cli::Args::parse())
}
