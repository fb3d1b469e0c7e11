//! The catalogue: every leak and decoy with its switch, its settings and its account.
//!
//! It decides whether a request touches a pattern: only if that is enabled, and only while all
//! patterns together hold less than the safety cap. It never frees anything on its own account:
//! switching a leak off keeps what has leaked.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use crate::pattern::{Facts, Pattern, Request, Role};
use crate::payload::Budget;
use crate::tracker::{Account, NoAccountLeft};
use crate::{decoy, leak};

/// All patterns, and what they may hold together.
pub struct Catalogue {
    exhibits: Vec<Exhibit>,
    max_held_bytes: Option<u64>,
}

/// One pattern on show.
pub struct Exhibit {
    facts: &'static Facts,
    enabled: AtomicBool,
    bytes_per_request: AtomicUsize,
    requests: AtomicU64,
    // Before the account, so that what it holds is freed and booked before the account closes.
    pattern: Box<dyn Pattern>,
    account: Account,
}

/// What a clear dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleared {
    /// Entries, callbacks or records.
    pub count: usize,
    /// Bytes, as the allocator had handed them out.
    pub freed_bytes: u64,
}

/// A change of settings; `None` leaves a setting as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Change {
    /// Switches the pattern on or off.
    pub enabled: Option<bool>,
    /// What an entry takes from now on, in bytes; within [`crate::payload::BYTES_PER_REQUEST`].
    pub bytes_per_request: Option<usize>,
    /// The bound of a pattern that has one, within [`decoy::MAX_ENTRIES`].
    pub max_entries: Option<usize>,
}

impl Catalogue {
    /// All patterns, switched off, each entry taking `bytes_per_request`, and together at most
    /// `max_held_bytes` (`None`: no cap).
    pub fn new(
        bytes_per_request: usize,
        max_held_bytes: Option<u64>,
    ) -> Result<Self, NoAccountLeft> {
        let facts = leak::ALL.into_iter().chain(decoy::ALL);
        let exhibits = facts.map(|facts| Exhibit::new(facts, bytes_per_request));
        Ok(Self { exhibits: exhibits.collect::<Result<_, _>>()?, max_held_bytes })
    }

    /// Everything on show, leaks first.
    pub fn exhibits(&self) -> &[Exhibit] {
        &self.exhibits
    }

    /// The pattern of that name.
    pub fn find(&self, name: &str) -> Option<&Exhibit> {
        self.exhibits.iter().find(|exhibit| exhibit.facts.name == name)
    }

    /// Lets every enabled pattern keep what it keeps of a request; returns who did.
    pub fn touch(&self, request: &Request<'_>) -> Vec<&'static Facts> {
        let enabled = self.exhibits.iter().filter(|exhibit| exhibit.is_enabled());
        let touched = enabled.filter(|exhibit| !self.is_capped(exhibit));
        touched
            .map(|exhibit| {
                exhibit.touch(request);
                exhibit.facts
            })
            .collect()
    }

    /// Drops everything that every pattern keeps, in the order of [`exhibits`](Self::exhibits).
    pub fn clear_all(&self) -> Vec<(&'static Facts, Cleared)> {
        self.exhibits.iter().map(|exhibit| (exhibit.facts, exhibit.clear())).collect()
    }

    /// Bytes that all patterns hold together.
    pub fn held_bytes(&self) -> u64 {
        self.exhibits.iter().map(Exhibit::held_bytes).sum()
    }

    /// What they may hold together; `None` when the cap is lifted.
    pub fn max_held_bytes(&self) -> Option<u64> {
        self.max_held_bytes
    }

    /// Whether an exhibit would keep more if the cap let it.
    pub fn is_capped(&self, exhibit: &Exhibit) -> bool {
        let next = self.held_bytes() + exhibit.bytes_per_request() as u64;
        exhibit.is_enabled() && self.max_held_bytes.is_some_and(|cap| next > cap)
    }
}

impl Exhibit {
    fn new(facts: &'static Facts, bytes_per_request: usize) -> Result<Self, NoAccountLeft> {
        Ok(Self {
            facts,
            enabled: AtomicBool::new(false),
            bytes_per_request: AtomicUsize::new(bytes_per_request),
            requests: AtomicU64::new(0),
            pattern: (facts.new)(),
            account: Account::open()?,
        })
    }

