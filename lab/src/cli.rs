//! The command line of `leaklab`: every command in one program.

mod bench;
mod corpus;
mod drill;
mod exercise;
mod gameday;
mod live;
mod report;
mod selection;
mod up;
mod validate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::faults::Faults;

/// Where the service of a lab is, unless the variable or a flag says otherwise.
const DEFAULT_URL: &str = "http://127.0.0.1:8080";
/// The environment variable with the service of the lab; the stack sets it in the image of this program.
const URL_VARIABLE: &str = "LEAKLAB_URL";

/// Reads the address of a lab's service.
fn lab_url(text: &str) -> Result<String, String> {
    let host = text.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
    match host {
        Some(host) if !host.is_empty() && !host.contains(['/', ' ', '?', '#']) => {
            Ok(format!("http://{host}"))
        }
        _ => Err("expected http://HOST:PORT".to_owned()),
    }
}

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
  leaklab report journals/X.jsonl --format html --output report.html
  leaklab up                          a lab to try things on: service, load, detector
  leaklab exercise                    the training, on that lab
  leaklab gameday start               an unknown leak in it"
)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
// What has a page of its own, its arguments describe; a line here would take its place in their help.
enum Command {
    Drill(drill::DrillArgs),
    /// List the drills that are shipped
    Drills,
    Validate(validate::ValidateArgs),
    Report(report::ReportArgs),
    Bench(bench::BenchArgs),
    Corpus(corpus::CorpusArgs),
    Gameday(gameday::GamedayArgs),
    /// List the leaks and decoys of the service, or show the page of one
    Leaks(leaky_service::leaks::Args),
    Exercise(exercise::ExerciseArgs),
    Up(up::UpArgs),
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
        Command::Exercise(args) => finish(exercise::run(&args)),
        Command::Up(args) => finish(up::run(&args)),
        Command::Gameday(args) => finish(gameday::run(&args)),
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
            match error.downcast_ref::<Faults>() {
                Some(faults) => faults.lines().for_each(|fault| eprintln!("error: {fault}")),
                None => eprintln!("error: {}", crate::error_chain(error.as_ref())),
            }
            Exit::CouldNotRun
        })
        .into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_help_of_what_can_find_something_says_how_it_ends() {
        let program = Args::command();
        for name in ["drill", "validate", "report", "bench", "gameday", "exercise", "up"] {
            let mut command = program.find_subcommand(name).expect("a command").clone();
            let help = command.render_long_help().to_string();
            assert!(help.contains("Exit code"), "{name}: {help}");
        }
    }

    #[test]
    fn the_address_of_a_lab_is_a_scheme_a_host_and_a_port() {
        assert_eq!(lab_url(DEFAULT_URL).as_deref(), Ok(DEFAULT_URL));
        assert_eq!(lab_url("http://lab/").as_deref(), Ok("http://lab"));
        for bad in ["", "localhost:8080", "http://", "http:///", "https://lab", "http://lab/admin"]
        {
            assert!(lab_url(bad).is_err(), "{bad} was accepted");
        }
    }
}
