//! `leaklab corpus record`: the real service, leak by leak and decoy by decoy.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use clap::Args;

use super::{Exit, Failure, as_given};
use crate::cli::selection::{Selected, every, select};
use crate::corpus::record::{RecordError, Recorder, Timetable};
use crate::corpus::write::{Folder, Origin};
use crate::corpus::{Trace, card, manifest};
use crate::error_chain;
use crate::interrupt::Interrupt;
use crate::quantity::{parse_seconds, parse_size, seconds};

/// Record the real service through its leaks and decoys, one trace each.
///
/// Each is the leak or decoy of a drill, under the drill's load, in a service of its own: load and
/// samples, the leak switched on, the leak fixed, all by the clock. No detector has a part in it. The
/// truth is what the service itself says that it held.
///
/// Exit codes: 0 everything was recorded; 2 something could not be, and the rest was; 130 interrupted.
#[derive(Debug, Args)]
pub(super) struct RecordArgs {
    /// Shipped drills by name, or drill files [default: every leak and every decoy]
    #[arg(value_name = "NAME|FILE")]
    drills: Vec<String>,
    /// A folder that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// From the first sample to the onset
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "30s")]
    baseline: f64,
    /// From the onset to the fix; a decoy is on for so long
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "60s")]
    leak: f64,
    /// From the fix to the end
    #[arg(long, value_name = "DURATION", value_parser = parse_seconds, default_value = "30s")]
    after: f64,
    /// Memory limit that the truths state, for detectors that judge by it
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    limit: Option<u64>,
    /// How many to record side by side, each a service of its own; more disturb each other's timing
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=16))]
    jobs: u8,
    /// Seed of the halves tune and test into which the traces fall
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Compress the traces
    #[arg(long)]
    gzip: bool,
}

pub(super) fn run(args: &RecordArgs) -> Result<Exit, Failure> {
    let chosen = if args.drills.is_empty() { every() } else { select(&args.drills) };
    let Some(selected) = chosen else { return Ok(Exit::CouldNotRun) };
    let interrupt = Interrupt::listen()?;
    let origin = Origin {
        made: "recorded",
        licence: "CC0-1.0".into(),
        seed: args.seed,
        generator_version: None,
        packed: args.gzip,
    };
    let folder = Mutex::new(Folder::create(&args.out, origin)?);
    let program = std::env::current_exe()?;
    let timetable = Timetable {
        baseline_seconds: args.baseline,
        leak_seconds: args.leak,
        after_seconds: args.after,
    };
    let recorder =
        Recorder { program: &program, timetable, limit_bytes: args.limit, interrupt: &interrupt };
    let failures = Mutex::new(Vec::new());
    let keep = |drill: &str, recorded: Result<Trace, RecordError>| {
        let put = |trace: &Trace| {
            let mut folder = folder.lock().unwrap_or_else(PoisonError::into_inner);
            folder.put(trace, manifest::half(args.seed, &trace.name)).map_err(|e| error_chain(&e))
        };
        let kept = recorded.map_err(|error| error_chain(&error)).and_then(|trace| {
            put(&trace)?;
            eprintln!("{}", told(&trace));
            Ok(())
        });
        if let Err(why) = kept {
            let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
            failures.push(format!("{drill}: {why}"));
        }
    };
    side_by_side(usize::from(args.jobs), &selected, |Selected { drill, .. }| {
        if !interrupt.is_set() {
            keep(&drill.name, recorder.record(drill));
        }
    });
    let folder = folder.into_inner().unwrap_or_else(PoisonError::into_inner);
    folder.finish(&card::recorded(&as_given()))?;
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    for failure in &failures {
        eprintln!("error: {failure}");
    }
    eprintln!(
        "{} of {} recorded in {}",
        selected.len() - failures.len(),
        selected.len(),
        args.out.display()
    );
    Ok(match (interrupt.is_set(), failures.is_empty()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::AsExpected,
        (false, false) => Exit::CouldNotRun,
    })
}

/// Does something for each drill, so many at a time.
fn side_by_side(jobs: usize, drills: &[Selected], each: impl Fn(&Selected) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(drills.len()) {
            scope.spawn(|| {
                while let Some(drill) = drills.get(next.fetch_add(1, Ordering::Relaxed)) {
                    each(drill);
                }
            });
        }
    });
}

fn told(trace: &Trace) -> String {
    let samples = trace.observations.len();
    match &trace.truth.leak {
        Some(leak) => {
            let signal = leak.signals.first().copied().unwrap_or(detector::Signal::RssBytes);
            let grown = crate::quantity::amount(signal, leak.growth);
            let onset = seconds(leak.onset_seconds);
            format!("{}: {samples} samples, {grown} leaked from {onset} on", trace.name)
        }
        None => format!("{}: {samples} samples, no leak", trace.name),
    }
}
