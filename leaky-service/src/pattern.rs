//! A pattern is one way of keeping memory, or another resource: a leak, or a decoy that merely
//! looks like one.
//!
//! A pattern is plain defective (or plain correct) code, written as it is found in the wild. It
//! does not count its bytes: whatever it allocates while one of its methods runs is charged to
//! its account by the tracker; it only says what it holds elsewhere ([`Pattern::outside`]). Nor
//! does it know which requests touch it, or how often; the catalogue does, and only tells it the time.
//!
//! The service calls every method within its async runtime, so `tokio::spawn` works there. What
//! a spawned task allocates later is charged to nobody; a task's own block is charged, like
//! everything it was given.

use std::cell::RefCell;
use std::io;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use axum::http::request::Parts;
use prometheus::proto::MetricFamily;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::room::{Reservation, Room};

/// Whether a pattern is a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Keeps what it should release.
    Leak,
    /// Keeps it rightly; looks like a leak for a while.
    Decoy,
}

impl Role {
    /// As it stands in answers, listings and spans.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Leak => "leak",
            Self::Decoy => "decoy",
        }
    }
}

/// What is known of a pattern before it runs.
#[derive(Debug)]
pub struct Facts {
    /// As it stands in URLs, metrics, drills and verdicts.
    pub name: &'static str,
    /// Leak or decoy.
    pub role: Role,
    /// One sentence for the person who switches it on.
    pub description: &'static str,
    /// The page that `leaks show` prints, in Markdown: the defect, the code that has it, what
    /// shows it, what hides it, the fix.
    pub page: &'static str,
    /// What it takes, the most telling first.
    pub takes: &'static [Resource],
    /// What an event adds to it at most, beside memory of the configured size; a number of bytes
    /// here stands for that size. `None` if events have no part in it: it goes by the clock alone.
    pub per_event: Option<Outside>,
    /// Settings of its own, beside those that all patterns have.
    pub parameters: &'static [Parameter],
    /// Why nothing that it holds can be dropped, where that is so.
    pub unclearable: Option<&'static str>,
    /// What the contract calls its figures; `None` for the names that follow the rule.
    pub contract: Option<ContractNames>,
    /// What its payloads consist of. Not zero, so that every page is really written; and no
    /// other pattern's, because the optimiser merges functions that are the same, and an
    /// allocation in a merged one is traced back to whichever was kept.
    pub fill: u8,
    /// Makes one that keeps nothing yet.
    pub new: fn() -> Box<dyn Pattern>,
}

/// Names that outsiders rely on and that follow no rule.
#[derive(Debug)]
pub struct ContractNames {
    /// What the status calls the number of things kept, beside `entries`.
    pub count_field: &'static str,
    /// What `clear` calls the number of things it dropped, when this pattern alone is cleared.
    pub removed_field: &'static str,
    /// The same when everything is cleared.
    pub removed_field_in_all: &'static str,
    /// The gauge with the number of things kept.
    pub count_gauge: &'static str,
    /// The gauge with the bytes held.
    pub bytes_gauge: &'static str,
}

/// A setting that one pattern has: a whole number within a range.
#[derive(Debug)]
pub struct Parameter {
    /// As it stands in the body of a change.
    pub name: &'static str,
    /// What it does, in a few words.
    pub description: &'static str,
    /// What the number counts.
    pub unit: Unit,
    /// What it may be.
    pub range: RangeInclusive<u64>,
    /// What it is at first.
    pub default: u64,
}

/// What a parameter counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Bytes; may be written as `10KiB`.
    Bytes,
    /// Milliseconds; written as a duration, such as `90s`.
    Milliseconds,
}

impl Parameter {
    /// A value of it, as answers write it.
    pub fn written(&self, value: u64) -> Value {
        match self.unit {
            Unit::Count | Unit::Bytes => json!(value),
            Unit::Milliseconds => {
                json!(humantime::format_duration(Duration::from_millis(value)).to_string())
            }
        }
    }
}

impl Unit {
    /// As it stands in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Milliseconds => "duration",
        }
    }
}

