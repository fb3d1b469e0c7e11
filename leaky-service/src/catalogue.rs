//! The catalogue: every leak and decoy, and what they may hold together.
//!
//! It decides whether an event touches a pattern: only if its controls say so, and only while all
//! patterns together hold less than their limits. It never frees anything on its own account:
//! switching a leak off keeps what has leaked.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime};

use axum::http::Request;
use axum::http::request::Parts;

use crate::controls::Controls;
use crate::exhibit::{Cleared, Exhibit, NotCleared};
use crate::pattern::{End, Event, Facts};
use crate::resource::{Limits, Outside, Resource};
use crate::tracker::NoAccountLeft;
use crate::{decoy, leak};

/// All patterns, and what they may hold together.
pub struct Catalogue {
    exhibits: Vec<Exhibit>,
    limits: Limits,
    events: AtomicU64,
    /// What a job in the background has for a request.
    job: Parts,
}

/// A request on its way through the patterns that it touched; dropped without
/// [`answered`](Self::answered), it was aborted.
pub struct Visit {
    catalogue: Arc<Catalogue>,
    id: u64,
    /// The indices of the patterns touched, as bits.
    touched: u64,
}

/// A visit has a bit for each pattern.
const _: () = assert!(leak::ALL.len() + decoy::ALL.len() <= u64::BITS as usize);

impl Catalogue {
    /// All patterns, switched off, each entry taking `bytes_per_request`, and together at most
    /// `max_held_bytes` (`None`: no cap) and half of what the kernel grants of all else.
    pub fn new(
        bytes_per_request: usize,
        max_held_bytes: Option<u64>,
    ) -> Result<Self, NoAccountLeft> {
        let limits = Limits::read(max_held_bytes);
        Self::of(leak::ALL.iter().chain(decoy::ALL).copied(), bytes_per_request, limits)
    }

    fn of(
        facts: impl Iterator<Item = &'static Facts>,
        bytes_per_request: usize,
        limits: Limits,
    ) -> Result<Self, NoAccountLeft> {
        let exhibits = facts.map(|facts| Exhibit::new(facts, bytes_per_request));
        Ok(Self {
            exhibits: exhibits.collect::<Result<_, _>>()?,
            limits,
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
        let mut visit = Visit { catalogue: Arc::clone(self), id: event.id, touched: 0 };
        for (index, exhibit) in self.exhibits.iter().enumerate() {
            let touches = exhibit.takes(event).is_some_and(|controls| {
                !self.is_full(exhibit, &controls) && exhibit.touch(event, &controls)
            });
            visit.touched |= u64::from(touches) << index;
        }
        visit
    }

    /// Gives each pattern that grows with time the events that are due, at most `most` of them;
    /// whether more are left to give. What is due at a limit is passed over.
    pub fn give_due(&self, now: Instant, most: u64) -> bool {
        let mut more = false;
        for exhibit in &self.exhibits {
            let Some((due, controls)) = exhibit.due(now) else { continue };
            let kept = (0..due.min(most)).take_while(|_| self.run_job(exhibit, &controls)).count();
            let given = if (kept as u64) < due.min(most) { due } else { kept as u64 };
            exhibit.give(given, &controls);
            more |= given < due;
        }
        more
    }

    /// Tells every pattern the time.
    pub fn tick(&self, now: Instant) {
        for exhibit in &self.exhibits {
            exhibit.tick(now, self.room_bytes());
        }
    }

    /// Drops everything that can be dropped, in the order of [`exhibits`](Self::exhibits).
    pub fn clear_all(&self) -> Vec<(&Exhibit, Result<Cleared, NotCleared>)> {
        self.exhibits.iter().map(|exhibit| (exhibit, exhibit.clear())).collect()
    }

    /// Bytes that all patterns hold together, wherever they came from.
    pub fn held_bytes(&self) -> u64 {
        self.exhibits.iter().map(Exhibit::held_bytes).sum()
    }

    /// What all patterns together hold that did not come from the program's allocator.
    pub fn outside(&self) -> Outside {
        self.exhibits.iter().map(Exhibit::outside).sum()
    }

    /// What they may hold together.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether an exhibit would keep more if a limit let it.
    pub fn is_capped(&self, exhibit: &Exhibit) -> bool {
        let controls = exhibit.controls();
        controls.enabled && self.is_full(exhibit, &controls)
    }

    /// One event by time; whether a limit let it happen.
    fn run_job(&self, exhibit: &Exhibit, controls: &Controls) -> bool {
        if self.is_full(exhibit, controls) {
            return false;
        }
        let (id, received) = (self.next_id(), SystemTime::now());
        let event = Event { id, received, parts: &self.job, endpoint: None };
        if exhibit.touch(&event, controls) {
            exhibit.ended(id, End::Answered);
        }
        true
    }

    fn is_full(&self, exhibit: &Exhibit, controls: &Controls) -> bool {
        let takes = exhibit.facts().takes;
        let takes_memory = takes.iter().any(|resource| !resource.is_counted());
        let takes_other = takes.iter().any(|resource| resource.is_counted());
        (takes_memory && self.room_bytes() < controls.bytes_per_request as u64)
            || (takes_other && self.has_reached_any(takes))
    }

    fn has_reached_any(&self, takes: &[Resource]) -> bool {
        let held = self.outside();
        takes.iter().any(|resource| self.limits.is_reached(*resource, &held))
    }

    fn room_bytes(&self) -> u64 {
        let cap = self.limits.max_held_bytes;
        cap.map_or(u64::MAX, |cap| cap.saturating_sub(self.held_bytes()))
    }
}

impl Visit {
    /// The patterns that the request touched.
    pub fn touched(&self) -> impl Iterator<Item = &'static Facts> {
        self.exhibits().map(Exhibit::facts)
    }

    /// The handler has run to its end.
    pub fn answered(mut self) {
        self.end(End::Answered);
    }

    fn end(&mut self, end: End) {
        self.exhibits().for_each(|exhibit| exhibit.ended(self.id, end));
        self.touched = 0;
    }

    fn exhibits(&self) -> impl Iterator<Item = &Exhibit> {
        let touched = |index: usize| self.touched >> index & 1 == 1;
        let exhibits = self.catalogue.exhibits.iter().enumerate();
        exhibits.filter(move |(index, _)| touched(*index)).map(|(_, exhibit)| exhibit)
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.end(End::Aborted);
    }
}

#[cfg(test)]
#[path = "catalogue/rules.rs"]
mod rules;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::time::Duration;

