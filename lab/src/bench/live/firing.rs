//! What fires, by what Alertmanager told.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

use super::webhook::Notice;

/// The most alerts that are known at a time; beyond it new ones are not taken in.
const MOST: usize = 10_000;

/// An alert that began to fire.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// Its `alertname`.
    pub name: String,
    /// When its webhook came.
    pub at: Instant,
}

/// The alerts that fire, and those that began to and nobody has looked at yet.
#[derive(Debug, Default)]
pub struct Firing {
    now: BTreeSet<String>,
    new: VecDeque<Alarm>,
    told: usize,
}

impl Firing {
    /// Takes a notice in; an alert that is told again is not a new one.
    pub fn take(&mut self, notice: Notice) {
        if !notice.is_firing {
            self.now.remove(&notice.identity);
        } else if self.now.len() < MOST && self.now.insert(notice.identity) {
            self.told += 1;
            self.new.push_back(Alarm { name: notice.name, at: notice.at });
        }
    }

    /// Whether nothing fires.
    pub fn is_silent(&self) -> bool {
        self.now.is_empty()
    }

    /// How many alerts have begun to fire so far.
    pub fn told(&self) -> usize {
        self.told
    }

    /// The first alert that nobody has looked at.
    pub fn take_first(&mut self) -> Option<Alarm> {
        self.new.pop_front()
    }

    /// Looks at none of those that have begun.
    pub fn forget(&mut self) {
        self.new.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_begins_once_however_often_it_is_told_and_ends_once() {
        let mut firing = Firing::default();
        let at = Instant::now();
        let notice = |identity: &str, is_firing| Notice {
            identity: identity.to_owned(),
            name: "A".to_owned(),
            is_firing,
            at,
        };
        firing.take(notice("x", true));
        firing.take(notice("x", true));
        assert_eq!((firing.told(), firing.is_silent()), (1, false));
        assert_eq!(firing.take_first(), Some(Alarm { name: "A".to_owned(), at }));
        assert_eq!(firing.take_first(), None);
        firing.take(notice("y", false));
        assert!(!firing.is_silent(), "another one ended");
        firing.take(notice("x", false));
        assert!(firing.is_silent());
        firing.take(notice("x", true));
        assert_eq!(firing.told(), 2, "it began anew");
        firing.forget();
        assert_eq!((firing.take_first(), firing.is_silent()), (None, false));
    }
}
