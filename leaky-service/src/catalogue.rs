//! The catalogue: every leak and decoy, and what they may hold together.
//!
//! It lets an event touch a pattern if the pattern's controls say so and there is room for what the
//! event adds, within the limits of all patterns together. It never frees anything on its own account:
//! switching a leak off keeps what has leaked.

mod visit;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use axum::http::Request;
use axum::http::request::Parts;

use crate::exhibit::{Cleared, Exhibit, Job, NotCleared};
use crate::leaks;
use crate::pattern::{Event, Facts};
use crate::resource::{Limits, Outside};
use crate::room::Room;
use crate::tracker::NoAccountLeft;

pub use self::visit::Visit;

/// What is given to a pattern by time before others get a turn: some milliseconds' work, however
/// large an event is.
const STEP_BYTES: u64 = 8 << 20;

/// All patterns, and what they may hold together.
pub struct Catalogue {
    // Before the room, of whose account theirs are parts.
    exhibits: Vec<Exhibit>,
    room: Arc<Room>,
    events: AtomicU64,
    /// What a job in the background has for a request.
    job: Parts,
}

impl Catalogue {
    /// All patterns, switched off, each entry taking `bytes_per_request`, and together at most
    /// `max_held_bytes` (`None`: no cap) and half of what the kernel grants of all else.
    pub fn new(
        bytes_per_request: usize,
        max_held_bytes: Option<u64>,
    ) -> Result<Self, NoAccountLeft> {
        let limits = Limits::read(max_held_bytes);
        Self::of(leaks::all(), bytes_per_request, limits)
    }

    fn of(
        facts: impl Iterator<Item = &'static Facts>,
        bytes_per_request: usize,
        limits: Limits,
    ) -> Result<Self, NoAccountLeft> {
        let room = Arc::new(Room::new(limits)?);
        let exhibits = facts.map(|facts| Exhibit::new(facts, bytes_per_request, &room));
        Ok(Self {
            exhibits: exhibits.collect::<Result<_, _>>()?,
            room,
            events: AtomicU64::new(0),
            job: Request::new(()).into_parts().0,
        })
    }

    /// Everything on show, leaks first.
    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }

    /// The pattern of that name.
    pub fn find(&self, name: &str) -> Option<&Exhibit> {
        self.exhibits.iter().find(|exhibit| exhibit.facts().name == name)
    }

    /// All names, for people who have to choose one.
    pub fn names(&self) -> String {
        let names: Vec<_> = self.exhibits.iter().map(|exhibit| exhibit.facts().name).collect();
        names.join(", ")
    }

    /// A number that no other event of this process has; the first is 1.
    pub fn next_id(&self) -> u64 {
        self.events.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Lets a request touch the patterns whose controls say so.
    pub fn begin(self: &Arc<Self>, event: &Event<'_>) -> Visit {
        let mut visit = Visit::begin(self, event.id);
        for (index, exhibit) in self.exhibits.iter().enumerate() {
            let touches =
                exhibit.takes(event).is_some_and(|controls| exhibit.touch(event, &controls));
            if touches {
                visit.note(index);
            }
        }
        visit
    }

    /// Gives each pattern that grows with time the events that are due, at most `most` of them;
    /// whether more are left to give. What is due at a limit is passed over.
    pub fn give_due(&self, now: Instant, most: u64) -> bool {
        let mut more = false;
        for exhibit in &self.exhibits {
            let Some((due, controls)) = exhibit.due(now) else { continue };
            let step = due.min(most).min((STEP_BYTES / controls.bytes_per_request as u64).max(1));
            let mut given = 0;
            while given < step {
                let (id, received) = (self.next_id(), SystemTime::now());
                let event = Event { id, received, parts: &self.job, endpoint: None };
                match exhibit.run_job(&event, &controls) {
                    Job::Done => given += 1,
                    Job::NoRoom => given = due,
                    Job::Changed => break,
                }
            }
            exhibit.give(given, &controls);
            more |= given < due;
        }
        more
    }

    /// Tells every pattern the time.
    pub fn tick(&self, now: Instant) {
        for exhibit in &self.exhibits {
            exhibit.tick(now);
        }
    }

    /// Drops everything that can be dropped, in the order of [`exhibits`](Self::exhibits).
    pub fn clear_all(&self) -> Vec<(&Exhibit, Result<Cleared, NotCleared>)> {
        self.exhibits.iter().map(|exhibit| (exhibit, exhibit.clear())).collect()
    }

    /// Bytes that all patterns hold together, wherever they came from.
    pub fn held_bytes(&self) -> u64 {
        self.room.held_bytes()
    }

    /// What all patterns together hold that did not come from the program's allocator.
    pub fn outside(&self) -> Outside {
        self.exhibits.iter().map(Exhibit::outside).sum()
    }

    /// What they may hold together.
    pub fn limits(&self) -> &Limits {
        self.room.limits()
    }
}

#[cfg(test)]
mod rules;
#[cfg(test)]
mod touches;
