//! `leaklab corpus`: makes the series on which detectors are scored.

mod bring;
mod check;
mod record;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Exit, Failure};
use crate::corpus::{Half, Recipe, write};

/// Make corpora: series with their ground truth.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  leaklab corpus generate --out made --half test --seed 7
  leaklab corpus record --out recorded cache tasks bounded_cache
  leaklab corpus import --out mine --truth api.truth.yaml api.csv
  leaklab corpus inject --out leaking --shape linear --rate 2MiB/h --onset 6h api.csv
  leaklab corpus check made")]
pub struct CorpusArgs {
    #[command(subcommand)]
    command: CorpusCommand,
}

// What each is for stands with its arguments.
#[derive(Debug, Subcommand)]
enum CorpusCommand {
    Generate(GenerateArgs),
    Record(record::RecordArgs),
    Import(bring::ImportArgs),
    Inject(bring::InjectArgs),
    Check(check::CheckArgs),
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
    match &args.command {
        CorpusCommand::Generate(args) => generate(args),
        CorpusCommand::Record(args) => record::run(args),
        CorpusCommand::Import(args) => bring::import(args),
        CorpusCommand::Inject(args) => bring::inject(args),
        CorpusCommand::Check(args) => check::run(args),
    }
}

fn generate(args: &GenerateArgs) -> Result<Exit, Failure> {
    let recipe = Recipe { seed: args.seed, half: args.half, traces: args.traces };
    write::corpus(&recipe, &args.out)?;
    eprintln!("{} traces in {}", args.traces, args.out.display());
    Ok(Exit::AsExpected)
}

/// The command as it was given, for the data card; no argument of it is a secret.
fn as_given() -> String {
    let words = std::env::args()
        .skip(1)
        .map(|word| if word.contains([' ', '"', '\'']) { format!("'{word}'") } else { word });
    std::iter::once("leaklab".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}
