//! `leaklab drill`: runs drills one after the other, journals them, and reports.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::selection::{Selected, every, select};
use super::{Exit, Failure};
use crate::event::{Status, Verdict};
use crate::interrupt::Interrupt;
use crate::journal::{self, Writer};
use crate::narrator::Terminal;
use crate::report::{Report, junit, text};
use crate::session::{self, Surroundings};

/// Run drills: inject, load, detect, fix, verify.
///
/// Each drill starts the leaky service as a process of its own and ends it again, whatever
/// happens. Drill files are checked before anything starts.
///
/// Exit codes: 0 every drill went as expected; 1 an expectation failed, and the table says which
/// and why; 2 a drill could not run; 130 interrupted.
#[derive(Debug, Args)]
pub struct DrillArgs {
    /// Shipped drills by name, or drill files; by default the standard drills
    #[arg(value_name = "NAME|FILE")]
    drills: Vec<String>,
    /// Run every drill that is shipped: one for each leak and decoy, half an hour altogether
    #[arg(long, conflicts_with = "drills")]
    all: bool,
    /// Where everything is written down as it happens; must not exist yet
    #[arg(
        long,
        value_name = "FILE",
        help = "Journal of the run, a new file [default: journals/drill-<UTC time>.jsonl]"
    )]
    journal: Option<PathBuf>,
    /// The form of the table at the end
    #[arg(long, value_enum, default_value = "text")]
    format: DrillFormat,
}

/// A form of the results of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DrillFormat {
    /// A table for people
    Text,
    /// JSON with a `schema_version`
    Json,
    /// `JUnit` XML, one test case per drill
    Junit,
}

pub(super) fn run(args: &DrillArgs) -> Result<Exit, Failure> {
    let chosen = if args.all { every() } else { select(&args.drills) };
    let Some(selected) = chosen else { return Ok(Exit::CouldNotRun) };
    let interrupt = Interrupt::listen()?;
    let mut journal = Writer::create(&args.journal.clone().unwrap_or_else(journal::default_path))?;
    let mut verdicts = Vec::new();
    for Selected { drill, text } in selected {
        let mut narrator = Terminal::on_stderr();
        let surroundings = Surroundings {
            program: std::env::current_exe()?,
            journal: &mut journal,
            narrator: &mut narrator,
            interrupt: &interrupt,
        };
        verdicts.push(session::run(drill, &text, surroundings)?);
        if interrupt.is_set() {
            break;
        }
    }
    print(args.format, &journal)?;
    eprintln!("journal: {}", journal.path().display());
    Ok(exit_of(&verdicts))
}

/// The table is made from the journal, so it says what `leaklab report` will say.
fn print(format: DrillFormat, journal: &Writer) -> Result<(), Failure> {
    let report = Report::of(&journal::read(journal.path())?);
    let rendered = match format {
        DrillFormat::Text => text(&report),
        DrillFormat::Json => report.json()?,
        DrillFormat::Junit => junit(&report),
    };
    Ok(io::stdout().write_all(rendered.as_bytes())?)
}

/// An interrupt outweighs a finding, and a finding a drill that came to none.
fn exit_of(verdicts: &[Verdict]) -> Exit {
    let any = |status| verdicts.iter().any(|verdict| verdict.status == status);
    if any(Status::Interrupted) {
        Exit::Interrupted
    } else if any(Status::Failed) {
        Exit::Finding
    } else if any(Status::CouldNotRun) {
        Exit::CouldNotRun
    } else {
        Exit::AsExpected
    }
}
