//! Keeps the incidents: every report becomes what it changes, in the database, in order.
//!
//! While the database cannot be written, reports wait here. Now and then all that is known of the
//! targets is compared with what is open, so that nothing hangs on a report that was lost.

use std::collections::VecDeque;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::incident::{Figures, Incident, Kind, News, Report, step};
use super::shared::Shared;
use super::store::{Store, StoreError};
use super::voice::narrate;
use crate::Signal;

/// How often what is open is compared with what is known.
const COMPARED_EVERY: Duration = Duration::from_secs(5);

/// How often what waits is tried again.
const TRIED_EVERY: Duration = Duration::from_secs(1);

/// How often what is old is forgotten.
const TIDIED_EVERY: Duration = Duration::from_mins(10);

/// Most reports that wait for the database. Beyond that the latest are dropped: if they still
/// hold, they are told again when all is compared.
const MOST_PENDING: usize = 10_000;

/// The one thread that changes incidents.
#[derive(Debug)]
pub struct Keeper {
    shared: Shared,
    pending: VecDeque<Report>,
    /// When something could not be written, last.
    failed: Option<Instant>,
}

impl Keeper {
    /// One with nothing to do.
    pub fn new(shared: Shared) -> Self {
        Self { shared, pending: VecDeque::new(), failed: None }
    }

