//! One pattern on show: its controls, its account, and what it has been through.

mod events;
mod names;
mod switch;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use prometheus::proto::MetricFamily;
use rustix::param::page_size;

use crate::controls::{Change, Controls, Fault};
use crate::ending::wait_until;
use crate::pattern::{Facts, Pattern, Role, lock};
use crate::resource::{Outside, Resource};
use crate::room::{Amounts, Room};
use crate::tracker::{Account, NoAccountLeft};

pub(crate) use self::events::Job;
pub use self::names::Names;
use self::switch::Switch;

/// Time that other threads have to free what a clear told them to; it takes less than a millisecond of theirs.
const FREEING: Duration = Duration::from_secs(1);

/// One pattern on show.
pub struct Exhibit {
    facts: &'static Facts,
    names: Names,
    /// What the switch says, readable without its lock.
    enabled: AtomicBool,
    switch: Mutex<Switch>,
    /// One change at a time, or the pattern could be told of two in the wrong order.
    applying: Mutex<()>,
    /// Held while the clock has the pattern do something, so that whoever switches it off can wait.
    by_clock: Mutex<()>,
    touched: AtomicU64,
    failed: AtomicU64,
    // Before the account, so that what it holds is freed and booked before the account closes.
    pattern: Box<dyn Pattern>,
    account: Account,
    /// What of it is known to the room to be outside of the allocator.
    outside: Mutex<Amounts>,
    room: Arc<Room>,
}

/// What a clear dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Entries, callbacks or records.
    pub count: usize,
    /// Bytes, as they were handed out.
    pub freed_bytes: u64,
}

/// What is held cannot be dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} cannot be cleared: {reason}")]
pub struct NotCleared {
    /// Of which pattern.
    pub name: &'static str,
    /// Why not.
    pub reason: &'static str,
}

impl Exhibit {
    /// Puts a pattern on show, switched off.
    pub fn new(
        facts: &'static Facts,
        bytes_per_request: usize,
        room: &Arc<Room>,
    ) -> Result<Self, NoAccountLeft> {
        let (pattern, account) = ((facts.new)(), Account::open_part_of(room.account())?);
        let switch = Switch::off(facts, bytes_per_request);
        let parameters = &switch.parameters;
        account.measure(|| parameters.iter().for_each(|(name, value)| pattern.set(name, *value)));
        Ok(Self {
            facts,
            names: Names::of(facts),
            enabled: AtomicBool::new(false),
            switch: Mutex::new(switch),
            applying: Mutex::new(()),
            by_clock: Mutex::new(()),
            touched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            pattern,
            account,
            outside: Mutex::default(),
            room: Arc::clone(room),
        })
    }

