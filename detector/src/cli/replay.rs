//! `replay`: reads a trace as if it were live and prints each change of state.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::PathBuf;

use super::judging::Judging;
use super::units::{Limit, duration, hourly};
use super::{Format, Outcome, Ran, Refusal};
use crate::trace::{Trace, TraceError};
use crate::{Assessment, Signal, State, Watcher};

/// Bad rows of a file that are listed before giving up; more of them say nothing new.
const MOST_BAD_ROWS: usize = 20;

const EXAMPLES: &str = "\
Examples:
  detector replay run.csv
  detector replay run.csv.gz --signal rss_anon_bytes --limit 256MiB --confirm 4m
  kubectl logs recorder | detector replay -
  curl -sG http://prometheus:9090/api/v1/query \
    --data-urlencode 'query={job=\"api\",instance=\"api-1:8080\"}[6h]' | detector replay -
  promtool tsdb dump-openmetrics data | detector replay -

A trace is CSV, plain or gzip: a header, `t_seconds` first, then columns named
rss_bytes, rss_anon_bytes, heap_bytes, fds, threads, tasks, processes (resources),
memory_used_percent (0 to 100), requests_total, start_seconds (a change is a restart),
and any gauge. An empty cell is a missing value.

The content, not the name, tells other formats: Prometheus JSON of query_range or of a
range selector, OpenMetrics text (ends with `# EOF`, timestamps in seconds), and
Prometheus text with timestamps (milliseconds); at most 5 million samples. They must
be of one process: select it in the query. Read as signals are
process_resident_memory_bytes, process_open_fds, process_threads, go_goroutines, the
heap gauges of common runtimes, container_memory_rss, and the names above;
http_requests_total is summed over its labels, process_start_time_seconds tells
restarts, other gauges may be named as the cause. Name others in the query:
label_replace(EXPRESSION, \"__name__\", \"rss_bytes\", \"\", \"\").

Each line: t_seconds, signal, state, slope_per_second, slope_low, slope_high (95 %),
cause, reason, and what else is known. States: steady, suspect, leaking,
growth_stopped, recovered, undecided; steady after leaking withdraws the alarm.

Exit codes: 0 never leaking; 1 leaking at some time; 2 could not run (usage, bad trace);
3 never leaking, and undecided at the end.";

/// Read a trace as if live and print one line per change of state
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The trace, plain or gzip: CSV, Prometheus JSON or `OpenMetrics`; `-` is standard input.
    file: PathBuf,

    #[command(flatten)]
    judging: Judging,

    /// The memory limit, for the time until it is reached, and to flag sooner what is about to: 256MiB, or 90% of
    /// `memory_used_percent`.
    #[arg(long, value_name = "SIZE")]
    limit: Option<Limit>,

    /// How to write the lines.
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

/// A trace in which there is nothing to judge, or not what was asked for.
#[derive(Debug, thiserror::Error)]
enum NothingToJudge {
    #[error("{trace}: no column is a signal; name one of {}", names(&Signal::ALL))]
    NoSignal { trace: String },
    #[error("{trace}: no column `{wanted}`; signals there: {}", names(there))]
    NotThere { trace: String, wanted: Signal, there: Vec<Signal> },
    #[error("{trace}: --limit is no limit of {}; give {expected}", names(judged))]
    ForeignLimit { trace: String, judged: Vec<Signal>, expected: &'static str },
    #[error("{trace}: no rows after the header")]
    NoRows { trace: String },
    #[error("{trace}: no value in {}", names(judged))]
    NoValue { trace: String, judged: Vec<Signal> },
}

fn names(signals: &[Signal]) -> String {
    if signals.is_empty() {
        return "none".to_owned();
    }
    signals.iter().map(|signal| signal.name()).collect::<Vec<_>>().join(", ")
}

pub fn run(args: &Args) -> Ran {
    let trace = open(args)?;
    for note in trace.notes() {
        eprintln!("{}: {note}", trace.name());
    }
    let judged = judged(args, &trace)?;
    refuse_foreign_limit(args.limit, &judged, trace.name())?;
    let mut replay = Replay {
        format: args.format,
        watcher: Watcher::new(args.judging.settings(args.limit)),
        last: BTreeMap::new(),
        leaked: false,
    };
    replay.run(trace, judged)
}

/// A file is read to its end before anything is printed, so that a bad one is refused as a
/// whole, with every bad row; what comes through a pipe can only be refused when it comes.
fn open(args: &Args) -> Result<Trace, Refusal> {
    let trace = Trace::open(&args.file).map_err(refusal)?;
    if trace.is_sound() || !args.file.is_file() {
        return Ok(trace);
    }
    let bad: Vec<TraceError> = trace.filter_map(Result::err).take(MOST_BAD_ROWS).collect();
    if bad.is_empty() {
        return Ok(Trace::open(&args.file)?);
    }
    Err(Refusal(bad.into_iter().map(Into::into).collect()))
}

fn refusal(error: TraceError) -> Refusal {
    match error {
        TraceError::Several(all) => Refusal(all.into_iter().map(Into::into).collect()),
        one => one.into(),
    }
}

/// The signals to judge, or everything that is not there.
fn judged(args: &Args, trace: &Trace) -> Result<Vec<Signal>, Refusal> {
    let there = trace.columns().signals();
    let name = || trace.name().to_owned();
    let absent = args.judging.signals.iter().filter(|signal| !there.contains(signal));
    let absent = absent.map(|signal| {
        NothingToJudge::NotThere { trace: name(), wanted: *signal, there: there.clone() }.into()
    });
    let absent: Vec<_> = absent.collect();
    if !absent.is_empty() {
        return Err(Refusal(absent));
    }
    if there.is_empty() {
        return Err(NothingToJudge::NoSignal { trace: name() }.into());
    }
    Ok(args.judging.judged(&there))
}

/// A limit holds for one unit: it must be that of the judged memory, and of all of it.
fn refuse_foreign_limit(
    asked: Option<Limit>,
    judged: &[Signal],
    trace: &str,
) -> Result<(), NothingToJudge> {
    let memory = || judged.iter().copied().filter(|signal| is_memory(*signal));
    let Some(limit) = asked else { return Ok(()) };
    let foreign: Vec<Signal> = memory().filter(|signal| !limit.applies_to(*signal)).collect();
    if foreign.is_empty() && memory().next().is_some() {
        return Ok(());
    }
    let expected = match limit {
        Limit::Bytes(_) => "a percentage such as 90%, or choose a signal in bytes with --signal",
        Limit::Percent(_) => "a size such as 256MiB, or --signal memory_used_percent",
    };
    let judged = if foreign.is_empty() { judged.to_vec() } else { foreign };
    Err(NothingToJudge::ForeignLimit { trace: trace.to_owned(), judged, expected })
}

fn is_memory(signal: Signal) -> bool {
    Limit::Bytes(1).applies_to(signal) || Limit::Percent(1.0).applies_to(signal)
}

struct Replay {
    format: Format,
    watcher: Watcher,
    last: BTreeMap<Signal, State>,
    leaked: bool,
}

impl Replay {
    fn run(&mut self, trace: Trace, judged: Vec<Signal>) -> Ran {
        let name = trace.name().to_owned();
        let mut silent: BTreeSet<Signal> = judged.iter().copied().collect();
        let mut last_seconds = None;
        for observation in trace {
            let observation = observation?;
            silent.retain(|signal| !observation.signals.contains_key(signal));
            last_seconds = Some(observation.t_seconds);
            let lines = self.watcher.observe(&observation)?;
            self.print(lines)?;
        }
        let Some(t_seconds) = last_seconds else {
            return Err(NothingToJudge::NoRows { trace: name }.into());
        };
        if silent.len() == judged.len() {
            return Err(NothingToJudge::NoValue { trace: name, judged }.into());
        }
        let lines = self.watcher.finish();
        self.print(lines)?;
        self.print(silent.into_iter().map(|signal| no_value(signal, t_seconds)).collect())?;
        Ok(self.outcome())
    }

    fn print(&mut self, lines: Vec<Assessment>) -> Result<(), Refusal> {
        let mut out = io::stdout().lock();
        for line in lines {
            self.last.insert(line.signal, line.state);
            self.leaked |= line.state == State::Leaking;
            match self.format {
                Format::Json => writeln!(out, "{}", serde_json::to_string(&line)?)?,
                Format::Text => writeln!(out, "{}", text(&line))?,
            }
        }
        Ok(())
    }

    fn outcome(&self) -> Outcome {
        if self.leaked {
            Outcome::Leak
        } else if self.last.values().any(|state| *state == State::Undecided) {
            Outcome::Undecided
        } else {
            Outcome::Steady
        }
    }
}

/// A column that is there and holds nothing.
fn no_value(signal: Signal, t_seconds: f64) -> Assessment {
    Assessment {
        t_seconds,
        signal,
        state: State::Undecided,
        slope_per_second: None,
        slope_low: None,
        slope_high: None,
        cause: None,
        reason: "the column holds no value".to_owned(),
        onset_seconds: None,
        eta_seconds: None,
        bytes_per_entry: None,
        bytes_per_request: None,
    }
}

fn text(line: &Assessment) -> String {
    let slope = line.slope_per_second.map(|slope| format!(" {}/h", hourly(line.signal, slope)));
    let eta = line.eta_seconds.map(|eta| format!("; limit in {}", duration(eta)));
    format!(
        "{:>10.1} s  {:<19} {:<14}{}  {}{}",
        line.t_seconds,
        line.signal,
        line.state,
        slope.unwrap_or_default(),
        line.reason,
        eta.unwrap_or_default()
    )
}
