//! `inspect`: which of all series of a query leak, by their last hours in Prometheus.

mod html;
mod text;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs::File;
use std::io::{self, Read, Write};
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::outcome::Refusal;
use super::units::Limit;
use super::{Outcome, Ran};
use crate::Signal;
use crate::inspect::choice::{Choice, Filter};
use crate::inspect::shard::Shard;
use crate::inspect::{Inspection, Request, judges};
use crate::source::Credentials;

const EXAMPLES: &str = "\
Examples:
  detector inspect http://127.0.0.1:9090 --query 'process_resident_memory_bytes{job=\"api\"}' --limit 2GiB
  detector inspect http://127.0.0.1:9090 --signal memory_used_percent \\
    --query '100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)'
  detector inspect http://127.0.0.1:9090 --query container_memory_rss --over 24h --format html > leaks.html
  detector inspect https://prom.example.org --ca ca.pem --query process_open_fds --shard 0/2 \\
    --include web-1 web-2 --filter 'env=prod' --filter 'job!~test-.*'

Raw samples are read of a metric with matchers, in pieces that the server accepts; its restarts are seen
where it has process_start_time_seconds (container_start_time_seconds, node_boot_time_seconds). Any other
expression is evaluated every --step, all series together, and repeats the last value through gaps of up
to five minutes.
Credentials come from METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD, or METRICS_AUTH_TOKEN (bearer).

Exit codes: 0 no leak (series that are too young to judge are counted); 1 a leak, now or in that time;
2 could not run, or not to the end (unreachable, refused, no such series, out of time, an answer that the
server calls partial, a host of --include without series); 3 no series could be judged.";

/// Largest list of hosts that is read.
const LARGEST_LIST_BYTES: u64 = 4 << 20;

/// Find what leaks among all series of a query, by their last hours in Prometheus
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Prometheus, or whatever speaks its HTTP API: <http://127.0.0.1:9090>.
    url: String,

    /// What to judge: a metric with matchers, or an expression; each series of it by itself.
    #[arg(long, value_name = "QUERY")]
    query: String,

    /// What the values are [default: what the metric is known for, else `rss_bytes`].
    #[arg(long, value_name = "NAME")]
    signal: Option<Signal>,

    /// How much of the past to judge.
    #[arg(long, value_name = "DURATION", default_value = "6h", value_parser = humantime::parse_duration)]
    over: Duration,

    /// How often an expression is evaluated.
    #[arg(long, value_name = "DURATION", default_value = "1m", value_parser = humantime::parse_duration)]
    step: Duration,

    /// The memory limit of each, for the time until it is reached: 2GiB, or 90% of `memory_used_percent`.
    #[arg(long, value_name = "SIZE")]
    limit: Option<Limit>,

    /// Shortest growth that may be called a leak, for example 30m.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    confirm: Option<Duration>,

    /// The label that names the host, for related findings and for what is largest there.
    #[arg(long, value_name = "LABEL", default_value = "instance")]
    host_label: String,

    /// Inspect only these hosts, with their port or without; one that has no series is an error.
    #[arg(long, value_name = "HOST", num_args = 1..)]
    include: Vec<String>,

    /// The same from a file, one host a line.
    #[arg(long, value_name = "FILE")]
    include_file: Option<PathBuf>,

    /// Keep only series whose label fits: label=value, !=, =~regex, !~regex; repeated ones apply in sequence.
    #[arg(long = "filter", value_name = "MATCHER")]
    filters: Vec<Filter>,

    /// What is largest on a host, with $host in place of its name (escaped, without port).
    ///
    /// By default `namedprocess_namegroup_memory_bytes` by group name, else `container_memory_working_set_bytes` by pod
    /// and container, else `process_resident_memory_bytes`; the ten largest are listed.
    #[arg(long, value_name = "QUERY")]
    processes_query: Option<String>,

    /// Certificates to believe of a server with TLS, in PEM [default: the system's].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,

    /// Judge only this part of the series: i/n, with i from 0.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

    /// Name in the JSON those of these series that were judged steady: one a line, as {instance="a",job="b"}.
    #[arg(long, value_name = "FILE")]
    ask_after: Option<PathBuf>,

    /// Judge on so many cores [default: all that this process may use].
    #[arg(long, value_name = "NUMBER")]
    judges: Option<NonZeroU8>,

    /// Longest that all of it may take.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = humantime::parse_duration)]
    time_limit: Duration,

    /// How to write the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// How the report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
    /// For people, with the curves; a page that needs nothing else.
    Html,
}

