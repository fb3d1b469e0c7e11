//! The parameter ranges of the generated corpus, with the reasoning behind each.
//!
//! They were fixed before any detector was tuned on the corpus. Sizes are shares of the memory
//! limit, because that is what makes a leak urgent or not; times are shares of the window, because
//! a detector is given windows of minutes as well as of days. Each value is drawn from the even
//! cells of its range for tuning and from the odd ones for testing (see [`super::draw`]).
//!
//! What stands with a family instead, as a constant or a choice, is a detail of its shape (how much
//! one tooth or step differs from the next, how many steps there are, which half of the traces know
//! their requests). Such details are drawn alike for both halves.

use super::draw::Range;

/// How a series is sampled: every so many seconds, over so many seconds.
pub struct Sampling {
    /// Seconds between samples.
    pub interval_seconds: f64,
    /// Seconds from the first sample to the last.
    pub window_seconds: Range,
}

/// The ways in which people sample. Every family occurs in all of them, except that what is slow
/// needs six hours at least, and what follows the day two days.
pub const SAMPLINGS: [Sampling; 5] = [
    // A test in a lab or in CI: a local sampler, minutes.
    Sampling { interval_seconds: 1.0, window_seconds: Range::logarithmic(600.0, 2_400.0) },
    // A soak test, or an incident that somebody looks at.
    Sampling { interval_seconds: 5.0, window_seconds: Range::logarithmic(3_600.0, 10_800.0) },
    // A host inspection: the last six hours, at Prometheus's usual scrape interval.
    Sampling { interval_seconds: 15.0, window_seconds: Range::logarithmic(21_600.0, 28_800.0) },
    // A day, at the scrape interval of a large fleet.
    Sampling { interval_seconds: 60.0, window_seconds: Range::logarithmic(28_800.0, 86_400.0) },
    // Several days of long-term storage.
    Sampling { interval_seconds: 300.0, window_seconds: Range::logarithmic(172_800.0, 518_400.0) },
];
/// The samplings whose windows reach six hours.
pub const HOURS: [usize; 3] = [2, 3, 4];
/// The sampling whose windows reach two days.
pub const DAYS: usize = 4;

/// The memory limit: from a small container to a large service. Verdicts should not depend on it.
pub const LIMIT_BYTES: Range = Range::logarithmic((64_u64 << 20) as f64, (16_u64 << 30) as f64);
/// Where memory stands before anything happens; lowered where the rest would not fit below the
/// limit. Many hosts stand high and are well.
pub const BASE_SHARE: Range = Range::linear(0.15, 0.85);

/// **Difficulty**: how far the series moves over the window, in standard deviations of what is left
/// when the movement is taken away. At 1 the eye sees nothing but noise, at 30 nothing but the
/// movement.
pub const DIFFICULTY: Range = Range::logarithmic(1.0, 30.0);
/// The standard deviation of the noise. Resident memory of an idle process is quieter than
/// .1 %; allocators under load move by percents.
pub const NOISE_SHARE: Range = Range::logarithmic(0.001, 0.03);
/// How far a series moves, whether it leaks or not: the difficulty times the noise, kept within
/// this. Below 2.5 % over the whole window nobody would act on it; above 55 % a threshold would do.
pub const MOVEMENT_SHARE: (f64, f64) = (0.025, 0.55);
/// How much of the noise's variance is autocorrelated; 0 is white noise.
pub const CORRELATED_PARTS: [f64; 4] = [0.0, 0.3, 0.6, 0.9];
/// The correlation time of that part, in samples: allocations live on from one sample to the next.
pub const CORRELATION_SAMPLES: Range = Range::logarithmic(2.0, 20.0);
/// The grain in which memory comes: pages, an allocator's runs, huge pages; at most half the noise.
pub const GRAIN_BYTES: [f64; 3] = [4_096.0, 65_536.0, 2_097_152.0];
/// Share of the traces that have spikes (a garbage collection, a large request), how often a
/// sample is one, and how high they are in standard deviations of the noise.
pub const SPIKY: f64 = 0.15;
/// See [`SPIKY`].
pub const SPIKE_RATE: f64 = 0.01;
/// See [`SPIKY`].
pub const SPIKE_DEVIATIONS: Range = Range::linear(4.0, 10.0);
/// Share of the traces of which single samples are missing, and how many of them are.
pub const HOLEY: f64 = 0.15;
/// See [`HOLEY`].
pub const HOLE_RATE: f64 = 0.03;

