//! Tells receivers what happened: a thread for each takes what waits for it in the database, and
//! tries until it is told.
//!
//! What was told is taken out afterwards, so that a kill in between tells it a second time: the
//! key that goes with each event is the same then, and the receiver can know it.

mod alertmanager;
mod post;
mod webhook;

use std::collections::BTreeSet;
use std::thread;
use std::time::Duration;

use super::settings::{Receiver, ReceiverKind};
use super::shared::Shared;
use super::stop::Stop;
use super::store::{Entry, StoreError};
use super::voice::narrate;
use crate::cli::chain;
use post::{Post, PostError};

/// How often the database is asked for what waits.
const ASKED_EVERY: Duration = Duration::from_secs(1);

/// Most events that are taken at once.
const MOST_AT_ONCE: usize = 100;

/// The first wait after a failure; it doubles up to the longest, and is cut by chance to no less
/// than half, so that many do not come back at once.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What carries a message to a receiver.
trait Carrier {
    /// Sends `body` to the address followed by `path`; `key` is the same if it is sent again.
    fn send(&self, path: &str, body: &str, key: Option<&str>) -> Result<(), PostError>;
}

/// A thread that tells one receiver.
#[derive(Debug)]
pub struct Teller {
    stop: Stop,
    thread: thread::JoinHandle<()>,
}

impl Teller {
    /// Begins to tell.
    pub fn start(receiver: Receiver, shared: Shared) -> std::io::Result<Self> {
        let stop = Stop::default();
        let told = stop.clone();
        let builder = thread::Builder::new().name("tell".to_owned());
        let thread = builder.spawn(move || {
            match Post::new(&receiver) {
                Ok(post) => Telling::new(receiver, shared, post).go_on(&told),
                // Checked with the configuration; the environment does not change afterwards.
                Err(error) => narrate!("{}: {}", receiver.name, chain(&error)),
            }
        })?;
        Ok(Self { stop, thread })
    }

    /// Tells no more, once what is being told is told.
    pub fn end(self) {
        self.stop.tell();
        let _ = self.thread.join();
    }
}

/// Whether a receiver can be told at all, as far as that shows before.
pub fn check(receiver: &Receiver) -> Result<(), PostError> {
    Post::new(receiver).map(|_| ())
}

/// Time comes in as data, so that an hour can be told in a test.
struct Telling<C> {
    receiver: Receiver,
    shared: Shared,
    carrier: C,
    /// Told, and still to be taken out of the database.
    told: BTreeSet<i64>,
    failures: u32,
    /// When all open alerts were told last, in Unix seconds.
    repeated_seconds: Option<f64>,
}

impl<C: Carrier> Telling<C> {
    fn new(receiver: Receiver, shared: Shared, carrier: C) -> Self {
        let (told, failures, repeated_seconds) = (BTreeSet::new(), 0, None);
        Self { receiver, shared, carrier, told, failures, repeated_seconds }
    }

    fn go_on(mut self, stop: &Stop) {
        let mut wait = Duration::ZERO;
        while !stop.wait(wait) {
            wait = self.turn(self.shared.clock.now_seconds(), rand::random());
        }
    }

    /// Tells what can be told now; how long to wait before the next time. `chance` is from 0 to 1.
    fn turn(&mut self, now_seconds: f64, chance: f64) -> Duration {
        if let Ok(all) = self.tell(now_seconds) {
            self.failures = 0;
            return if all { ASKED_EVERY } else { Duration::ZERO };
        }
        self.failures = self.failures.saturating_add(1);
        wait_after(self.failures, chance)
    }

    /// Tells what waits; true if nothing is left.
    fn tell(&mut self, now_seconds: f64) -> Result<bool, ()> {
        let name = self.receiver.name.clone();
        let waiting = self.shared.shelf.with(|store| store.waiting(&name, MOST_AT_ONCE));
        // What is wrong with the database stands in its health.
        let mut waiting = waiting.unwrap_or_default();
        waiting.retain(|entry| !self.told.contains(&entry.id));
        let all = waiting.len() < MOST_AT_ONCE;
        match self.receiver.kind.clone() {
            ReceiverKind::Alertmanager => self.tell_alertmanager(&waiting, now_seconds)?,
            ReceiverKind::Webhook(templates) => {
                for entry in &waiting {
                    let key = self.key(entry)?;
                    let body = webhook::body(&templates, entry, &key);
                    self.send(std::slice::from_ref(entry), &body, Some(&key))?;
                }
            }
        }
        self.take_out();
        Ok(all)
    }

    /// Alertmanager is told how things stand, not what happened: the latest of each incident is
    /// enough. What is open is told again before Alertmanager takes it for resolved.
    fn tell_alertmanager(&mut self, waiting: &[Entry], now_seconds: f64) -> Result<(), ()> {
        if !waiting.is_empty() {
            let body = alertmanager::of_events(waiting, now_seconds);
            self.send(waiting, &body, None)?;
        }
        let every_seconds = alertmanager::REPEATED_EVERY.as_secs_f64();
        if self.repeated_seconds.is_none_or(|before| now_seconds - before >= every_seconds) {
            let open = self.shared.shelf.with(|store| store.open_incidents()).map_err(|_| ())?;
            for some in open.chunks(MOST_AT_ONCE) {
                self.send(&[], &alertmanager::of_open(some, now_seconds), None)?;
            }
            self.repeated_seconds = Some(now_seconds);
        }
        Ok(())
    }

    fn send(&mut self, entries: &[Entry], body: &str, key: Option<&str>) -> Result<(), ()> {
        let name = self.receiver.name.clone();
        let sent = match &self.receiver.kind {
            ReceiverKind::Alertmanager => self.carrier.send(alertmanager::PATH, body, key),
            ReceiverKind::Webhook(_) => self.carrier.send("", body, key),
        };
        match sent {
            Ok(()) => {
                if self.failures > 0 {
                    narrate!("{name}: told again after {} failures", self.failures);
                    self.failures = 0;
                }
                self.shared.count_notifications(&name, "delivered", entries.len());
            }
            Err(error) if error.is_final() => {
                narrate!("{name}: {}; not told again", chain(&error));
                self.shared.count_notifications(&name, "refused", entries.len());
            }
            Err(error) => {
                if self.failures == 0 {
                    narrate!("{name}: {}; tried again until it is told", chain(&error));
                }
                self.shared.count_notifications(&name, "failed", entries.len().max(1));
                let ids: Vec<i64> = entries.iter().map(|entry| entry.id).collect();
                let _ = self.shared.shelf.with(|store| store.tried(&ids));
                self.take_out();
                return Err(());
            }
        }
        self.told.extend(entries.iter().map(|entry| entry.id));
        Ok(())
    }

    fn take_out(&mut self) {
        let ids: Vec<i64> = self.told.iter().copied().collect();
        if !ids.is_empty() && self.shared.shelf.with(|store| store.done(&ids)).is_ok() {
            self.told.clear();
        }
    }

    fn key(&self, entry: &Entry) -> Result<String, ()> {
        let installation = self
            .shared
            .shelf
            .with(|store| Ok::<_, StoreError>(store.installation().to_owned()))
            .map_err(|_| ())?;
        Ok(format!("{installation}-{}", entry.event))
    }
}

/// `chance` is from 0 to 1.
fn wait_after(failures: u32, chance: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(0.5 + chance / 2.0)
}

#[cfg(test)]
mod tests;
