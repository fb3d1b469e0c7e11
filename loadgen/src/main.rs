//! `loadgen`: open-loop HTTP load from the command line.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    loadgen::cli::run(&loadgen::cli::Args::parse())
}
