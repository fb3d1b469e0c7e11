//! The command line of `leaklab`: every command in one program.

mod bench;
mod corpus;
mod drill;
mod report;
mod selection;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Exit codes of this program; those of `serve`, `load` and `detect` are their crates' own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All as expected.
    AsExpected,
    /// An expectation failed.
    Finding,
    /// It could not run: usage, bad input, unreachable.
    CouldNotRun,
    /// Ctrl-C or SIGTERM.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::AsExpected => 0,
            Exit::Finding => 1,
            Exit::CouldNotRun => 2,
            Exit::Interrupted => crate::interrupt::INTERRUPTED,
        })
    }
}

/// Make a real service leak, load it, detect the leak, fix it, and prove that it is gone.
#[derive(Debug, Parser)]
#[command(
    name = "leaklab",
    version,
    after_help = "\
Exit codes: 0 all as expected; 1 a finding (an expectation failed, a leak); 2 could not run; 3 undecided; 130 interrupted.

Examples:
  leaklab drill                       run the standard drills: three leaks and a decoy
  leaklab drill --all                 run the drills of all leaks and decoys
  leaklab drill cache mine.yaml       run a drill that is shipped and one of your own
  leaklab report journals/X.jsonl --format html --output report.html"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run drills: inject, load, detect, fix, verify
    Drill(drill::DrillArgs),
    /// List the drills that are shipped
    Drills,
    /// Check drill files without running them
    Validate(validate::ValidateArgs),
    /// Render the journal of a run again
    Report(report::ReportArgs),
    /// Score detectors on a corpus
    Bench(bench::BenchArgs),
    /// Make corpora: series with their ground truth
    Corpus(corpus::CorpusArgs),
    /// List the leaks and decoys of the service, or show the page of one
    Leaks(leaky_service::leaks::Args),
    /// Serve the leaky service
    Serve(leaky_service::cli::Args),
    /// Send load to a service
    Load(Box<loadgen::cli::Args>),
    /// Judge from outside whether a process or a series leaks
    Detect(detector::cli::Args),
}

/// Runs a command.
pub fn run(args: Args) -> ExitCode {
    match args.command {
        Command::Drill(args) => finish(drill::run(&args)),
        Command::Drills => finish(selection::list()),
        Command::Validate(args) => finish(validate::run(&args)),
        Command::Report(args) => finish(report::run(&args)),
        Command::Bench(args) => finish(bench::run(&args)),
        Command::Corpus(args) => finish(corpus::run(&args)),
        Command::Leaks(args) => leaky_service::leaks::run(&args),
        Command::Serve(args) => leaky_service::cli::run(&args),
        Command::Load(args) => loadgen::cli::run(&args),
        Command::Detect(args) => detector::cli::run(args),
    }
}

/// An error that ends a command.
type Failure = Box<dyn std::error::Error>;

fn finish(result: Result<Exit, Failure>) -> ExitCode {
    result
        .unwrap_or_else(|error| {
            eprintln!("error: {}", crate::error_chain(error.as_ref()));
            Exit::CouldNotRun
        })
        .into()
}