    /// What is known of the pattern.
    pub fn facts(&self) -> &'static Facts {
        self.facts
    }

    /// Whether it is a leak.
    pub fn is_leak(&self) -> bool {
        self.facts.role == Role::Leak
    }

    /// Whether requests touch it.
    pub fn is_enabled(&self) -> bool {
        self.enabled.load(Ordering::Relaxed)
    }

    /// What an entry takes from now on, in bytes.
    pub fn bytes_per_request(&self) -> usize {
        self.bytes_per_request.load(Ordering::Relaxed)
    }

    /// Requests that touched it since the process started.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Things it keeps.
    pub fn count(&self) -> usize {
        self.pattern.count()
    }

    /// Bytes it holds, containers included, as the allocator handed them out.
    pub fn held_bytes(&self) -> u64 {
        self.account.held_bytes()
    }

    /// Bytes per thing kept, on average; `None` while it keeps nothing.
    pub fn measured_bytes_per_request(&self) -> Option<f64> {
        let count = self.count();
        (count > 0).then(|| self.held_bytes() as f64 / count as f64)
    }

    /// Its bound, where it has one.
    pub fn bound(&self) -> Option<&dyn crate::pattern::Bounded> {
        self.pattern.bound()
    }

    /// Applies a change whose values are within their ranges.
    pub fn apply(&self, change: &Change) {
        if let Some(bytes) = change.bytes_per_request {
            self.bytes_per_request.store(bytes, Ordering::Relaxed);
        }
        if let (Some(max_entries), Some(bound)) = (change.max_entries, self.bound()) {
            self.account.measure(|| bound.set_max_entries(max_entries));
        }
        if let Some(enabled) = change.enabled {
            self.enabled.store(enabled, Ordering::Relaxed);
        }
        self.pattern.settings_changed();
    }

    /// Drops everything it keeps.
    pub fn clear(&self) -> Cleared {
        let (count, net_bytes) = self.account.measure(|| self.pattern.clear());
        Cleared { count, freed_bytes: u64::try_from(-net_bytes).unwrap_or(0) }
    }

    fn touch(&self, request: &Request<'_>) {
        self.account.measure(|| {
            self.pattern.touch(request, &Budget::begin(self.bytes_per_request()));
        });
        self.requests.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn patterns_share_no_name_gauge_field_or_fill() {
        let facts: Vec<_> = leak::ALL.into_iter().chain(decoy::ALL).collect();
        let count = facts.len();
        let distinct = |values: Vec<&str>| values.into_iter().collect::<HashSet<_>>().len();
        assert_eq!(distinct(facts.iter().map(|facts| facts.name).collect()), count);
        assert_eq!(distinct(facts.iter().map(|facts| facts.removed_field_in_all).collect()), count);
        let gauges = facts.iter().flat_map(|facts| [facts.count_gauge, facts.bytes_gauge]);
        assert_eq!(distinct(gauges.collect()), 2 * count);
        let fills: HashSet<_> = facts.iter().map(|facts| facts.fill).collect();
        assert_eq!(fills.len(), count);
        assert!(!fills.contains(&0));
    }

    #[test]
    fn what_is_switched_off_is_not_touched() {
        let catalogue = Catalogue::new(10_240, None).unwrap();
        let (parts, ()) = axum::http::Request::new(()).into_parts();
        let received = std::time::SystemTime::now();
        let touch = |id| {
            let touched = catalogue.touch(&Request { id, received, parts: &parts });
            touched.iter().map(|facts| facts.name).collect::<Vec<_>>()
        };
        assert!(touch(1).is_empty());
        let history = catalogue.find("history").unwrap();
        history.apply(&Change { enabled: Some(true), ..Change::default() });
        assert_eq!(touch(2), ["history"]);
        history.apply(&Change { enabled: Some(false), ..Change::default() });
        assert!(touch(3).is_empty());
        assert_eq!((history.count(), history.requests()), (1, 1), "what was kept stays");
    }
}