    /// What is known of the pattern.
    pub fn facts(&self) -> &'static Facts {
        self.facts
    }

    /// What outsiders call its figures.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether it is a leak.
    pub fn is_leak(&self) -> bool {
        self.facts.role == Role::Leak
    }

    /// Whether anything touches it.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// Its controls.
    pub fn controls(&self) -> Controls {
        lock(&self.switch).controls
    }

    /// The values of its own parameters.
    pub fn parameters(&self) -> Vec<(&'static str, u64)> {
        lock(&self.switch).parameters.clone()
    }

    /// When it was last enabled; `None` if it never was.
    pub fn since(&self) -> Option<SystemTime> {
        lock(&self.switch).since.map(|(_, time)| time)
    }

    /// Requests, or events by time, that touched it since the process started.
    pub fn touched(&self) -> u64 {
        self.touched.load(Ordering::Relaxed)
    }

    /// Those that should have, but of which nothing could be kept.
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Things it keeps.
    pub fn count(&self) -> usize {
        self.pattern.count()
    }

    /// Bytes it holds, containers included, as they were handed out, by the program's allocator
    /// and by others.
    pub fn held_bytes(&self) -> u64 {
        self.account.held_bytes() + self.outside().bytes
    }

    /// What it holds that did not come from the program's allocator.
    pub fn outside(&self) -> Outside {
        // Most patterns hold nothing else; they need not be asked, and take no lock to answer.
        let only_heap = self.facts.takes.iter().all(|resource| *resource == Resource::Heap);
        if only_heap { Outside::default() } else { self.pattern.outside() }
    }

    /// How much of each of a detector's signals it holds, by the signals' names in traces, in
    /// their units.
    pub fn signals(&self) -> Vec<(&'static str, u64)> {
        let (heap_bytes, outside) = (self.account.held_bytes(), self.outside());
        let is_file = self.facts.takes.contains(&Resource::FileMemory);
        let file_bytes = if is_file { outside.bytes } else { 0 };
        let rss_bytes = heap_bytes + outside.bytes;
        let memory = [
            ("heap_bytes", heap_bytes),
            ("rss_anon_bytes", rss_bytes - file_bytes),
            ("rss_bytes", rss_bytes),
        ];
        let counted = self.facts.takes.iter().filter_map(|resource| {
            resource.signal().map(|signal| (signal, outside.count(*resource)))
        });
        memory.into_iter().chain(counted).collect()
    }

    /// Bytes per thing kept, on average; `None` while it keeps nothing.
    pub fn measured_bytes_per_request(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.held_bytes() as f64 / count as f64)
    }

    /// Things it dropped to make room, if it is a pattern that does that.
    pub fn evictions(&self) -> Option<u64> {
        self.pattern.evictions()
    }

    /// Metrics of its own, for a scrape.
    pub fn families(&self) -> Vec<MetricFamily> {
        self.pattern.families()
    }

    /// Applies a change whose values are within their ranges, if the controls hold together
    /// then; it takes effect from now on.
    pub fn apply(&self, change: &Change) -> Result<(), Vec<Fault>> {
        let _applying = lock(&self.applying);
        let mut switch = lock(&self.switch);
        let controls = switch.controls.changed(change)?;
        switch.change_to(controls);
        switch.set_parameters(&change.parameters);
        self.enabled.store(controls.enabled, Ordering::Relaxed);
        drop(switch);
        if !controls.enabled {
            // What the clock has begun is over in a moment, and nothing begins after that.
            drop(lock(&self.by_clock));
        }
        self.account.measure(|| {
            change.parameters.iter().for_each(|(name, value)| self.pattern.set(name, *value));
            self.pattern.settings_changed();
        });
        self.book_outside();
        Ok(())
    }

    /// Drops everything it keeps.
    pub fn clear(&self) -> Result<Cleared, NotCleared> {
        if let Some(reason) = self.facts.unclearable
            && self.count() > 0
        {
            return Err(NotCleared { name: self.facts.name, reason });
        }
        let before = self.held_bytes();
        let (count, net_bytes) = self.account.measure(|| self.pattern.clear());
        self.book_outside();
        // What other threads were told to end is freed in a moment.
        wait_until(FREEING, || self.held_bytes() == 0 || self.count() > 0);
        // Blocks may be freed by another thread, and requests may keep more meanwhile: each
        // reading sees at least its part.
        let seen_gone = before.saturating_sub(self.held_bytes());
        Ok(Cleared { count, freed_bytes: u64::try_from(-net_bytes).unwrap_or(0).max(seen_gone) })
    }

    /// Whether it would keep more if a limit let it.
    pub fn is_capped(&self) -> bool {
        let controls = self.controls();
        controls.enabled && self.room.is_full(self.per_event(&controls), controls.patched)
    }

    /// What an event under these controls adds at most.
    fn per_event(&self, controls: &Controls) -> Amounts {
        let amounts = Amounts::of(&self.facts.per_event.unwrap_or(Outside::NOTHING));
        let takes_memory = self.facts.takes.iter().any(|resource| !resource.is_counted());
        let has_size = self.facts.per_event.is_some_and(|outside| outside.bytes > 0);
        if has_size || !takes_memory {
            return amounts;
        }
        let bytes = controls.bytes_per_request as u64;
        // What is mapped comes in whole pages.
        let mapped = [Resource::Mappings, Resource::FileMemory];
        let is_mapped = self.facts.takes.iter().any(|resource| mapped.contains(resource));
        let bytes = if is_mapped { bytes.next_multiple_of(page_size() as u64) } else { bytes };
        amounts.with_bytes(bytes)
    }

    /// Tells the room what is held outside of the allocator. One at a time: a figure that was read
    /// earlier must not replace a later one.
    fn book_outside(&self) {
        if !self.facts.takes.iter().any(|resource| resource.is_outside()) {
            return;
        }
        let mut booked = lock(&self.outside);
        let now = Amounts::of(&self.pattern.outside());
        self.room.book_outside(*booked, now);
        *booked = now;
    }
}
