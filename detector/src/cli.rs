//! The command line: `check` watches a live process, `replay` reads a trace as if it were live,
//! `inspect` finds what leaks among many series in Prometheus, `rules` prints alert rules.
//!
//! Results go to standard output, narration to standard error; an error is one line with its
//! whole chain of causes.

mod check;
mod inspect;
mod judging;
mod outcome;
mod replay;
mod rules;
mod units;
mod watch;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use outcome::Outcome;
use outcome::Refusal;
pub(crate) use outcome::chain;
pub(crate) use units::{Limit, bytes, duration};

const EXIT_CODES: &str = "\
Exit codes: 0 no leak; 1 a leak; 2 could not run (usage, no such process, bad trace);
3 undecided (the reason says what is missing); 130 interrupted.";

/// Judge from outside whether a process leaks.
///
/// It reads memory, descriptors and threads from /proc (and, if asked, the gauges of the metrics
/// page), tells growth from warm-up, from a cache that fills and from load, and names what grows
/// with it.
#[derive(Debug, Parser)]
#[command(name = "detector", version, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(Box<check::Args>),
    Inspect(inspect::Args),
    Replay(replay::Args),
    Rules(rules::Args),
    Watch(watch::Args),
}

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Runs a command to its end.
pub fn run(args: Args) -> ExitCode {
    let ran = match args.command {
        Command::Check(args) => check::run(*args),
        Command::Inspect(args) => inspect::run(args),
        Command::Replay(args) => replay::run(&args),
        Command::Rules(args) => rules::run(args),
        Command::Watch(args) => watch::run(&args),
    };
    ran.unwrap_or_else(|refusal| refusal.report()).into()
}

type Ran = Result<Outcome, Refusal>;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Parser)]
    enum Host {
        Detect(Args),
    }

    #[test]
    fn another_program_can_offer_these_commands_as_its_own() {
        let words = ["host", "detect", "replay", "run.csv", "--limit", "90%"];
        let Host::Detect(args) = Host::try_parse_from(words).expect("understood");
        assert!(matches!(args.command, Command::Replay(_)));
    }
}
