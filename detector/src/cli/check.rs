//! `check`: samples a live process for a time and prints the verdict. It can start what it watches, and the load.

mod advice;
mod pace;
mod plan;
mod report;
mod started;
mod text;
mod watch;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::judging::Judging;
use super::units::Limit;
use super::{Format, Outcome, Ran};
use pace::Interrupts;
use plan::Plan;
use report::{Ending, Report, Verdict};
use started::{Commands, StartError, Started};
use watch::Watch;

const EXAMPLES: &str = "\
Examples:
  detector check 4242
  detector check $(pidof redis-server) --for 10m --every 5s --limit 512MiB
  detector check 4242 --metrics http://127.0.0.1:8080/metrics
  detector check 4242 --for 30m --trace run.csv --format json > verdict.json
  detector check --run 'redis-server --port 7000' --ready 'redis-cli -p 7000 ping' \
    --load 'redis-benchmark -p 7000 -t set -r 100000000 -l' --for 60s

The load must go on while it watches: a service that nobody uses leaks nothing.
With --metrics the gauge that grows with the memory is named as the cause, in bytes
per entry, and in bytes per request. Credentials for it come from the environment:
METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD, or METRICS_AUTH_TOKEN (bearer).

Exit codes: 0 steady; 1 a leak; 2 could not run, or the process ended or was restarted
(what was known until then is printed); 3 undecided (the reason says what is missing);
130 interrupted (what is known so far is printed).";

/// Sample a live process for a time and print the verdict
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The process; or let `--run` start one.
    #[arg(
        value_parser = clap::value_parser!(u32).range(1..=0x7fff_ffff),
        required_unless_present = "run",
        conflicts_with = "run"
    )]
    pid: Option<u32>,

    #[command(flatten)]
    commands: Commands,

    /// How long to watch: 60s, 10m, 2h.
    #[arg(long = "for", value_name = "DURATION", default_value = "60s", value_parser = humantime::parse_duration)]
    total: Duration,

    /// How often to look: 250ms, 1s, 30s.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = humantime::parse_duration)]
    every: Duration,

    #[command(flatten)]
    judging: Judging,

    /// The memory limit, for the time until it is reached: 256MiB.
    ///
    /// Default: the lowest limit of the process's control groups, else the machine's memory.
    #[arg(long, value_name = "SIZE")]
    limit: Option<Limit>,

    /// The metrics page of the process, in the Prometheus text format: http://host:port/metrics.
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,

    /// The gauge of bytes in use [default: the first known of the common allocators and runtimes].
    #[arg(long, value_name = "NAME", requires = "metrics")]
    heap_gauge: Option<String>,

    /// The counter of requests served [default: `http_requests_total`].
    #[arg(long, value_name = "NAME", requires = "metrics")]
    requests_counter: Option<String>,

    /// Also write what was seen as a trace, for `detector replay`.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,

    /// How to write the verdict.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

pub fn run(args: Args) -> Ran {
    let format = args.format;
    let mut plan = Plan::new(args)?;
    let interrupts = Interrupts::listen()?;
    let mut started = match Started::program(&plan.commands, &interrupts) {
        Err(StartError::Interrupted) => return Ok(Outcome::Interrupted),
        started => started?,
    };
    plan.sampler.pid = started.pid().unwrap_or(plan.sampler.pid);
    let mut watch = Watch::begin(&plan)?;
    started.load(&plan.commands)?;
    let mut ending = watch.go_on(&interrupts, &mut started)?;
    if watch.saw_it_start(&ending) {
        eprintln!("the process was still starting; beginning again");
        watch = Watch::begin(&plan)?;
        ending = watch.go_on(&interrupts, &mut started)?;
    }
    let report = watch.end(ending);
    let mut out = io::stdout().lock();
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => write!(out, "{report}")?,
    }
    Ok(outcome(&report))
}

fn outcome(report: &Report) -> Outcome {
    match (report.ending, report.verdict) {
        (Ending::Interrupted, _) => Outcome::Interrupted,
        (Ending::CutShort, _) => Outcome::CouldNotRun,
        (Ending::Complete, Verdict::Steady) => Outcome::Steady,
        (Ending::Complete, Verdict::Leaking) => Outcome::Leak,
        (Ending::Complete, Verdict::Undecided) => Outcome::Undecided,
    }
}
