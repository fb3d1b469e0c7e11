//! The batch job: every so often a large job loads all its rows, works on them, and frees them.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::bulk::{Bulk, LIST_SHARE_BYTES};
use crate::pattern::{Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::Resource;
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "batch",
    role: Role::Decoy,
    description: "Batch job: every so often it loads all its rows, and frees them when it is done",
    page: include_str!("batch.md"),
    takes: &[Resource::Heap],
    per_event: None,
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

#[derive(Default)]
struct Batch {
    schedule: Mutex<Schedule>,
    rows: Bulk<Row>,
}

#[derive(Default)]
struct Schedule {
    period: Duration,
    duration: Duration,
    size: u64,
    /// When the last job began, since the decoy was switched on.
    began: Option<Instant>,
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

impl Schedule {
    /// Whether a job is under way now; begins the next one if it is due.
    fn is_under_way(&mut self, tick: &Tick) -> bool {
        if tick.fraction <= 0.0 {
            self.began = None;
            return false;
        }
        let age = |began: Instant| tick.now.saturating_duration_since(began);
        match self.began {
            Some(began) if age(began) < self.duration => true,
            Some(began) if age(began) < self.period => false,
            _ => {
                self.began = Some(tick.now);
                true
            }
        }
    }
}

impl Pattern for Batch {
    fn tick(&self, tick: &Tick) {
        let mut schedule = lock(&self.schedule);
        let (is_under_way, size) = (schedule.is_under_way(tick), schedule.size);
        drop(schedule);
        if is_under_way {
            self.rows.load(size, tick, Row::load);
        } else {
            self.rows.begin_anew();
            self.rows.clear();
        }
    }

    fn count(&self) -> usize {
        self.rows.count()
    }

    fn clear(&self) -> usize {
        self.rows.clear()
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
