//! `leaklab report`: renders a journal again, in any form.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Exit, Failure};
use crate::journal;
use crate::report::{Report, html, junit, text};

/// Render the journal of a run again.
///
/// A journal of a run that was killed is rendered as far as it goes; its drill is `cut off`.
/// Exit code 0 if the journal could be rendered, whatever the drills found.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The journal, as `leaklab drill` wrote it
    journal: PathBuf,
    /// The form
    #[arg(long, value_enum, default_value = "text")]
    format: ReportFormat,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ReportFormat {
    /// A table for people
    Text,
    /// JSON with a `schema_version`
    Json,
    /// `JUnit` XML, one test case per drill
    Junit,
    /// One self-contained page with the memory curves
    Html,
}

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
struct OutputError {
    path: String,
    source: io::Error,
}

pub(super) fn run(args: &ReportArgs) -> Result<Exit, Failure> {
    let journal = journal::read(&args.journal)?;
    if journal.torn {
        eprintln!(
            "note: the last line of the journal is cut off; everything before it is reported"
        );
    }
    let report = Report::of(&journal);
    let rendered = match args.format {
        ReportFormat::Text => text(&report),
        ReportFormat::Json => report.json()?,
        ReportFormat::Junit => junit(&report),
        ReportFormat::Html => html(&report, &journal),
    };
    match &args.output {
        Some(path) => fs::write(path, rendered)
            .map_err(|source| OutputError { path: path.display().to_string(), source })?,
        None => io::stdout().write_all(rendered.as_bytes())?,
    }
    Ok(Exit::AsExpected)
}
