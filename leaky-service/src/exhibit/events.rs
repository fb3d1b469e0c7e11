//! What happens to a pattern on show: requests, events by time, their ends, and the ticks of the clock.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Exhibit;
use crate::controls::Controls;
use crate::pattern::{End, Event, Tick, lock};
use crate::payload::Budget;

/// How an event by time went.
pub(crate) enum Job {
    /// It is over, whether or not anything could be kept of it.
    Done,
    /// A limit did not let it happen.
    NoRoom,
    /// It is not to happen any more: the controls have changed.
    Changed,
}

impl Exhibit {
    /// The controls under which a request is to touch it, if it is.
    pub(crate) fn takes(&self, event: &Event<'_>) -> Option<Controls> {
        if !self.is_enabled() || self.facts.per_event.is_none() {
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

    /// Lets the pattern keep of an event what it keeps, if there is room; whether it did.
    pub(crate) fn touch(&self, event: &Event<'_>, controls: &Controls) -> bool {
        // Lasts until what the event adds is in the books.
        let reserved = self.room.reserve(self.per_event(controls), controls.patched);
        reserved.is_some() && self.keep(event, controls)
    }

    /// Lets the pattern have an event by time, if the controls are still those under which it is
    /// due.
    pub(crate) fn run_job(&self, event: &Event<'_>, under: &Controls) -> Job {
        let _waited_for = lock(&self.by_clock);
        if self.controls() != *under {
            return Job::Changed;
        }
        let Some(_reserved) = self.room.reserve(self.per_event(under), under.patched) else {
            return Job::NoRoom;
        };
        if self.keep(event, under) {
            self.ended(event.id, End::Answered);
        }
        Job::Done
    }

    /// Tells the pattern that an event which touched it is over.
    pub(crate) fn ended(&self, id: u64, end: End) {
        let patched = self.controls().patched;
        self.account.measure(|| self.pattern.ended(id, end, patched));
        self.book_outside();
    }

    /// Tells the pattern the time.
    pub(crate) fn tick(&self, now: Instant) {
        let _waited_for = lock(&self.by_clock);
        let switch = lock(&self.switch);
        let tick = Tick {
            now,
            enabled: switch.controls.enabled,
            switch: &self.enabled,
            elapsed: switch.elapsed(now),
            fraction: switch.fraction(now),
            bytes_per_request: switch.controls.bytes_per_request,
            room: &self.room,
            until_booked: RefCell::default(),
        };
        drop(switch);
        self.account.measure(|| self.pattern.tick(&tick));
        self.book_outside();
    }

    fn keep(&self, event: &Event<'_>, controls: &Controls) -> bool {
        let keep = || -> io::Result<()> {
            let budget = Budget::begin(controls.bytes_per_request);
            if controls.patched {
                self.pattern.touch_patched(event, &budget)
            } else {
                self.pattern.touch(event, &budget)
            }
        };
        let kept = self.account.measure(keep).0;
        self.book_outside();
        let counter = if kept.is_ok() { &self.touched } else { &self.failed };
        if let (Err(error), 0) = (&kept, counter.fetch_add(1, Ordering::Relaxed)) {
            // Said once; the status goes on counting.
            crate::say(format_args!("{} could keep nothing of an event: {error}", self.facts.name));
        }
        kept.is_ok()
    }
}