    use super::*;
    use crate::controls::Change;
    use crate::endpoint::Endpoint;

    const ON: Change = Change {
        enabled: Some(true),
        patched: None,
        bytes_per_request: None,
        share: None,
        per_second: None,
        start_after: None,
        ramp: None,
        endpoint: None,
        parameters: Vec::new(),
    };

    fn touch(catalogue: &Arc<Catalogue>, endpoint: Endpoint) -> Vec<&'static str> {
        let (parts, ()) = Request::new(()).into_parts();
        let (id, received) = (catalogue.next_id(), SystemTime::now());
        let event = Event { id, received, parts: &parts, endpoint: Some(endpoint) };
        let visit = catalogue.begin(&event);
        let touched = visit.touched().map(|facts| facts.name).collect();
        visit.answered();
        touched
    }

    fn with(name: &str, change: &Change) -> Arc<Catalogue> {
        let catalogue = Arc::new(Catalogue::new(10_240, Some(1 << 20)).unwrap());
        catalogue.find(name).unwrap().apply(change).unwrap();
        catalogue
    }

    #[test]
    fn patterns_share_no_name_gauge_field_or_fill() {
        let catalogue = Catalogue::new(10_240, None).unwrap();
        let exhibits = catalogue.exhibits();
        let distinct = |values: Vec<&str>| values.into_iter().collect::<HashSet<_>>().len();
        let names = || exhibits.iter().map(Exhibit::names);
        assert_eq!(distinct(exhibits.iter().map(|e| e.facts().name).collect()), exhibits.len());
        let removed = names().map(|names| names.removed_field_in_all.as_str());
        assert_eq!(distinct(removed.collect()), exhibits.len());
        let gauges = names().flat_map(|names| [&*names.count_gauge, &*names.bytes_gauge]);
        assert_eq!(distinct(gauges.collect()), 2 * exhibits.len());
        let fills: HashSet<_> = exhibits.iter().map(|exhibit| exhibit.facts().fill).collect();
        assert_eq!(fills.len(), exhibits.len());
        assert!(!fills.contains(&0));
    }

    #[test]
    fn what_is_switched_off_is_not_touched() {
        let catalogue = with("history", &ON);
        let history = catalogue.find("history").unwrap();
        assert_eq!(touch(&catalogue, Endpoint::Data), ["history"]);
        history.apply(&Change { enabled: Some(false), ..Change::default() }).unwrap();
        assert!(touch(&catalogue, Endpoint::Data).is_empty());
        assert_eq!((history.count(), history.touched()), (1, 1), "what was kept stays");
    }

    #[test]
    fn only_the_chosen_endpoint_and_share_of_requests_touch() {
        let endpoint = Some(Some(Endpoint::Search));
        let catalogue = with("cache", &Change { endpoint, share: Some(0.25), ..ON });
        let mut touched = 0;
        for _ in 0..40 {
            assert!(touch(&catalogue, Endpoint::Data).is_empty());
            touched += touch(&catalogue, Endpoint::Search).len();
        }
        assert_eq!(touched, 10);
    }

    #[test]
    fn nothing_is_touched_before_it_is_time() {
        let catalogue = with("cache", &Change { start_after: Some(Duration::from_hours(1)), ..ON });
        assert!((0..100).all(|_| touch(&catalogue, Endpoint::Data).is_empty()));
    }

    #[test]
    fn events_by_time_are_given_in_bounded_steps_and_requests_are_not() {
        let catalogue = with("history", &Change { per_second: Some(Some(10.0)), ..ON });
        assert!(touch(&catalogue, Endpoint::Data).is_empty());
        let history = catalogue.find("history").unwrap();
        let later = Instant::now() + Duration::from_secs(2);
        assert!(catalogue.give_due(later, 15), "some are left");
        assert_eq!(history.count(), 15);
        assert!(!catalogue.give_due(later, 15));
        assert_eq!((history.count(), history.touched()), (20, 20));
        assert!(!catalogue.give_due(later, 15));
        assert_eq!(history.count(), 20);
    }
}
