//! The command line: arguments to plan, run to output, report to exit code.

mod progress;

use std::{
    error::Error,
    io::{self, Write},
    iter::successors,
    process::ExitCode,
    time::Duration,
};

use clap::{Parser, ValueEnum};

use self::progress::Progress;
use crate::{Control, Plan, PlanOptions, Problems, Report, run::run as run_plan};

/// Exit code of a run with failed requests.
const FINDING: u8 = 1;
/// Exit code when there was no run.
const NO_RUN: u8 = 2;
/// Exit code of a run that is invalid by its own measure.
const INVALID: u8 = 3;
/// Exit code of an interrupted run, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

/// Send open-loop HTTP load to a URL and report the times from the intended instants.
///
/// Arrivals follow the schedule whatever the target does, so that a stall shows in the response
/// times of all who came meanwhile. Load goes to URL and nowhere else.
///
/// Exit codes: 0 every request was answered with a status below 400; 1 some request failed;
/// 2 could not run; 3 the run is invalid by its own measure (arrivals dropped, or the generator
/// late), whatever the target did; 130 interrupted, with a report of what was done. A second
/// Ctrl-C ends it at once.
///
/// Example: `loadgen --rate 5000/s --connections 50 --duration 10s http://127.0.0.1:8080/api/data`
#[derive(Debug, Clone, Parser)]
#[command(version, verbatim_doc_comment)]
pub struct Args {
    /// Target, `http://HOST:PORT/PATH`.
    pub url: String,
    /// Arrivals per time: `200/s`, `12000/m`, `90/h`; at most 1000000/s.
    #[arg(long)]
    pub rate: String,
    /// How arrivals are spread: `constant` or `poisson`.
    #[arg(long, default_value = "constant")]
    pub arrivals: String,
    /// Seed of Poisson arrivals: the same seed is the same schedule.
    #[arg(long, default_value = "0")]
    pub seed: String,
    /// Keep-alive connections, all opened before the start; 1 to 10000.
    #[arg(long, default_value = "10")]
    pub connections: String,
    /// How long arrivals go on, 1ms to 7days.
    #[arg(long, default_value = "10s")]
    pub duration: String,
    /// Limit of the wait for a free connection, and of each request after it; 1ms to 10min.
    #[arg(long, default_value = "5s")]
    pub timeout: String,
    /// Arrivals that may wait for a free connection at once; more are dropped and make the run
    /// invalid. Default: what comes in one timeout, at least 1024.
    #[arg(long)]
    pub backlog: Option<String>,
    /// The run is invalid if the generator itself is later than this at p99.
    #[arg(long, default_value = "10ms")]
    pub max_lateness: String,
    /// Form of the report on stdout.
    #[arg(long, value_enum, default_value = "text")]
    pub format: Format,
}

/// Form of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A summary for people.
    Text,
    /// One JSON object.
    Json,
}

/// Runs the command and reports; the result is the process's exit code.
pub fn run(args: &Args) -> ExitCode {
    match execute(args) {
        Ok(code) => code.into(),
        Err(lines) => {
            for line in lines {
                eprintln!("error: {line}");
            }
            NO_RUN.into()
        }
    }
}

fn execute(args: &Args) -> Result<u8, Vec<String>> {
    let plan = plan(args)
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>())?;
    let control = Control::new();
    stop_on_interrupt(&control).map_err(|error| chain(&error))?;
    let progress = Progress::show(&plan, &control);
    let report = run_plan(&plan, &control);
    progress.end();
    let report = report.map_err(|error| chain(&error))?;
    print(&report, args.format).map_err(|error| chain(&error))?;
    Ok(exit_code(&report))
}

/// The checked plan, or every problem of the arguments at once.
fn plan(args: &Args) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    let mut options = PlanOptions::new(&args.url, &args.rate, Duration::from_secs(10));
    let mut time = |place, text: &str, value: &mut Duration| {
        if let Some(parsed) = problems.parse::<humantime::Duration>(place, text) {
            *value = parsed.into();
        }
    };
    time("duration", &args.duration, &mut options.duration);
    time("timeout", &args.timeout, &mut options.timeout);
    time("max-lateness", &args.max_lateness, &mut options.max_lateness);
    problems.parse_into("arrivals", &args.arrivals, &mut options.arrivals);
    problems.parse_into("seed", &args.seed, &mut options.seed);
    problems.parse_into("connections", &args.connections, &mut options.connections);
    if let Some(text) = &args.backlog {
        options.backlog = problems.parse("backlog", text);
    }
    match options.check() {
        Ok(plan) => problems.or(plan),
        Err(more) => Err(problems.and(more)),
    }
}

/// Asks the run to stop at the first Ctrl-C, and leaves at once at the second.
fn stop_on_interrupt(control: &Control) -> Result<(), ctrlc::Error> {
    let control = control.clone();
    ctrlc::set_handler(move || {
        if control.is_stopped() {
            std::process::exit(i32::from(INTERRUPTED));
        }
        control.stop();
    })
}

fn print(report: &Report, format: Format) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match format {
        Format::Text => writeln!(out, "{report}"),
        Format::Json => {
            serde_json::to_writer_pretty(&mut out, report)?;
            writeln!(out)
        }
    }
}

/// A run that was cut short or is invalid says nothing about the target, so that comes first.
fn exit_code(report: &Report) -> u8 {
    match report {
        Report { interrupted: true, .. } => INTERRUPTED,
        Report { valid: false, .. } => INVALID,
        Report { errors_total: 1.., .. } => FINDING,
        _ => 0,
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> Vec<String> {
    let causes = successors(Some(error), |error: &&dyn Error| (*error).source());
    vec![causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")]
}
