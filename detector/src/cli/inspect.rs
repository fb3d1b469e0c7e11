//! `inspect`: which of all series of a query leak, by their last hours in Prometheus.

mod html;
mod questions;
mod text;

use std::io::{self, Write};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::units::Limit;
use super::{Outcome, Ran};
use crate::inspect::shard::Shard;
use crate::inspect::{Inspection, Inspector};
use crate::source::{Credentials, Prometheus};
use crate::{Settings, Signal};
use questions::Questions;

const EXAMPLES: &str = "\
Examples:
  detector inspect http://127.0.0.1:9090 --query 'process_resident_memory_bytes{job=\"api\"}' --limit 2GiB
  detector inspect http://127.0.0.1:9090 --signal memory_used_percent \\
    --query '100 * (1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)'
  detector inspect http://127.0.0.1:9090 --query container_memory_rss --over 24h --format html > leaks.html
  detector inspect http://127.0.0.1:9090 --query process_open_fds --shard 0/2

Raw samples are read of a metric with matchers. Any other expression is evaluated as a subquery every
--step, all series in one answer of at most 256 MiB, and repeats the last value through gaps of up to
five minutes.
Credentials come from METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD, or METRICS_AUTH_TOKEN (bearer).

Exit codes: 0 no leak (series that are too young to judge are counted); 1 a leak, now or in that time;
2 could not run (unreachable, refused, no such series, out of time); 3 no series could be judged.";

const SCHEMA_VERSION: u32 = 1;

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

    /// Judge only this part of the series: i/n, with i from 0.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,

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

/// What makes the question meaningless.
#[derive(Debug, thiserror::Error)]
enum Meaningless {
    #[error(
        "--limit is no limit of {0}; give a size of a signal in bytes, a percentage of memory_used_percent"
    )]
    ForeignLimit(Signal),
    #[error("--over {}: at least a minute, at most 90 days", humantime::format_duration(*.0))]
    Span(Duration),
    #[error("--step {}: at least a second, at most a tenth of --over", humantime::format_duration(*.0))]
    Step(Duration),
    #[error("{url}: no series of `{query}` in that time")]
    NoSeries { url: String, query: String },
    #[error("{url}")]
    Asked { url: String, source: crate::source::PrometheusError },
}

pub fn run(args: &Args) -> Ran {
    let started = Instant::now();
    let signal = args.signal.unwrap_or_else(|| questions::signal_of(&args.query));
    check(args, signal)?;
    let server =
        Prometheus::new(&args.url, Credentials::from_environment()?, started + args.time_limit)?;
    let to_seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let from_seconds = to_seconds - args.over.as_secs_f64();
    let settings = Settings {
        signals: vec![signal],
        confirm_seconds: args.confirm.map(|confirm| confirm.as_secs_f64()),
        limit: args.limit.map(Limit::value),
    };
    let mut inspector = Inspector::new(signal, settings);
    let questions = Questions {
        server: &server,
        query: &args.query,
        span: (from_seconds, to_seconds),
        step: args.step,
        shard: args.shard,
    };
    let asked = |source| Meaningless::Asked { url: args.url.clone(), source };
    let (there, judging) = questions.judge_all(&mut inspector).map_err(asked)?;
    if !there {
        return Err(
            Meaningless::NoSeries { url: args.url.clone(), query: args.query.clone() }.into()
        );
    }
    inspector.rank(&args.host_label);
    questions.name_the_largest(&mut inspector.findings, &args.host_label);
    let inspection = Inspection {
        schema_version: SCHEMA_VERSION,
        query: args.query.clone(),
        signal,
        from_seconds,
        to_seconds,
        shard: args.shard.map(|shard| shard.to_string()),
        counts: inspector.counts,
        samples: inspector.samples,
        elapsed_seconds: started.elapsed().as_secs_f64(),
        judging_seconds: judging.as_secs_f64(),
        findings: inspector.findings,
    };
    let mut out = io::stdout().lock();
    match args.format {
        Format::Text => write!(out, "{inspection}")?,
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&inspection)?)?,
        Format::Html => write!(out, "{}", html::page(&inspection))?,
    }
    Ok(outcome(&inspection))
}

fn check(args: &Args, signal: Signal) -> Result<(), Meaningless> {
    const SPANS: std::ops::RangeInclusive<Duration> =
        Duration::from_mins(1)..=Duration::from_hours(90 * 24);
    if args.limit.is_some_and(|limit| !limit.applies_to(signal)) {
        Err(Meaningless::ForeignLimit(signal))
    } else if !SPANS.contains(&args.over) {
        Err(Meaningless::Span(args.over))
    } else if args.step < Duration::from_secs(1) || args.step > args.over / 10 {
        Err(Meaningless::Step(args.step))
    } else {
        Ok(())
    }
}

/// A fleet always has series that are too young to judge, so these decide only where there is nothing else.
fn outcome(inspection: &Inspection) -> Outcome {
    let counts = inspection.counts;
    if counts.leaking + counts.growth_stopped + counts.recovered > 0 {
        Outcome::Leak
    } else if counts.steady == 0 {
        Outcome::Undecided
    } else {
        Outcome::Steady
    }
}
