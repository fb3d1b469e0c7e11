//! The batch job: every so often a large job loads all its rows, works on them, and frees them.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "batch",
    role: Role::Decoy,
    description: "Batch job: every so often it loads all its rows, and frees them when it is done",
    page: include_str!("batch.md"),
    takes: &[Resource::Heap],
    parameters: &[PERIOD, DURATION, SIZE],
    unclearable: None,
    contract: None,
    fill: b'B',
    new: || Box::<Batch>::default(),
};

const PERIOD: Parameter = Parameter {
    name: "period",
    description: "from the beginning of a job to that of the next",
    unit: Unit::Milliseconds,
    range: 100..=86_400_000,
    default: 60_000,
};

const DURATION: Parameter = Parameter {
    name: "duration",
    description: "how long a job takes; as long as the period or longer, one follows another",
    unit: Unit::Milliseconds,
    range: 50..=86_400_000,
    default: 10_000,
};

const SIZE: Parameter = Parameter {
    name: "size",
    description: "what all rows of a job take together",
    unit: Unit::Bytes,
    range: 1 << 20..=1 << 30,
    default: 64 << 20,
};

/// What is loaded at one tick at most, so that a job does not hold up requests.
const BYTES_PER_TICK: u64 = 32 << 20;

/// A row's share of the list, on average over its growth, as in the request history.
const LIST_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Batch {
    schedule: Mutex<Schedule>,
    job: Mutex<Job>,
}

#[derive(Clone, Copy, Default)]
struct Schedule {
    period: Duration,
    duration: Duration,
    size: u64,
}

#[expect(clippy::vec_box, reason = "rows inside the list would double with it, far from exact")]
#[derive(Default)]
struct Job {
    rows: Vec<Box<Row>>,
    /// When the last one began, since the decoy was switched on.
    began: Option<Instant>,
    /// Bytes of rows that it has loaded; a cleared row is not loaded again.
    loaded_bytes: u64,
}

#[expect(dead_code, reason = "what is computed from the rows does not matter here")]
struct Row {
    number: u64,
    chunks: Vec<Box<[u8]>>,
}

impl Row {
    fn load(number: u64, bytes: usize) -> Self {
        let budget = Budget::begin(bytes);
        let rest = handed_out_bytes(size_of::<Self>()) + LIST_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let chunks =
            chunks.iter().map(|&length| vec![FACTS.fill; length].into_boxed_slice()).collect();
        Self { number, chunks }
    }
}

impl Job {
    /// Whether a job is under way now; begins the next one if it is due.
    fn is_under_way(&mut self, schedule: &Schedule, tick: &Tick) -> bool {
        if tick.fraction <= 0.0 {
            self.began = None;
            return false;
        }
        let age = |began: Instant| tick.now.saturating_duration_since(began);
        match self.began {
            Some(began) if age(began) < schedule.duration => true,
            Some(began) if age(began) < schedule.period => false,
            _ => {
                self.began = Some(tick.now);
                true
            }
        }
    }

    /// Rows that are still to be loaded at this tick.
    fn missing(&self, schedule: &Schedule, tick: &Tick) -> u64 {
        let target = (schedule.size as f64 * tick.fraction) as u64;
        let missing_bytes = target.saturating_sub(self.loaded_bytes);
        missing_bytes.min(BYTES_PER_TICK).min(tick.room_bytes) / tick.bytes_per_request as u64
    }
}

impl Pattern for Batch {
    /// Jobs run by the clock; requests have no part in them.
    fn touch(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        let schedule = *lock(&self.schedule);
        let mut job = lock(&self.job);
        if !job.is_under_way(&schedule, tick) {
            let done = std::mem::take(&mut job.rows);
            job.loaded_bytes = 0;
            drop(job);
            drop(done);
            return;
        }
        let missing = job.missing(&schedule, tick);
        job.loaded_bytes += missing * tick.bytes_per_request as u64;
        drop(job);
        let rows: Vec<_> = (0..missing)
            .map(|number| Box::new(Row::load(number, tick.bytes_per_request)))
            .collect();
        lock(&self.job).rows.extend(rows);
    }

    fn count(&self) -> usize {
        lock(&self.job).rows.len()
    }

    fn clear(&self) -> usize {
        let rows = std::mem::take(&mut lock(&self.job).rows);
        rows.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        let mut schedule = lock(&self.schedule);
        match parameter {
            name if name == PERIOD.name => schedule.period = Duration::from_millis(value),
            name if name == DURATION.name => schedule.duration = Duration::from_millis(value),
            name if name == SIZE.name => schedule.size = value,
            _ => {}
        }
    }
}
