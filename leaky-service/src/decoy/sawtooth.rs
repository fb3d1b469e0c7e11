//! The sawtooth: every write leaves the version before it behind, and a vacuum collects those
//! every so often. Between two vacuums it is a leak in all but name.

use std::io;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::pattern::{Event, Facts, Parameter, Pattern, Role, Tick, Unit, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::handed_out_bytes;

pub const FACTS: Facts = Facts {
    name: "sawtooth",
    role: Role::Decoy,
    description: "Sawtooth: superseded versions pile up until a periodic vacuum collects them",
    page: include_str!("sawtooth.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[PERIOD],
    unclearable: None,
    contract: None,
    fill: b'S',
    new: || Box::<Sawtooth>::default(),
};

const PERIOD: Parameter = Parameter {
    name: "period",
    description: "time between vacuums",
    unit: Unit::Milliseconds,
    range: 100..=86_400_000,
    default: 30_000,
};

/// A version's share of the list, on average over its growth, as in the request history.
const LIST_SHARE_BYTES: usize = 14;

#[derive(Default)]
struct Sawtooth {
    document: Mutex<Document>,
}

#[expect(clippy::vec_box, reason = "versions inside the list would double with it, far from exact")]
struct Document {
    /// Oldest first: all but the last are superseded.
    versions: Vec<Box<Version>>,
    period: Duration,
    vacuumed: Instant,
    /// Versions collected so far.
    collected: u64,
}

#[expect(dead_code, reason = "readers of a version are not modelled")]
struct Version {
    written_by: u64,
    chunks: Vec<Box<[u8]>>,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            versions: Vec::new(),
            period: Duration::from_millis(PERIOD.default),
            vacuumed: Instant::now(),
            collected: 0,
        }
    }
}

#[expect(clippy::vec_box, reason = "as they were kept")]
impl Document {
    /// Takes out all versions but the latest, if it is time to.
    fn vacuum(&mut self, now: Instant) -> Vec<Box<Version>> {
        if now.saturating_duration_since(self.vacuumed) < self.period {
            return Vec::new();
        }
        self.vacuumed = now;
        let latest = self.versions.pop();
        let superseded = std::mem::take(&mut self.versions);
        self.versions.extend(latest);
        self.collected += superseded.len() as u64;
        superseded
    }
}

impl Pattern for Sawtooth {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let rest = handed_out_bytes(size_of::<Version>()) + LIST_SHARE_BYTES;
        let chunks = budget.chunks(rest);
        let version = Box::new(Version {
            written_by: event.id,
            chunks: chunks
                .iter()
                .map(|&length| vec![FACTS.fill; length].into_boxed_slice())
                .collect(),
        });
        lock(&self.document).versions.push(version);
        Ok(())
    }

    fn tick(&self, tick: &Tick) {
        let superseded = lock(&self.document).vacuum(tick.now);
        drop(superseded);
    }

    fn count(&self) -> usize {
        lock(&self.document).versions.len()
    }

    fn clear(&self) -> usize {
        let versions = std::mem::take(&mut lock(&self.document).versions);
        versions.len()
    }

    fn set(&self, parameter: &'static str, value: u64) {
        if parameter == PERIOD.name {
            lock(&self.document).period = Duration::from_millis(value);
        }
    }

    fn evictions(&self) -> Option<u64> {
        Some(lock(&self.document).collected)
    }
}
