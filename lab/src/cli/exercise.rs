//! `leaklab exercise`: the training in the terminal.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::{DEFAULT_URL, Exit, Failure, URL_VARIABLE, lab_url};
use crate::exercise::{self, Answers, EXERCISES, Exercise, Findings, Lab, Needs, Progress, render};
use crate::quantity::{parse_seconds, parse_size};

/// Rises when a field of the JSON changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// List the exercises, print one, or check it against the running lab.
///
/// Bring the lab up first, with `leaklab up` or with Docker Compose. A check looks at what the lab
/// shows and at what you answer, never at what you typed. Progress is kept in
/// `$XDG_STATE_HOME/leaklab/exercises.json`, by default below `~/.local/state`. Where the service
/// asks for credentials, the environment has them: `METRICS_AUTH_USERNAME` and
/// `METRICS_AUTH_PASSWORD`, `LEAKLAB_ADMIN_TOKEN`.
///
/// Exit codes: 0 passed (or listed, or printed); 1 something is still missing; 2 could not run: no
/// such exercise, or the lab does not answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  leaklab exercise                    list them, with progress
  leaklab exercise 3                  print the page of the third
  leaklab exercise 3 check --hint     what is still missing, and what to do about it
  leaklab exercise 2 check --answer bytes-per-request=10KiB --answer requests-to-limit=24000
  leaklab exercise 3 solution         print its solution
  leaklab exercise --reset            forget all progress")]
pub struct ExerciseArgs {
    /// Its number or name; without one all are listed
    #[arg(value_name = "NUMBER|NAME")]
    exercise: Option<String>,
    /// Forget all progress
    #[arg(long, conflicts_with = "exercise")]
    reset: bool,
    /// The form of the list
    #[arg(long, value_enum, default_value_t, conflicts_with = "exercise")]
    format: Format,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    Check(CheckArgs),
    /// Print the solution
    Solution,
}

/// Look at the running lab and say whether the exercise is passed, or what is still missing.
///
/// Exit codes: 0 passed; 1 something is still missing; 2 could not look, or an answer is no answer.
#[derive(Debug, Args)]
struct CheckArgs {
    /// The service of the lab
    #[arg(long, env = URL_VARIABLE, value_name = "URL", default_value = DEFAULT_URL, value_parser = lab_url)]
    url: String,
    /// An answer to a question of the page, such as bytes-per-request=10KiB; once for each
    #[arg(long = "answer", value_name = "KEY=VALUE")]
    answers: Vec<String>,
    /// Say what to do about what is missing
    #[arg(long)]
    hint: bool,
    /// How long to look on, where once is not enough; 2s or more
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = watch)]
    watch: f64,
    /// The memory limit of the service, where an answer depends on it
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = parse_size)]
    limit: u64,
    /// The form of the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Text,
    /// For programs, with a `schema_version`
    Json,
}

/// The shortest and the longest time between two looks.
const WATCH_SECONDS: std::ops::RangeInclusive<f64> = 2.0..=3600.0;

fn watch(text: &str) -> Result<f64, String> {
    let seconds = parse_seconds(text)?;
    let possible = WATCH_SECONDS.contains(&seconds);
    possible.then_some(seconds).ok_or_else(|| "2s or more, up to 1h".to_owned())
}

/// The list.
#[derive(Serialize)]
struct Listing {
    schema_version: u32,
    exercises: Vec<Entry>,
}

#[derive(Serialize)]
struct Entry {
    number: usize,
    name: &'static str,
    title: &'static str,
    passed_at: Option<String>,
}

/// What came of a check.
#[derive(Serialize)]
struct Outcome<'a> {
    schema_version: u32,
    number: usize,
    name: &'static str,
    title: &'static str,
    passed: bool,
    findings: &'a Findings,
}

pub(super) fn run(args: &ExerciseArgs) -> Result<Exit, Failure> {
    if args.reset {
        Progress::reset(&Progress::default_path()?)?;
        eprintln!("progress is forgotten");
        return Ok(Exit::AsExpected);
    }
    let Some(wanted) = &args.exercise else {
        return if args.action.is_some() {
            Err("which exercise? `leaklab exercise 3 check`".into())
        } else {
            list(args.format)
        };
    };
    let (number, exercise) = exercise::find(wanted).ok_or_else(|| {
        let names: Vec<_> = EXERCISES.iter().map(|exercise| exercise.name).collect();
        format!("no exercise `{wanted}`; there are 1 to {}: {}", EXERCISES.len(), names.join(", "))
    })?;
    match &args.action {
        None => print(exercise.page),
        Some(Action::Solution) => print(exercise.solution),
        Some(Action::Check(args)) => check(number, exercise, args),
    }
}

