//! `leaklab corpus check`: everything that is wrong with a corpus, at once.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, Failure};
use crate::corpus::check::{self, Checked, Finding};

/// Verify that a corpus is unchanged, and that each trace shows what its truth says.
///
/// Errors are checksums that differ from the manifest, files that are missing or not listed, traces and
/// truths that cannot be read, an onset outside the trace, and a labelled leak that does not grow. A
/// `no_leak` that still rises at its end is a warning.
///
/// Exit codes: 0 sound (with or without warnings); 1 errors; 2 it could not be read.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = CheckFormat::Text)]
    format: CheckFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum CheckFormat {
    /// A line for each finding
    Text,
    /// JSON with a `schema_version`
    Json,
}

pub(super) fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let checked = check::folder(&args.folder)?;
    let told = match args.format {
        CheckFormat::Text => text(&checked),
        CheckFormat::Json => format!("{}\n", serde_json::to_string_pretty(&checked)?),
    };
    io::stdout().write_all(told.as_bytes())?;
    Ok(if checked.errors.is_empty() { Exit::AsExpected } else { Exit::Finding })
}

fn text(checked: &Checked) -> String {
    let mut text = String::new();
    for (kind, findings) in [("error", &checked.errors), ("warning", &checked.warnings)] {
        for Finding { what, why } in findings {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{kind}: {what}: {why}");
        }
    }
    let sums = if checked.has_manifest { "" } else { ", no manifest to check files against" };
    let _ = writeln!(
        text,
        "{} traces, {} of them leak: {} errors, {} warnings{sums}",
        checked.traces,
        checked.leaks,
        checked.errors.len(),
        checked.warnings.len()
    );
    text
}
