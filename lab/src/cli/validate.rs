//! `leaklab validate`: checks drill files, and starts nothing.

use std::io::{self, Write};

use clap::Args;

use super::selection::{from_file, tell};
use super::{Exit, Failure};

/// Check drill files without running them.
///
/// Every fault of every file is told at once, as `FILE:LINE:COLUMN: what; hint`. Exit code 2 if
/// there is one.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Drill files
    #[arg(required = true)]
    files: Vec<String>,
}

pub(super) fn run(args: &ValidateArgs) -> Result<Exit, Failure> {
    let mut exit = Exit::AsExpected;
    for file in &args.files {
        match from_file(file) {
            Ok(_) => writeln!(io::stdout(), "{file}: ok")?,
            Err(fault) => {
                tell(&fault);
                exit = Exit::CouldNotRun;
            }
        }
    }
    Ok(exit)
}
