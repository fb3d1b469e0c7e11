//! The arguments of `check`, checked as a whole before anything starts.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use super::Args;
use super::advice;
use super::alerts::DEFAULT_LOG;
use super::started::Commands;
use crate::Signal;
use crate::cli::judging::Judging;
use crate::cli::outcome::Refusal;
use crate::cli::units::{Limit, duration};
use crate::target::{Kind, Target};

/// Finest interval: reading `/proc` takes a good part of a millisecond, and a program's memory
/// moves in steps of pages.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Intervals in the span that growth must last, at least; fewer points show no shape.
const LEAST_INTERVALS: u32 = 10;

/// How long and how often, where nobody says.
const TOTAL: Duration = Duration::from_mins(1);
pub const EVERY: Duration = Duration::from_secs(1);
/// The checks of `-s`, `-i` and `-c`, where nobody says.
const INTERVAL: Duration = Duration::from_mins(10);
const CHECKS: u32 = 3;
/// Looks in an interval: three intervals have as many as the verdict wants.
const LOOKS_PER_INTERVAL: u32 = 60;
/// Shortest pause between these.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Signals that only a metrics page tells.
const FROM_THE_PAGE: [Signal; 2] = [Signal::HeapBytes, Signal::Tasks];

/// Signals that `check` cannot see.
const NEVER_SEEN: [Signal; 1] = [Signal::MemoryUsedPercent];

/// What to do, without contradictions.
#[derive(Debug)]
pub struct Plan {
    pub commands: Commands,
    /// Of a program that is yet to be started the pid is 0.
    pub target: Target,
    /// Its name in the configuration, if it comes from there.
    pub service: Option<String>,
    pub judging: Judging,
    /// What of the command line a next command has to say again.
    pub given: Vec<String>,
    pub trace: Option<PathBuf>,
    /// Where the report is to be left.
    pub report: Option<PathBuf>,
    /// Where alerts are to be logged.
    pub log: Option<PathBuf>,
    /// Length and number of the intervals of which growth is reported.
    pub checks: (Duration, u32),
    pub every: Duration,
    /// Sampled once more than this: N intervals have N + 1 ends.
    pub intervals: u32,
    pub confirm: Duration,
}

/// One contradiction.
#[derive(Debug, PartialEq, thiserror::Error)]
enum Contradiction {
    #[error("--every {}: at least {} apart", spoken(*.0), spoken(SHORTEST_INTERVAL))]
    TooOften(Duration),
    #[error("--for {}: too long in intervals of {}", spoken(*.0), spoken(*.1))]
    TooLong(Duration, Duration),
    #[error(
        "--confirm {} needs at least {LEAST_INTERVALS} intervals of {}; take a shorter --every, \
         or a longer --confirm",
        spoken(*.0), spoken(*.1)
    )]
    TooCoarse(Duration, Duration),
    #[error("--for {} is shorter than --confirm {}; nothing could be confirmed", spoken(*.0), spoken(*.1))]
    TooShort(Duration, Duration),
    #[error("--limit {0}%: a process has no percentage; give a size such as 256MiB")]
    Percentage(f64),
    #[error("--ca is for https://, and nothing here is asked over that")]
    NotSecure,
    #[error("--signal {0} is only told by a metrics page; give --metrics")]
    NeedsMetrics(Signal),
    #[error("--signal {0} is no signal of a process; `replay` judges it in a trace")]
    NeverSeen(Signal),
}

fn spoken(length: Duration) -> String {
    duration(length.as_secs_f64())
}