/// When a leak begins, as a share of the window; a third of the leaks begin with the process.
pub const ONSET: Range = Range::linear(0.05, 0.4);
/// The same for a late onset: everything before it must not be held for the leak, nor lull.
pub const LATE_ONSET: Range = Range::linear(0.4, 0.75);
/// Share of the leaks (of the families that can) that are fixed, and when.
pub const FIXED: f64 = 0.3;
/// See [`FIXED`].
pub const FIX: Range = Range::linear(0.65, 0.85);
/// Slow leaks, in shares of the limit per hour: from twenty hours to eight days until the limit.
pub const SLOW_PER_HOUR: Range = Range::logarithmic(0.005, 0.05);
/// The power of time with which an accelerating leak grows.
pub const ACCELERATION: Range = Range::linear(1.5, 3.0);
/// Steps of a leak that comes in stairs (a hash table that doubles comes in fewer, larger ones).
pub const STAIRS: Range = Range::logarithmic(6.0, 30.0);
/// Runs of a leaking process within the window, each ended by the limit.
pub const RUNS: Range = Range::logarithmic(3.0, 16.0);
/// Requests per second at the mean.
pub const REQUEST_RATE: Range = Range::logarithmic(1.0, 500.0);
/// How far the load swings about its mean.
pub const LOAD_SWING: Range = Range::linear(0.2, 0.8);
/// Cycles of the load within a window that is shorter than two days; beyond, a cycle is a day.
pub const LOAD_CYCLES: Range = Range::logarithmic(0.5, 5.0);
/// How much the load jitters from sample to sample.
pub const LOAD_JITTER: f64 = 0.05;

/// The time constant of a warm-up: from "was over before anyone looked" to "not over yet".
pub const WARM_UP: Range = Range::logarithmic(0.02, 0.3);
/// A second time constant, as a multiple of the first: code is compiled long after classes are
/// loaded.
pub const WARM_UP_SECOND: Range = Range::linear(3.0, 8.0);
/// How long a cache takes to fill. While it fills, nothing tells it from a leak.
pub const FILL: Range = Range::logarithmic(0.03, 0.4);
/// Collections within the window.
pub const COLLECTIONS: Range = Range::logarithmic(12.0, 80.0);
/// Jobs within the window.
pub const JOBS: Range = Range::logarithmic(4.0, 30.0);
/// The share of its period that a job runs.
pub const JOB_DUTY: Range = Range::linear(0.1, 0.6);
/// When something happens once (a step, a burst).
pub const EVENT: Range = Range::linear(0.1, 0.9);
/// How long a burst of load lasts.
pub const BURST: Range = Range::logarithmic(0.01, 0.1);
/// The share of a burst's memory that the allocator keeps.
pub const RETAINED: Range = Range::linear(0.2, 0.9);
/// How long what is kept takes to be given back (longer than the window: not at all).
pub const DECAY: Range = Range::logarithmic(0.1, 5.0);
/// Fragmentation creeps towards its share of what is in use, slower and slower.
pub const FRAGMENTATION: Range = Range::logarithmic(0.03, 0.25);
/// How fast a random walk comes back to its mean.
pub const REVERSION: Range = Range::logarithmic(0.01, 0.1);
/// The share of the window without data, in one to four pieces.
pub const GAPS: Range = Range::linear(0.1, 0.5);
/// By how much the load of an instance rises when others are scaled in, and falls when they are
/// scaled out.
pub const SCALE: Range = Range::linear(0.2, 0.9);

/// Descriptors, threads: what a leak of them adds over the window, where they stand before, and
/// how many a working service opens and closes.
pub const COUNTED: Range = Range::logarithmic(20.0, 5_000.0);
/// See [`COUNTED`].
pub const COUNT_BASE: Range = Range::logarithmic(8.0, 400.0);
/// What a leaked thread touches of its stack, in bytes.
pub const STACK_BYTES: Range = Range::logarithmic(16_384.0, 131_072.0);
