//! What judging costs: time per sample and memory per series, on one core.
//!
//! `cargo bench -p detector --bench throughput` prints a table; `-- --quick` takes a tenth of the
//! work. Each figure is the median of several runs with their spread, so that a busy machine shows.
//! Samples are made before the clock starts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use detector::{Observation, Settings, Signal, Watcher};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are allocated now.
static LIVE_BYTES: AtomicUsize = AtomicUsize::new(0);
/// Runs of each measurement; the median of them is told.
const RUNS: usize = 5;
const HOUR_SECONDS: usize = 3_600;

fn main() {
    // Cargo hands `--bench` to every bench; anything else is for us.
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    if asked("--memory") {
        return memory();
    }
    let scale = if asked("--quick") { 10 } else { 1 };
    println!("one signal, one core; medians of {RUNS} runs (fastest to slowest)\n");
    by_shape(scale);
    by_window(scale);
    by_series(scale);
    memory();
}

/// The allocator of the system, and a count of what is out.
struct Counting;

#[expect(unsafe_code, reason = "an allocator is unsafe to implement; this one adds a count")]
// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE_BYTES.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        LIVE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise, handed on.
        unsafe { System.dealloc(block, layout) }
    }
}

/// What a series does; the cost depends on it, because what is clearly nothing is cheap to judge.
#[derive(Clone, Copy)]
enum Shape {
    Idle,
    Sawtooth,
    Leak,
}

const SHAPES: [(&str, Shape); 3] =
    [("idle", Shape::Idle), ("sawtooth", Shape::Sawtooth), ("leak", Shape::Leak)];

/// A series of resident memory with noise; the same every time.
fn series(shape: Shape, seed: u64, samples: usize, interval_seconds: f64) -> Vec<Observation> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut noise = || {
        // Xorshift (Marsaglia 2003) is enough of a noise here.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
    };
    let sample = |index: usize| {
        let done = index as f64 / samples as f64;
        let moved = match shape {
            Shape::Idle => 0.0,
            Shape::Sawtooth => 20e6 * (done * 40.0).fract(),
            Shape::Leak => 100e6 * done,
        };
        let bytes = ((200e6 + moved + 2e6 * noise()) / 4096.0).floor() * 4096.0;
        Observation {
            t_seconds: index as f64 * interval_seconds,
            signals: [(Signal::RssAnonBytes, bytes)].into(),
            ..Observation::default()
        }
    };
    (0..samples).map(sample).collect()
}

fn watcher() -> Watcher {
    Watcher::new(Settings { limit: Some(512e6), ..Settings::default() })
}

/// Judges a series from the first sample to the last.
fn watch(samples: &[Observation]) -> Watcher {
    let mut watcher = watcher();
    for sample in samples {
        black_box(watcher.observe(sample).is_ok());
    }
    watcher
}

/// Seconds that something takes, fastest run first.
fn seconds(mut work: impl FnMut()) -> [f64; RUNS] {
    let mut taken = [0.0; RUNS];
    for run in &mut taken {
        let begun = Instant::now();
        work();
        *run = begun.elapsed().as_secs_f64();
    }
    taken.sort_by(f64::total_cmp);
    taken
}

fn tell(name: &str, samples: usize, taken: &[f64; RUNS]) {
    let nanoseconds = |seconds: f64| seconds * 1e9 / samples as f64;
    let median = taken[RUNS / 2];
    println!(
        "{name:<34} {:>9.1} ns/sample ({:.1} to {:.1}) {:>8.3} M samples/s {median:>9.3} s",
        nanoseconds(median),
        nanoseconds(taken[0]),
        nanoseconds(taken[RUNS - 1]),
        samples as f64 / median / 1e6,
    );
}

fn by_shape(scale: usize) {
    let samples = 6 * HOUR_SECONDS / scale;
    for (name, shape) in SHAPES {
        let made = series(shape, 1, samples, 1.0);
        let taken = seconds(|| drop(black_box(watch(&made))));
        tell(&format!("{name}, every second for {}", window(samples)), samples, &taken);
    }
    println!();
}

fn by_window(scale: usize) {
    for hours in [1, 6, 24, 192] {
        let samples = hours * HOUR_SECONDS / 15 / scale;
        let made = series(Shape::Sawtooth, 2, samples, 15.0);
        let taken = seconds(|| drop(black_box(watch(&made))));
        tell(&format!("window of {}, every 15 s", window(samples * 15)), samples, &taken);
    }
    println!();
}

/// A fleet: one sample of each series in turn, as scrapes come in.
fn by_series(scale: usize) {
    const SAMPLES: usize = 360;
    for count in [100, 1_000, 10_000] {
        let count = count / scale;
        // A hundred different series, shown to all watchers: what is measured is the watching.
        let made: Vec<_> = (0..100)
            .map(|seed| series(SHAPES[seed % SHAPES.len()].1, seed as u64 + 1, SAMPLES, 60.0))
            .collect();
        let scrape = |at: usize| made.iter().map(|series| series[at].clone()).collect();
        let scrapes: Vec<Vec<Observation>> = (0..SAMPLES).map(scrape).collect();
        let taken = seconds(|| {
            let mut watchers: Vec<Watcher> = (0..count).map(|_| watcher()).collect();
            for scrape in &scrapes {
                for (watcher, sample) in watchers.iter_mut().zip(scrape.iter().cycle()) {
                    black_box(watcher.observe(sample).is_ok());
                }
            }
            black_box(watchers);
        });
        tell(&format!("{count} series, 6 h every 60 s"), count * SAMPLES, &taken);
    }
    println!();
}

/// What watchers hold that are all there at once, as asked of the allocator, by the time that they
/// have watched: the mean over as many series of each shape.
fn memory() {
    const SERIES: usize = 8 * SHAPES.len();
    for hours in [1, 6, 24, 192] {
        let before = LIVE_BYTES.load(Ordering::Relaxed);
        let mut watchers = Vec::with_capacity(SERIES);
        for seed in 0..SERIES {
            let shape = SHAPES[seed % SHAPES.len()].1;
            let samples = hours * HOUR_SECONDS / 15;
            watchers.push(watch(&series(shape, seed as u64 + 1, samples, 15.0)));
        }
        let held = (LIVE_BYTES.load(Ordering::Relaxed) - before) / SERIES;
        let name = format!("{SERIES} series, after {hours} h every 15 s");
        println!("{name:<34} {held:>9} bytes per series");
        drop(watchers);
    }
}

fn window(seconds: usize) -> String {
    let hours = seconds as f64 / HOUR_SECONDS as f64;
    if hours >= 1.0 { format!("{hours:.0} h") } else { format!("{:.0} min", hours * 60.0) }
}