impl Plan {
    /// Checks the arguments; every contradiction at once.
    pub fn new(args: Args) -> Result<Self, Refusal> {
        let given = advice::given(&args);
        let runs = args.commands.run.is_some();
        let service = args.which.service.clone();
        let mut target = args.which.target(args.config.as_deref(), runs, args.metrics)?;
        target.authority = args.ca.or(target.authority);
        target.heap_gauge = args.heap_gauge.or(target.heap_gauge);
        target.requests_counter = args.requests_counter.or(target.requests_counter);
        let limit_bytes = args.limit.map(|limit| limit.value() as u64);
        target.limit_bytes = limit_bytes.or(target.limit_bytes);
        let judging = Judging {
            confirm: args.judging.confirm.or(target.confirm),
            signals: if args.judging.signals.is_empty() {
                target.signals.clone()
            } else {
                args.judging.signals
            },
        };
        target.signals.clone_from(&judging.signals);
        let (checks, every) =
            pace(args.total, args.every, args.interval, args.count, &target, service.is_some());
        let total = checks.0.saturating_mul(checks.1);
        // Half of the time that is watched: growth from the start is confirmed by then, and what
        // begins later is seen for what it is.
        let confirm = judging.confirm.unwrap_or(total / 2);
        let contradictions = contradictions(&target, args.limit, (total, every, confirm));
        if !contradictions.is_empty() {
            let boxed = |contradiction| Box::new(contradiction) as Box<dyn Error>;
            return Err(Refusal(contradictions.into_iter().map(boxed).collect()));
        }
        Ok(Self {
            commands: args.commands,
            given,
            trace: args.trace,
            report: args.report,
            log: args.alerts.then(|| args.log.unwrap_or_else(|| DEFAULT_LOG.into())),
            checks,
            intervals: intervals(total, every).unwrap_or(u32::MAX),
            every,
            confirm,
            judging: Judging { confirm: Some(confirm), ..judging },
            target,
            service,
        })
    }
}

/// The intervals of which growth is reported, and how often to look. A time without intervals is one interval.
fn pace(
    total: Option<Duration>,
    every: Option<Duration>,
    interval: Option<Duration>,
    count: Option<u32>,
    target: &Target,
    named: bool,
) -> ((Duration, u32), Duration) {
    let in_checks = interval.is_some() || count.is_some() || (total.is_none() && named);
    if !in_checks {
        let every = every.or(target.every).unwrap_or(EVERY);
        return ((total.unwrap_or(TOTAL), 1), every);
    }
    let (interval, count) = (interval.unwrap_or(INTERVAL), count.unwrap_or(CHECKS));
    let every = every.unwrap_or_else(|| {
        let pauses =
            (interval.as_nanos() / SHORTEST_PAUSE.as_nanos()).clamp(1, LOOKS_PER_INTERVAL.into());
        interval / pauses as u32
    });
    ((interval, count), every)
}

/// As many as cover all of the time that was asked for.
fn intervals(total: Duration, every: Duration) -> Option<u32> {
    u32::try_from(total.as_nanos().div_ceil(every.as_nanos().max(1))).ok()
}

fn contradictions(
    target: &Target,
    limit: Option<Limit>,
    (total, every, confirm): (Duration, Duration, Duration),
) -> Vec<Contradiction> {
    use Contradiction::{
        NeedsMetrics, NeverSeen, NotSecure, Percentage, TooCoarse, TooLong, TooOften, TooShort,
    };
    let mut found = Vec::new();
    let mut refuse = |wrong: bool, contradiction| {
        if wrong {
            found.push(contradiction);
        }
    };
    refuse(every < SHORTEST_INTERVAL, TooOften(every));
    refuse(intervals(total, every).is_none(), TooLong(total, every));
    refuse(total < confirm, TooShort(total, confirm));
    refuse(confirm < every.saturating_mul(LEAST_INTERVALS), TooCoarse(confirm, every));
    if let Some(Limit::Percent(percent)) = limit {
        refuse(true, Percentage(percent));
    }
    refuse(target.authority.is_some() && !target.is_secure(), NotSecure);
    let elsewhere =
        matches!(target.kind, Kind::Metrics(_) | Kind::Json(_) | Kind::Prometheus { .. });
    for signal in target.signals.iter().filter(|_| !elsewhere) {
        refuse(NEVER_SEEN.contains(signal), NeverSeen(*signal));
        let page = FROM_THE_PAGE.contains(signal);
        refuse(page && target.metrics.is_none(), NeedsMetrics(*signal));
    }
    found
}
