//! The command line: arguments to plan, run to output, report to exit code.

mod args;
mod environment;
mod given;
mod instant;
mod last_word;
mod limits;
mod outputs;
mod plan_file;
mod progress;
mod report;
mod settings;
mod values;

use std::{error::Error, iter::successors, process::ExitCode, time::Duration};

use clap::{Parser, Subcommand};

use self::{
    args::{GoalArgs, LoadArgs, RequestArgs},
    progress::Progress,
};
pub use self::{outputs::OutputArgs, report::ReportArgs};
use crate::{Control, Plan, PlanOptions, Problems, Report, collector::Listener, run::run_heard};

/// Exit code of a run that did not keep a condition.
const FINDING: u8 = 1;
/// Exit code when there was no run.
const NO_RUN: u8 = 2;
/// Exit code of a run that is invalid by its own measure.
const INVALID: u8 = 3;
/// Exit code of an interrupted run, as shells have it for SIGINT.
const INTERRUPTED: u8 = 130;

/// Send HTTP load to a URL and report the times from the intended instants.
///
/// Under `--rate`, arrivals follow the schedule whatever the target does (an open load), so that a
/// stall shows in the response times of all who came meanwhile. Under `--users`, each user waits
/// for the reply before it asks again (a closed loop). Load goes to URL and nowhere else.
///
/// Paths, header values and bodies may have holes: `{{unique}}` is an id that no other request of
/// the run has, `{{key}}` a key of `--keys`, `{{random}}` anything. Credentials come from the
/// environment: `LOADGEN_AUTH_USERNAME` and `LOADGEN_AUTH_PASSWORD`, or `LOADGEN_AUTH_TOKEN`.
///
/// Exit codes: 0 every condition was kept (by default: no request failed); 1 one was not;
/// 2 could not run; 3 the run is invalid by its own measure (arrivals dropped, or the generator
/// late), whatever the target did; 130 interrupted, with a report of what was done. A second
/// Ctrl-C ends it at once.
///
/// Examples:
/// `loadgen --rate 5000/s --connections 50 --duration 10s http://127.0.0.1:8080/api/data`
/// `loadgen --users 50 --duration 10s http://127.0.0.1:8080/api/data`
/// `loadgen --plan loadgen/plans/memory-stress.yaml`
/// `loadgen --stage 30s:500/s --stage 5m:500/s --stage 10s:0/s http://127.0.0.1:8080/`
#[derive(Debug, Clone, Parser)]
#[command(
    version,
    verbatim_doc_comment,
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
pub struct Args {
    /// What to do instead of sending load.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Target, `http://HOST:PORT/PATH` or `https://...`.
    #[arg(required_unless_present = "plan")]
    pub url: Option<String>,
    /// A plan: all that flags say of the load, in YAML. Flags have the last word: a list that they give, or users
    /// instead of a rate, takes the place of the plan's. Outputs and credentials stand in no plan.
    #[arg(long, value_name = "FILE")]
    pub plan: Option<String>,
    #[command(flatten)]
    load: LoadArgs,
    #[command(flatten)]
    requests: RequestArgs,
    #[command(flatten)]
    goals: GoalArgs,
    /// What is written, and where to.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// What can be done besides sending load.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Earlier runs, rendered again, compared or merged.
    Report(ReportArgs),
}

/// Runs the command and reports; the result is the process's exit code.
pub fn run(args: &Args) -> ExitCode {
    let done = match &args.command {
        Some(Command::Report(report)) => report::execute(report),
        None => execute(args),
    };
    match done {
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
    limits::allow_many_connections();
    let mut listeners = listeners(&plan);
    let outputs = args.output.open(&plan, &mut listeners)?;
    let report = run_heard(&plan, &control, listeners).map_err(|error| chain(&error))?;
    // Each whatever became of the other: a report is not lost for want of one of its places.
    let written = [outputs::print(&args.output.format.render(&report)), outputs.finish(&report)];
    let failures: Vec<_> = written.into_iter().filter_map(Result::err).flatten().collect();
    if failures.is_empty() { Ok(exit_code(&report)) } else { Err(failures) }
}

/// Who is told how the run goes.
fn listeners(plan: &Plan) -> Vec<Box<dyn Listener>> {
    let progress = Progress::on_terminal(plan).map(|progress| Box::new(progress) as _);
    progress.into_iter().collect()
}

/// The checked plan, or every problem of the arguments at once.
fn plan(args: &Args) -> Result<Plan, Problems> {
    let mut problems = Problems::default();
    let mut options = PlanOptions::new("", "", Duration::from_secs(10));
    let from_file =
        args.plan.as_deref().map(|file| plan_file::apply(file, &mut options, &mut problems));
    // What is missing may well stand in a file that could not be read.
    let is_whole = !matches!(from_file, Some(None));
    let mut places = from_file.flatten().unwrap_or_default();
    if let Some(url) = &args.url {
        places.forget("URL");
        url.clone_into(&mut options.url);
    }
    let mut flags = Vec::new();
    let settings = [args.load.settings(), args.requests.settings(), args.goals.settings()].concat();
    let said = settings.iter().map(|(name, _)| *name).collect();
    last_word::displace(&mut options, &mut places, &said);
    for (name, text) in settings {
        if !settings::REPEATED.contains(&name) {
            if flags.contains(&name) {
                problems.push(name, "is given more than once");
            }
            places.forget(name);
        }
        flags.push(name);
        settings::apply(&mut options, name, &text, &mut problems);
    }
    options.credentials = environment::credentials(&mut places, &mut problems);
    let is_given = |name: &str| flags.contains(&name) || places.has(name);
    let problems = problems.and(places.name(given::contradictions(&options, is_given)));
    // Where what stands for a rate could not be read, the rate is not missing, too.
    let stood_in = !is_given("rate") && ["users", "stage", "rate-curve"].into_iter().any(is_given);
    match options.check() {
        _ if !is_whole => Err(problems),
        Ok(plan) => problems.or(plan),
        Err(more) if stood_in => Err(problems.and(places.name(more.without("rate")))),
        Err(more) => Err(problems.and(places.name(more))),
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

/// A run that was cut short or is invalid says nothing about the target, so that comes first.
fn exit_code(report: &Report) -> u8 {
    match report {
        Report { interrupted: true, .. } => INTERRUPTED,
        Report { valid: false, .. } => INVALID,
        _ if report.thresholds.iter().all(|threshold| threshold.held) => 0,
        _ => FINDING,
    }
}

/// An error with all its causes, in one line.
fn chain(error: &dyn Error) -> Vec<String> {
    let causes = successors(Some(error), |error: &&dyn Error| (*error).source());
    vec![causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")]
}
