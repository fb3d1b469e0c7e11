//! `leaklab corpus import` and `inject`: series that somebody has, as they are or with a leak in them.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Args;
use detector::trace::Trace as Reader;
use detector::{Observation, Signal};

use super::{Exit, Failure, as_given};
use crate::corpus::shape::{Added, Rate, Shape, add};
use crate::corpus::truth::Truth;
use crate::corpus::write::{Folder, Origin};
use crate::corpus::{Trace, card, manifest, measure, read};
use crate::faults::Faults;
use crate::prometheus::Prometheus;
use crate::quantity::parse_seconds;

/// The largest answer of a Prometheus that is read.
const LARGEST_ANSWER_BYTES: u64 = 256 * 1024 * 1024;

/// Take in series of your own, with what is true of them.
///
/// Files may be CSV, `OpenMetrics` or Prometheus text with timestamps, or the JSON of a range query, plain
/// or gzip; the content tells. Names that are signals (`rss_bytes`, `fds`, ...) are judged, all others are
/// gauges. The truth is `--truth`, or `NAME.truth.yaml` beside each file; slope, growth and deviation of a leak
/// that it does not tell are measured.
#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files of samples
    #[arg(value_name = "FILE", required_unless_present = "prometheus")]
    files: Vec<PathBuf>,
    /// Ask this Prometheus instead, or whatever speaks its HTTP API
    ///
    /// Credentials, if it wants any, come from `METRICS_AUTH_USERNAME` and `METRICS_AUTH_PASSWORD`, or
    /// `METRICS_AUTH_TOKEN` (bearer).
    #[arg(long, value_name = "URL", requires_all = ["query", "start", "end", "truth", "name"], conflicts_with = "files")]
    prometheus: Option<String>,
    /// Certificates to believe of that Prometheus, in PEM [default: the system's]
    #[arg(long, value_name = "FILE", requires = "prometheus")]
    ca: Option<PathBuf>,
    /// What to ask for, for example `process_resident_memory_bytes{job="api"}`
    ///
    /// Names under which client libraries and cAdvisor publish signals are known; any other is given one by
    /// `label_replace(EXPR, "__name__", "rss_bytes", "", "")`.
    #[arg(long, value_name = "EXPR", requires = "prometheus")]
    query: Option<String>,
    /// From when on, as RFC 3339 or seconds since 1970
    #[arg(long, value_name = "TIME", requires = "prometheus")]
    start: Option<String>,
    /// Until when
    #[arg(long, value_name = "TIME", requires = "prometheus")]
    end: Option<String>,
    /// Interval at which the query is evaluated
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "15s")]
    step: f64,
    /// What is true of the only trace
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// Name of the only trace [default: that of its file]
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    target: TargetArgs,
}

/// Add a leak to series in which nothing leaks.
///
/// Noise and load stay what they are; the truth of the leak is exact. A file that has a truth beside it
/// must say `no_leak`, one that has none is taken as leak-free.
#[derive(Debug, Args)]
pub(super) struct InjectArgs {
    /// Files of samples
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// How it grows: linear, `per_request`, stairs (ten steps) or accelerating (with the square of time)
    #[arg(long)]
    shape: Shape,
    /// How fast, on average: 1MiB/h, 2%/h, 5/min (of what is counted), 10KiB/request
    #[arg(long)]
    rate: Rate,
    /// From when on, counted from the first sample
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds)]
    onset: f64,
    /// On which signal [default: the first memory signal that the trace has]
    #[arg(long)]
    signal: Option<Signal>,
    /// Keep the series without the leak as well
    #[arg(long)]
    both: bool,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Debug, Args)]
struct TargetArgs {
    /// A folder that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Under which licence the series may be used
    #[arg(long, default_value = "not stated")]
    licence: String,
    /// Seed of the halves tune and test into which the traces fall
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compress the traces
    #[arg(long)]
    gzip: bool,
}

impl TargetArgs {
    /// Writes traces as a corpus; nothing is written before all of them are there.
    fn write(&self, made: &'static str, traces: &[Trace], card: &str) -> Result<Exit, Failure> {
        let origin = Origin {
            made,
            licence: self.licence.clone(),
            seed: self.seed,
            generator_version: None,
            packed: self.gzip,
        };
        let mut folder = Folder::create(&self.out, origin)?;
        for trace in traces {
            folder.put(trace, manifest::half(self.seed, &trace.name))?;
        }
        folder.finish(card)?;
        eprintln!("{} traces in {}", traces.len(), self.out.display());
        Ok(Exit::AsExpected)
    }
}