    /// Keeps until nobody reports any more.
    pub fn keep(mut self, reports: &Receiver<Report>) {
        let (mut compared, mut tidied) = (Instant::now(), None::<Instant>);
        loop {
            match reports.recv_timeout(TRIED_EVERY) {
                Ok(report) => self.take(report),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            self.write();
            if compared.elapsed() >= COMPARED_EVERY && self.pending.is_empty() {
                compared = Instant::now();
                self.compare();
                self.write();
            }
            if tidied.is_none_or(|tidied| tidied.elapsed() >= TIDIED_EVERY) {
                tidied = Some(Instant::now());
                self.tidy();
            }
        }
        // What cannot be written now is lost, which its trouble says.
        let _ = self.write_all();
    }

    fn take(&mut self, report: Report) {
        if self.pending.len() < MOST_PENDING {
            self.pending.push_back(report);
        }
        self.shared.set_pending(self.pending.len());
    }

    /// Writes what waits, as far as the database lets it; after a failure not at every report, so that others get at it.
    fn write(&mut self) {
        if self.failed.is_some_and(|failed| failed.elapsed() < TRIED_EVERY) {
            return;
        }
        self.failed = self.write_all().err().map(|_| Instant::now());
        self.shared.set_pending(self.pending.len());
    }

    fn write_all(&mut self) -> Result<(), StoreError> {
        while let Some(report) = self.pending.front() {
            self.commit(report)?;
            self.pending.pop_front();
        }
        let health = self.shared.shelf.health();
        if health.trouble.is_some() && !health.in_memory {
            self.shared.shelf.with(Store::touch)?;
        }
        Ok(())
    }

    fn commit(&self, report: &Report) -> Result<(), StoreError> {
        let receivers = self.shared.receivers();
        let committed = self.shared.shelf.with(|store| {
            let latest = store.latest(&report.about)?;
            let Some((incident, happened)) = step(latest.as_ref(), report) else {
                return Ok(None);
            };
            let id = store.commit(&incident, happened, report.at_seconds, &receivers)?;
            Ok(Some((Incident { id, ..incident }, happened)))
        })?;
        if let Some((incident, happened)) = committed {
            let about = &incident.about;
            let (id, what) = (incident.id, happened.name());
            narrate!(
                "incident {id} {what}: {} {}: {}",
                about.target,
                about.subject,
                incident.reason
            );
            self.shared.count(happened);
        }
        Ok(())
    }

    /// Reports of everything that is open or leaks, as it is known now.
    fn compare(&mut self) {
        let Ok(open) = self.shared.shelf.with(|store| store.open_incidents()) else {
            return;
        };
        let at_seconds = self.shared.clock.now_seconds();
        for incident in &open {
            self.reports_of(incident, at_seconds).into_iter().for_each(|report| self.take(report));
        }
        for status in self.shared.statuses() {
            let standing = status.lock();
            let reports = standing.signals.keys().filter_map(|s| standing.report(*s, at_seconds));
            let leaking: Vec<_> = reports.filter(|report| report.news == News::Leaking).collect();
            drop(standing);
            for report in leaking {
                if !open.iter().any(|incident| incident.about == report.about) {
                    self.take(report);
                }
            }
        }
    }

    fn reports_of(&self, incident: &Incident, at_seconds: f64) -> Vec<Report> {
        let about = &incident.about;
        if about.kind == Kind::Inspection {
            let is_made = self.shared.facts().inspected.contains(&about.target);
            return if is_made { Vec::new() } else { vec![unwatched(incident, at_seconds)] };
        }
        let Some(status) = self.shared.status(&about.target) else {
            return vec![unwatched(incident, at_seconds)];
        };
        let standing = status.lock();
        match Signal::from_str(&about.subject) {
            Ok(signal) if about.kind == Kind::Leak => {
                // Nothing is said of a run before it is seen.
                if standing.last_success_seconds.is_none() {
                    return Vec::new();
                }
                let anew = standing.run_start_seconds;
                let anew = anew.map(|_| standing.report_as(signal, News::Restarted, at_seconds));
                anew.into_iter().chain(standing.report(signal, at_seconds)).collect()
            }
            _ => match standing.rules.get(&about.subject) {
                None => vec![unwatched(incident, at_seconds)],
                Some(rule) if rule.over => vec![Report {
                    news: News::Recovered,
                    reason: "no longer so since the watch began anew".to_owned(),
                    ..unwatched(incident, at_seconds)
                }],
                Some(_) => Vec::new(),
            },
        }
    }

    fn tidy(&self) {
        let before = self.shared.clock.now_seconds() - self.shared.retention().as_secs_f64();
        let receivers = self.shared.receivers();
        let tidied = self.shared.shelf.with(|store| {
            store.forget(before)?;
            store.trim(&receivers)
        });
        // What is wrong with the database stands in its health.
        if let Ok(dropped @ 1..) = tidied {
            narrate!("{dropped} notifications dropped: their receivers were away too long");
        }
    }
}

fn unwatched(incident: &Incident, at_seconds: f64) -> Report {
    Report {
        about: incident.about.clone(),
        news: News::Unwatched,
        at_seconds,
        evidence_since_seconds: at_seconds,
        run_start_seconds: None,
        onset_seconds: None,
        severity: "notice",
        figures: Figures::default(),
        reason: "no longer in the configuration".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::clock::Clock;
    use crate::service::incident::Topic;
    use crate::service::incident::tests::report;
    use crate::service::shelf::Shelf;
    use crate::service::status::{Ruled, Status};

    #[test]
    fn a_rule_that_fired_before_the_watch_began_goes_on_until_a_look_says_that_it_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = Shared::new(Clock::start(), Shelf::open(folder.path().join("detector.db")));
        let about =
            Topic { target: "api".to_owned(), kind: Kind::Rule, subject: "TooMuch".to_owned() };
        let status = Status::new("api".to_owned(), "a page".to_owned(), 60.0, 0.0);
        shared.facts().statuses.insert("api".to_owned(), status.clone());
        let mut keeper = Keeper::new(shared.clone());
        keeper.take(Report { about, ..report(News::Leaking, 1.0) });
        let mut open_with = |ruled: Ruled| {
            status.lock().rules.insert("TooMuch".to_owned(), ruled);
            keeper.write();
            keeper.compare();
            keeper.write();
            shared.shelf.with(|store| store.open_incidents()).expect("a database").len()
        };
        assert_eq!(open_with(Ruled::default()), 1, "nobody has looked");
        assert_eq!(open_with(Ruled { firing: true, over: false }), 1);
        assert_eq!(open_with(Ruled { firing: false, over: true }), 0);
    }
}
