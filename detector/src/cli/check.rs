//! `check`: samples a live target for a time and prints the verdict. It can start what it watches, and the load.

mod advice;
mod alerts;
mod bands;
mod intervals;
mod leak_report;
mod pace;
mod plan;
mod report;
mod started;
mod text;
mod watch;
mod which;

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use super::judging::Judging;
use super::units::Limit;
use super::{Format, Outcome, Ran};
use crate::target::Kind;
use pace::Interrupts;
use plan::Plan;
use report::{Ending, Report, Verdict};
use started::{Commands, StartError, Started};
use watch::{MOST_REPLACED, Watch};
use which::Which;

const EXAMPLES: &str = "\
Examples:
  detector check 4242
  detector check $(pidof redis-server) --for 10m --every 5s --limit 512MiB
  detector check 4242 --metrics http://127.0.0.1:8080/metrics
  detector check --process nginx --for 10m --every 5s
  detector check --container api -i 10m -c 3 --report leak-report.md
  detector check --metrics http://127.0.0.1:8080/metrics -i 600 -c 5 -a
  detector check -s api
  detector check 4242 --for 30m --trace run.csv --format json > verdict.json
  detector check --run 'redis-server --port 7000' --ready 'redis-cli -p 7000 ping' \
    --load 'redis-benchmark -p 7000 -t set -r 100000000 -l' --for 60s

The load must go on while it watches: a service that nobody uses leaks nothing.
With --metrics the gauge that grows with the memory is named as the cause, in bytes
per entry, and in bytes per request. Credentials for it come from the environment:
METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD, or METRICS_AUTH_TOKEN (bearer).

With -i, -c or -s it reports growth per interval, and warns of a heap that grows by more than
half in 10 minutes, of tasks that more than double, and of memory that grows in three intervals
in a row (two with -c 3). What comes in the first of several intervals is warm-up and warned of nothing.

Exit codes: 0 steady; 1 a leak; 2 could not run, or the process ended or was restarted
(what was known until then is printed); 3 undecided (the reason says what is missing);
130 interrupted (what is known so far is printed).";

/// Sample a live process, container or service for a time and print the verdict
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    which: Which,

    /// The configuration file of -s [default: `DETECTOR_CONFIG`, ./detector.yaml, /etc/detector.yaml].
    #[arg(long, value_name = "FILE", requires = "service")]
    config: Option<PathBuf>,

    #[command(flatten)]
    commands: Commands,

    /// How long to watch: 60s, 10m, 2h [default: 60s].
    #[arg(long = "for", value_name = "DURATION", value_parser = humantime::parse_duration, conflicts_with_all = ["interval", "count"])]
    total: Option<Duration>,

    /// How often to look: 250ms, 1s, 30s [default: 1s; with -i a sixtieth of the interval].
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    every: Option<Duration>,

    /// Report growth per interval, in seconds or with a unit: 600, 10m [default with -s or -c: 600].
    ///
    /// In between it looks as often as the verdict needs.
    #[arg(short = 'i', long, value_name = "INTERVAL", value_parser = interval)]
    interval: Option<Duration>,

    /// How many checks; each covers an interval, so N of them take N intervals and N + 1 looks [default with -i or -s: 3].
    #[arg(short = 'c', long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    count: Option<u32>,

    /// Alert of what changes or is warned of, on standard error and in a log.
    #[arg(short = 'a', long)]
    alerts: bool,

    /// The log of -a, which is added to [default: detector-check.log].
    #[arg(long, value_name = "FILE", requires = "alerts")]
    log: Option<PathBuf>,

    /// Leave a report in Markdown: memory at start, end and peak, growth, what was checked, what to do next.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    #[command(flatten)]
    judging: Judging,

    /// The memory limit, for the time until it is reached: 256MiB.
    ///
    /// Default: as the configuration says, else the lowest limit of the process's control groups, else the machine's memory.
    #[arg(long, value_name = "SIZE")]
    limit: Option<Limit>,

    /// The metrics page of the process, in the Prometheus text format: http://host:port/metrics, or https://.
    ///
    /// Alone, it stands for a service that runs elsewhere.
    #[arg(long, value_name = "URL")]
    metrics: Option<String>,

    /// The certificates (PEM) to believe instead of those of the system, where a page is https://.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// The gauge of bytes in use [default: the first known of the common allocators and runtimes].
    #[arg(long, value_name = "NAME")]
    heap_gauge: Option<String>,

    /// The counter of requests served [default: `http_requests_total`].
    #[arg(long, value_name = "NAME")]
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
    if let Some(pid) = started.pid() {
        plan.target.kind = Kind::Pid(pid);
        plan.target.name = plan.target.kind.to_string();
    }
    let mut watch = Watch::begin(&plan)?;
    started.load(&plan.commands)?;
    let mut ending = watch.go_on(&interrupts, &mut started)?;
    for _ in 0..MOST_REPLACED {
        if !watch.saw_it_start(&ending) {
            break;
        }
        eprintln!("the process was still starting; beginning again");
        watch = Watch::begin(&plan)?;
        ending = watch.go_on(&interrupts, &mut started)?;
    }
    let report = watch.end(ending)?;
    if let Some(path) = &plan.report {
        leak_report::write(path, &report)?;
    }
    let mut out = io::stdout().lock();
    match format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => write!(out, "{report}")?,
    }
    Ok(outcome(&report))
}

/// Seconds, as scripts of old say it, or a duration with its unit.
fn interval(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().map(Duration::from_secs);
    let length = seconds.or_else(|| humantime::parse_duration(text).ok());
    let length = length.filter(|length| !length.is_zero());
    length.ok_or_else(|| "expected seconds, or a duration such as 10m".to_owned())
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