pub(super) fn import(args: &ImportArgs) -> Result<Exit, Failure> {
    if args.files.len() > 1 && (args.truth.is_some() || args.name.is_some()) {
        return Err("--truth and --name are for one trace; of several, each has its own \
                    NAME.truth.yaml beside it"
            .into());
    }
    let mut traces = Vec::new();
    if let Some(url) = &args.prometheus {
        let samples =
            read_all(Reader::read("the answer of the Prometheus".into(), ask(url, args)?)?)?;
        let truth = args.truth.as_deref().map(read::truth).transpose()?.unwrap_or_default();
        traces.push(named(args.name.clone().unwrap_or_default(), truth, samples));
    }
    let mut faults = Vec::new();
    for file in &args.files {
        match brought(file, args.truth.as_deref(), false) {
            Ok(trace) => {
                let name = args.name.clone().unwrap_or(trace.name);
                traces.push(Trace { name, ..trace });
            }
            Err(error) => faults.push(crate::error_chain(error.as_ref())),
        }
    }
    Faults::check(faults)?;
    traces.iter_mut().for_each(measure::fill_in);
    args.target.write("imported", &traces, &card::imported(&as_given(), &args.target.licence))
}

pub(super) fn inject(args: &InjectArgs) -> Result<Exit, Failure> {
    let mut traces = Vec::new();
    let mut faults = Vec::new();
    for file in &args.files {
        let added = brought(file, None, true).and_then(|trace| {
            let signal = args.signal.or_else(|| memory(&trace)).unwrap_or(Signal::RssBytes);
            let (shape, rate, after_seconds) = (args.shape, args.rate, args.onset);
            let added = Added { signal, shape, rate, after_seconds };
            let leaking =
                add(&trace, &added).map_err(|why| format!("{}: {why}", file.display()))?;
            Ok((trace, leaking))
        });
        match added {
            Ok((trace, leaking)) => {
                traces.extend(args.both.then_some(trace));
                traces.push(leaking);
            }
            Err(error) => faults.push(crate::error_chain(error.as_ref())),
        }
    }
    Faults::check(faults)?;
    args.target.write("injected", &traces, &card::injected(&as_given(), &args.target.licence))
}

/// The first memory signal that a trace has, in the order in which results are shown.
fn memory(trace: &Trace) -> Option<Signal> {
    let is_memory = |signal: &Signal| signal.is_bytes() || *signal == Signal::MemoryUsedPercent;
    let has = |signal: &Signal| trace.observations.iter().any(|o| o.signals.contains_key(signal));
    Signal::ALL.into_iter().filter(is_memory).find(has)
}

/// A file with its truth: the one that is given, or the one beside it.
fn brought(file: &Path, truth: Option<&Path>, leak_free: bool) -> Result<Trace, Failure> {
    let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let samples = read_all(Reader::open(file)?)?;
    let beside = file.with_file_name(format!("{name}.truth.yaml"));
    let truth = match truth {
        Some(path) => read::truth(path)?,
        None if beside.exists() => read::truth(&beside)?,
        None if leak_free => Truth { family: "leak_free".into(), ..Truth::default() },
        None => return Err(read::ReadError::NoTruth(file.to_owned()).into()),
    };
    Ok(named(name.to_owned(), truth, samples))
}

fn read_all(reader: Reader) -> Result<Vec<Observation>, Failure> {
    for note in reader.notes() {
        eprintln!("note: {}: {note}", reader.name());
    }
    Ok(reader.collect::<Result<_, _>>()?)
}

fn named(name: String, mut truth: Truth, observations: Vec<Observation>) -> Trace {
    read::complete(&mut truth, &observations);
    Trace { name, truth, observations }
}

/// The answer to a range query.
fn ask(url: &str, args: &ImportArgs) -> Result<Box<dyn Read>, Failure> {
    let text = |of: &Option<String>| of.clone().unwrap_or_default();
    let (query, start, end) = (text(&args.query), text(&args.start), text(&args.end));
    let step = args.step.to_string();
    let asked = [("query", &query), ("start", &start), ("end", &end), ("step", &step)];
    let asked = asked.map(|(name, value)| (name, value.as_str()));
    let answer =
        Prometheus::of_user(url, args.ca.as_deref())?.get("/api/v1/query_range", &asked)?;
    Ok(Box::new(answer.into_body().into_with_config().limit(LARGEST_ANSWER_BYTES).reader()))
}