/// What the flags alone can get wrong.
#[derive(Debug, thiserror::Error)]
enum BadFlag {
    #[error(
        "--limit is no limit of {0}; give a size of a signal in bytes, a percentage of memory_used_percent"
    )]
    ForeignLimit(Signal),
    #[error("cannot read the hosts in {}", path.display())]
    Hosts { path: PathBuf, source: io::Error },
    #[error("cannot read the series in {}", path.display())]
    Series { path: PathBuf, source: io::Error },
    #[error("{} names no host", .0.display())]
    NoHosts(PathBuf),
}

pub fn run(args: Args) -> Ran {
    let format = args.format;
    let request = request(args)?;
    let inspection = request.run(Credentials::from_environment()?)?;
    let mut out = io::stdout().lock();
    match format {
        Format::Text => write!(out, "{inspection}")?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&inspection)?)?,
        Format::Html => write!(out, "{}", html::page(&inspection))?,
    }
    for why in &inspection.incomplete {
        eprintln!("error: incomplete: {why}");
    }
    Ok(outcome(&inspection))
}

/// The request of the flags; every problem at once.
fn request(args: Args) -> Result<Request, Refusal> {
    let mut include = args.include;
    let mut problems: Vec<Box<dyn Error>> = Vec::new();
    if let Some(path) = args.include_file {
        match hosts_in(&path) {
            Ok(hosts) => include.extend(hosts),
            Err(bad) => problems.push(bad.into()),
        }
    }
    let mut asked_after = BTreeSet::new();
    if let Some(path) = args.ask_after {
        match text_of(&path) {
            Ok(text) => asked_after.extend(text.lines().map(str::to_owned)),
            Err(source) => problems.push(BadFlag::Series { path, source }.into()),
        }
    }
    let request = Request {
        asked_after,
        authority: args.ca,
        signal: args.signal,
        over: args.over,
        step: args.step,
        limit: args.limit.map(Limit::value),
        confirm: args.confirm,
        host_label: args.host_label,
        choice: Choice { include: include.into_iter().collect(), filters: args.filters },
        processes_query: args.processes_query,
        shard: args.shard,
        judges: args.judges.unwrap_or_else(judges::cores),
        time_limit: args.time_limit,
        ..Request::new(&args.url, &args.query)
    };
    if args.limit.is_some_and(|limit| !limit.applies_to(request.signal())) {
        problems.push(BadFlag::ForeignLimit(request.signal()).into());
    }
    problems.extend(request.problems().into_iter().map(Into::into));
    if problems.is_empty() { Ok(request) } else { Err(Refusal(problems)) }
}

/// One host a line; empty lines and those that begin with `#` do not count.
fn hosts_in(path: &Path) -> Result<Vec<String>, BadFlag> {
    let text = text_of(path).map_err(|source| BadFlag::Hosts { path: path.to_owned(), source })?;
    let hosts = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
    let hosts: Vec<String> = hosts.map(str::to_owned).collect();
    if hosts.is_empty() { Err(BadFlag::NoHosts(path.to_owned())) } else { Ok(hosts) }
}

fn text_of(list: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(list)?.take(LARGEST_LIST_BYTES).read_to_string(&mut text)?;
    Ok(text)
}

/// A fleet always has series that are too young to judge, so these decide only where there is nothing else.
fn outcome(inspection: &Inspection) -> Outcome {
    let counts = inspection.counts;
    if !inspection.incomplete.is_empty() {
        Outcome::CouldNotRun
    } else if counts.leaking + counts.growth_stopped + counts.recovered > 0 {
        Outcome::Leak
    } else if counts.steady == 0 {
        Outcome::Undecided
    } else {
        Outcome::Steady
    }
}
