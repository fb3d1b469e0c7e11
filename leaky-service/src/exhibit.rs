//! One pattern on show: its controls, its account, and what it has been through.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use prometheus::proto::MetricFamily;

use crate::controls::{Change, Controls, Fault};
use crate::dose::Dose;
use crate::ending::wait_until;
use crate::pattern::{End, Event, Facts, Parameter, Pattern, Role, Tick, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};
use crate::tracker::{Account, NoAccountLeft};

/// Time that other threads have to free what a clear told them to.
const FREEING: Duration = Duration::from_millis(100);

/// One pattern on show.
pub struct Exhibit {
    facts: &'static Facts,
    names: Names,
    /// What the switch says, readable without its lock.
    enabled: AtomicBool,
    switch: Mutex<Switch>,
    /// One change at a time, or the pattern could be told of two in the wrong order.
    applying: Mutex<()>,
    touched: AtomicU64,
    failed: AtomicU64,
    // Before the account, so that what it holds is freed and booked before the account closes.
    pattern: Box<dyn Pattern>,
    account: Account,
}

/// What outsiders call a pattern's figures: as the contract has it, or by rule.
#[derive(Clone, Debug)]
pub struct Names {
    /// What the status calls the number of things kept.
    pub count_field: &'static str,
    /// What `clear` calls the number of things it dropped.
    pub removed_field: &'static str,
    /// The same when everything is cleared.
    pub removed_field_in_all: String,
    /// The gauge with the number of things kept.
    pub count_gauge: String,
    /// The gauge with the bytes held.
    pub bytes_gauge: String,
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

struct Switch {
    controls: Controls,
    parameters: Vec<(&'static str, u64)>,
    /// When it was last enabled, by both clocks.
    since: Option<(Instant, SystemTime)>,
    dose: Dose,
}

impl Names {
    fn of(facts: &Facts) -> Self {
        let name = facts.name;
        let Some(contract) = &facts.contract else {
            let prefix = if facts.role == Role::Leak { "leak_" } else { "" };
            return Self {
                count_field: "entries",
                removed_field: "entries_removed",
                removed_field_in_all: format!("{name}_entries_removed"),
                count_gauge: format!("{prefix}{name}_entries"),
                bytes_gauge: format!("{prefix}{name}_held_bytes"),
            };
        };
        Self {
            count_field: contract.count_field,
            removed_field: contract.removed_field,
            removed_field_in_all: contract.removed_field_in_all.to_owned(),
            count_gauge: contract.count_gauge.to_owned(),
            bytes_gauge: contract.bytes_gauge.to_owned(),
        }
    }
}

impl Switch {
    /// Time since the pattern was enabled; zero while it is off.
    fn elapsed(&self, now: Instant) -> Duration {
        let since = self.since.filter(|_| self.controls.enabled);
        since.map_or(Duration::ZERO, |(since, _)| now.saturating_duration_since(since))
    }

    fn fraction(&self, now: Instant) -> f64 {
        if !self.controls.enabled {
            return 0.0;
        }
        self.controls.schedule.fraction(self.elapsed(now))
    }

