//! `leaklab corpus`: makes the series on which detectors are scored.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Exit, Failure};
use crate::corpus::{Half, Recipe, write};

/// Make corpora: series with their ground truth.
#[derive(Debug, Args)]
pub struct CorpusArgs {
    #[command(subcommand)]
    command: CorpusCommand,
}

#[derive(Debug, Subcommand)]
enum CorpusCommand {
    /// Write generated traces with their ground truth into a folder
    Generate(GenerateArgs),
}

/// Write generated traces with their ground truth into a folder.
///
/// The same seed, half and number give the same bytes. Every family of leaks and of what looks
/// like one occurs in turn; the folder's README.md lists them.
#[derive(Debug, Args)]
struct GenerateArgs {
    /// A folder that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which half of the parameters: tune (to look at) or test (to judge by)
    #[arg(long, default_value_t = Half::Tune)]
    half: Half,
    /// How many traces
    #[arg(long, default_value_t = 540)]
    traces: usize,
}

pub(super) fn run(args: &CorpusArgs) -> Result<Exit, Failure> {
    let CorpusCommand::Generate(args) = &args.command;
    let recipe = Recipe { seed: args.seed, half: args.half, traces: args.traces };
    write::corpus(&recipe, &args.out)?;
    eprintln!("{} traces in {}", args.traces, args.out.display());
    Ok(Exit::AsExpected)
}