fn list(format: Format) -> Result<Exit, Failure> {
    let progress = Progress::read(&Progress::default_path()?)?;
    let entry = |(number, exercise): (usize, &Exercise)| Entry {
        number,
        name: exercise.name,
        title: exercise.title,
        passed_at: progress.passed_at(exercise.name).map(str::to_owned),
    };
    let exercises: Vec<_> = (1..).zip(EXERCISES).map(entry).collect();
    let mut out = io::stdout().lock();
    if format == Format::Json {
        let listing = Listing { schema_version: SCHEMA_VERSION, exercises };
        writeln!(out, "{}", serde_json::to_string_pretty(&listing)?)?;
        return Ok(Exit::AsExpected);
    }
    for entry in &exercises {
        let passed = if entry.passed_at.is_some() { "passed" } else { "" };
        writeln!(out, "{:>2}  {:<18} {passed:<7} {}", entry.number, entry.name, entry.title)?;
    }
    let passed = exercises.iter().filter(|entry| entry.passed_at.is_some()).count();
    writeln!(out, "{passed} of {} passed", exercises.len())?;
    Ok(Exit::AsExpected)
}

fn print(markdown: &str) -> Result<Exit, Failure> {
    let is_plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_colour = io::stdout().is_terminal() && !is_plain;
    io::stdout().write_all(render(markdown, has_colour).as_bytes())?;
    Ok(Exit::AsExpected)
}

fn check(number: usize, exercise: &Exercise, args: &CheckArgs) -> Result<Exit, Failure> {
    let answers = Answers::read(exercise, &args.answers).map_err(|problems| problems.join("; "))?;
    let path = Progress::default_path()?;
    let mut progress = Progress::read(&path)?;
    if exercise.needs == Needs::Watch {
        eprintln!("looking at {} for {} s", args.url, args.watch);
    }
    let watch = Duration::from_secs_f64(args.watch);
    let file: Option<PathBuf> = answers.file(exercise);
    let mut evidence = Lab::at(&args.url)?.evidence(exercise.needs, watch, file.as_deref())?;
    evidence.limit_bytes = args.limit as f64;
    evidence.earlier_start_seconds = progress.earlier_start_seconds(exercise.name, &args.url);
    let findings = (exercise.check)(&evidence, &answers);
    let passed = findings.passed();
    tell(number, exercise, &findings, args)?;
    progress.note(exercise.name, &args.url, passed, evidence.last.start_seconds());
    keep(&progress, &path);
    Ok(if passed { Exit::AsExpected } else { Exit::Finding })
}

/// What was found is true, whether it can be kept or not.
fn keep(progress: &Progress, path: &std::path::Path) {
    if let Err(error) = progress.write(path) {
        eprintln!("warning: progress is not kept: {}", crate::error_chain(&error));
    }
}

fn tell(
    number: usize,
    exercise: &Exercise,
    findings: &Findings,
    args: &CheckArgs,
) -> io::Result<()> {
    let passed = findings.passed();
    let (name, title) = (exercise.name, exercise.title);
    let mut out = io::stdout().lock();
    if args.format == Format::Json {
        let schema_version = SCHEMA_VERSION;
        let outcome = Outcome { schema_version, number, name, title, passed, findings };
        return writeln!(out, "{}", serde_json::to_string_pretty(&outcome)?);
    }
    for finding in findings.iter() {
        let met = if finding.met { "yes" } else { "no " };
        let seen = finding.seen.replace('\n', "\n         ");
        writeln!(out, "  {met}  {}: {seen}", finding.what)?;
        if args.hint && !finding.met {
            writeln!(out, "       hint: {}", finding.hint)?;
        }
    }
    let verdict = if passed { "passed" } else { "not yet (--hint says what to do)" };
    writeln!(out, "exercise {number}, {title}: {verdict}")
}
