//! The arguments of `check`, checked as a whole before anything starts.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use super::Args;
use super::started::Commands;
use crate::Signal;
use crate::cli::judging::Judging;
use crate::cli::outcome::Refusal;
use crate::cli::units::{Limit, duration};
use crate::source::{Credentials, SamplerOptions};

/// Finest interval: reading `/proc` takes a good part of a millisecond, and a program's memory
/// moves in steps of pages.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(10);

/// Intervals in the span that growth must last, at least; fewer points show no shape.
const LEAST_INTERVALS: u32 = 10;

/// Signals that only a metrics page tells.
const FROM_THE_PAGE: [Signal; 2] = [Signal::HeapBytes, Signal::Tasks];

/// Signals that `check` cannot see.
const NEVER_SEEN: [Signal; 1] = [Signal::MemoryUsedPercent];

/// What to do, without contradictions.
#[derive(Debug)]
pub struct Plan {
    pub commands: Commands,
    /// Of a program that is yet to be started the pid is 0.
    pub sampler: SamplerOptions,
    pub judging: Judging,
    pub limit_bytes: Option<u64>,
    pub trace: Option<PathBuf>,
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
        let contradictions = contradictions(&args);
        if !contradictions.is_empty() {
            let boxed = |contradiction| Box::new(contradiction) as Box<dyn Error>;
            return Err(Refusal(contradictions.into_iter().map(boxed).collect()));
        }
        let confirm = confirm(&args);
        let asks = args.metrics.is_some();
        Ok(Self {
            commands: args.commands,
            sampler: SamplerOptions {
                pid: args.pid.unwrap_or_default(),
                metrics_url: args.metrics,
                credentials: if asks { Credentials::from_environment()? } else { None },
                heap_gauge: args.heap_gauge,
                requests_counter: args.requests_counter,
            },
            limit_bytes: args.limit.map(|limit| limit.value() as u64),
            trace: args.trace,
            intervals: intervals(args.total, args.every).unwrap_or(u32::MAX),
            every: args.every,
            confirm,
            judging: Judging { confirm: Some(confirm), ..args.judging },
        })
    }
}

/// By default half of the time that is watched: growth from the start is confirmed by then, and
/// what begins later is seen for what it is.
fn confirm(args: &Args) -> Duration {
    args.judging.confirm.unwrap_or(args.total / 2)
}

/// As many as cover all of the time that was asked for.
fn intervals(total: Duration, every: Duration) -> Option<u32> {
    u32::try_from(total.as_nanos().div_ceil(every.as_nanos().max(1))).ok()
}

fn contradictions(args: &Args) -> Vec<Contradiction> {
    use Contradiction::{
        NeedsMetrics, NeverSeen, Percentage, TooCoarse, TooLong, TooOften, TooShort,
    };
    let (total, every, confirm) = (args.total, args.every, confirm(args));
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
    if let Some(Limit::Percent(percent)) = args.limit {
        refuse(true, Percentage(percent));
    }
    for signal in &args.judging.signals {
        refuse(NEVER_SEEN.contains(signal), NeverSeen(*signal));
        let page = FROM_THE_PAGE.contains(signal);
        refuse(page && args.metrics.is_none(), NeedsMetrics(*signal));
    }
    found
}