    fn change_to(&mut self, controls: Controls) {
        let before = std::mem::replace(&mut self.controls, controls);
        let now = Instant::now();
        if controls.enabled && !before.enabled {
            self.since = Some((now, SystemTime::now()));
            self.dose = Dose::default();
        } else if !controls.has_dose_of(&before) {
            self.dose.restart(self.elapsed(now));
        }
    }
}

impl Exhibit {
    /// Puts a pattern on show, switched off.
    pub fn new(facts: &'static Facts, bytes_per_request: usize) -> Result<Self, NoAccountLeft> {
        let default = |parameter: &Parameter| (parameter.name, parameter.default);
        let parameters: Vec<_> = facts.parameters.iter().map(default).collect();
        let (pattern, account) = ((facts.new)(), Account::open()?);
        account.measure(|| parameters.iter().for_each(|(name, value)| pattern.set(name, *value)));
        let controls = Controls::off(bytes_per_request);
        let dose = Dose::default();
        Ok(Self {
            facts,
            names: Names::of(facts),
            enabled: AtomicBool::new(false),
            switch: Mutex::new(Switch { controls, parameters, since: None, dose }),
            applying: Mutex::new(()),
            touched: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            pattern,
            account,
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
        for (name, value) in &mut switch.parameters {
            let changed = change.parameters.iter().rev().find(|(changed, _)| changed == name);
            *value = changed.map_or(*value, |(_, value)| *value);
        }
        self.enabled.store(controls.enabled, Ordering::Relaxed);
        drop(switch);
        self.account.measure(|| {
            change.parameters.iter().for_each(|(name, value)| self.pattern.set(name, *value));
            self.pattern.settings_changed();
        });
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
        // What other threads were told to end is freed in a moment.
        wait_until(FREEING, || self.held_bytes() == 0 || self.count() > 0);
        // Blocks may be freed by another thread, and requests may keep more meanwhile: each
        // reading sees at least its part.
        let seen_gone = before.saturating_sub(self.held_bytes());
        Ok(Cleared { count, freed_bytes: u64::try_from(-net_bytes).unwrap_or(0).max(seen_gone) })
    }

    /// The controls under which a request is to touch it, if it is.
    pub(crate) fn takes(&self, event: &Event<'_>) -> Option<Controls> {
        if !self.is_enabled() {
            return None;
        }
        let mut switch = lock(&self.switch);
        let controls = switch.controls;
        let elsewhere = controls.endpoint.is_some_and(|endpoint| Some(endpoint) != event.endpoint);
        if !controls.enabled || controls.per_second.is_some() || elsewhere {
            return None;
        }
        let share = controls.share * switch.fraction(Instant::now());
        switch.dose.takes_request(share).then_some(controls)
    }

    /// Events by time that are due, and the controls under which they are.
    pub(crate) fn due(&self, now: Instant) -> Option<(u64, Controls)> {
        if !self.is_enabled() {
            return None;
        }
        let switch = lock(&self.switch);
        let controls = switch.controls;
        let per_second = controls.per_second.filter(|_| controls.enabled)?;
        let due = switch.dose.due(per_second, &controls.schedule, switch.elapsed(now));
        (due > 0).then_some((due, controls))
    }

    /// Takes note of events by time that were given or passed over, if they still count.
    pub(crate) fn give(&self, events: u64, under: &Controls) {
        let mut switch = lock(&self.switch);
        if switch.controls.enabled && switch.controls.has_dose_of(under) {
            switch.dose.give(events);
        }
    }

    /// Lets the pattern keep of an event what it keeps; whether it did.
    pub(crate) fn touch(&self, event: &Event<'_>, controls: &Controls) -> bool {
        let keep = || -> io::Result<()> {
            let budget = Budget::begin(controls.bytes_per_request);
            if controls.patched {
                self.pattern.touch_patched(event, &budget)
            } else {
                self.pattern.touch(event, &budget)
            }
        };
        let kept = self.account.measure(keep).0;
        let counter = if kept.is_ok() { &self.touched } else { &self.failed };
        if let (Err(error), 0) = (&kept, counter.fetch_add(1, Ordering::Relaxed)) {
            // Said once; the status goes on counting.
            eprintln!("{} could keep nothing of an event: {error}", self.facts.name);
        }
        kept.is_ok()
    }

    /// Tells the pattern that an event which touched it is over.
    pub(crate) fn ended(&self, id: u64, end: End) {
        let patched = self.controls().patched;
        self.account.measure(|| self.pattern.ended(id, end, patched));
    }

    /// Tells the pattern the time.
    pub(crate) fn tick(&self, now: Instant, room_bytes: u64) {
        let switch = lock(&self.switch);
        let tick = Tick {
            now,
            enabled: switch.controls.enabled,
            patched: switch.controls.patched,
            elapsed: switch.elapsed(now),
            fraction: switch.fraction(now),
            bytes_per_request: switch.controls.bytes_per_request,
            room_bytes,
        };
        drop(switch);
        self.account.measure(|| self.pattern.tick(&tick));
    }
}