/// Something that happens to a pattern: a request that is being served or, where it grows with
/// time, a job in the background.
pub struct Event<'a> {
    /// Never repeats within a process.
    pub id: u64,
    /// When the request was received, or the job was due.
    pub received: SystemTime,
    /// Method, path and headers; of a job, those of the call that would have started it.
    pub parts: &'a Parts,
    /// Where the request came in; `None` for a job.
    pub endpoint: Option<Endpoint>,
}

/// How a request that had touched a pattern came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its handler ran to the end.
    Answered,
    /// The client went away first, and the handler was dropped where it stood.
    Aborted,
}

/// A moment that all patterns are told of, several times a second.
pub struct Tick<'a> {
    /// Which moment.
    pub now: Instant,
    /// Whether the pattern was switched on when this tick began.
    pub enabled: bool,
    /// Whether it still is.
    pub switch: &'a AtomicBool,
    /// Time since the pattern was switched on; zero while it is off.
    pub elapsed: Duration,
    /// The part of the full dose that is due now, 0 to 1; 0 while it is off.
    pub fraction: f64,
    /// What an entry takes, in bytes; see [`Budget::begin`].
    pub bytes_per_request: usize,
    /// What there is room for, among all patterns.
    pub room: &'a Room,
    /// Room for what the books have only after the tick.
    pub until_booked: RefCell<Vec<Reservation<'a>>>,
}

impl Tick<'_> {
    /// Whether the pattern was, and still is, switched on: what takes long looks again and again,
    /// because whoever switches it off waits.
    pub fn is_on(&self) -> bool {
        self.enabled && self.switch.load(Ordering::Relaxed)
    }
}

/// One way of keeping memory.
pub trait Pattern: Send + Sync {
    /// Keeps of this event what the pattern keeps; as large, altogether, as the budget says. An
    /// error says why nothing could be kept. Not called for what goes by the clock alone.
    fn touch(&self, _event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        Ok(())
    }

    /// The same by the correct implementation, the fix: bounded, weak, closed, or whatever is
    /// right. What has leaked before stays. A decoy is correct already.
    fn touch_patched(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        self.touch(event, budget)
    }

    /// Told when an event that touched it is over. Jobs are always answered.
    fn ended(&self, _id: u64, _end: End, _patched: bool) {}

    /// Told the time, for what grows or shrinks with it. For what it keeps here it reserves
    /// [room](Tick::room) first.
    fn tick(&self, _tick: &Tick<'_>) {}

    /// Things kept now.
    fn count(&self) -> usize;

    /// What it holds that did not come from the program's allocator, exactly.
    fn outside(&self) -> Outside {
        Outside::default()
    }

    /// Drops everything kept, outside any lock that [`touch`](Self::touch) takes, and returns
    /// how many things that were. Not called where [`Facts::unclearable`] says why not.
    fn clear(&self) -> usize;

    /// Sets one of [`Facts::parameters`], to a value within its range; called with the defaults
    /// before anything else.
    fn set(&self, _parameter: &'static str, _value: u64) {}

    /// Told after every change of settings.
    fn settings_changed(&self) {}

    /// Metrics of its own that a scrape shows beside those that all patterns have.
    fn families(&self) -> Vec<MetricFamily> {
        Vec::new()
    }

    /// Things dropped to make room since the process started, for patterns that do that.
    fn evictions(&self) -> Option<u64> {
        None
    }
}

/// Locks, also after a panic in another holder: a pattern's collections are valid between any two
/// of their operations.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// For tests of patterns by themselves.
#[cfg(test)]
pub(crate) mod alone {
    use super::*;
    use crate::resource::Limits;

    /// Tells a pattern alone that it is on, at full dose, with all the room there is.
    pub fn tick(now: Instant, told: impl FnOnce(&Tick<'_>)) {
        let limits = Limits::read(None);
        let room = Room::new(limits).unwrap();
        told(&Tick {
            now,
            enabled: true,
            switch: &AtomicBool::new(true),
            elapsed: Duration::ZERO,
            fraction: 1.0,
            bytes_per_request: 1024,
            room: &room,
            until_booked: RefCell::default(),
        });
    }
}
