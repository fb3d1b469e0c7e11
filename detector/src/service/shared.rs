//! What all threads of a watch know of it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::clock::Clock;
use super::incident::Happened;
use super::shelf::Shelf;
use super::status::Status;

/// Clones are the same one.
#[derive(Clone, Debug)]
pub struct Shared {
    /// The time.
    pub clock: Clock,
    /// The database.
    pub shelf: Shelf,
    facts: Arc<Mutex<Facts>>,
}

/// What changes while it runs.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The targets, by name.
    pub statuses: BTreeMap<String, Status>,
    /// The inspections that are made, by name.
    pub inspected: Vec<String>,
    /// Who is told, by name.
    pub receivers: Vec<String>,
    /// How long ended incidents are kept.
    pub retention: Duration,
    /// Reports that wait for the database.
    pub pending: usize,
    /// What happened to incidents since the start, by its name.
    pub happened: BTreeMap<&'static str, u64>,
    /// Notifications since the start, by receiver and result.
    pub notifications: BTreeMap<(String, &'static str), u64>,
    /// Inspections since the start, by name and result.
    pub inspections: BTreeMap<(String, &'static str), u64>,
    /// When the configuration was last read with success, in Unix seconds.
    pub configured_seconds: f64,
    /// Why the configuration that was read last was refused, if it was.
    pub refused: Option<String>,
    /// How often one was refused.
    pub refusals: u64,
}

impl Shared {
    /// Before anything is known.
    pub fn new(clock: Clock, shelf: Shelf) -> Self {
        Self { clock, shelf, facts: Arc::default() }
    }

    /// All that changes, to read or to write for a moment.
    pub fn facts(&self) -> MutexGuard<'_, Facts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How each target stands.
    pub fn statuses(&self) -> Vec<Status> {
        self.facts().statuses.values().cloned().collect()
    }

    /// How one stands.
    pub fn status(&self, target: &str) -> Option<Status> {
        self.facts().statuses.get(target).cloned()
    }

    /// Who is told.
    pub fn receivers(&self) -> Vec<String> {
        self.facts().receivers.clone()
    }

    /// How long ended incidents are kept.
    pub fn retention(&self) -> Duration {
        self.facts().retention
    }

    /// So many reports wait for the database.
    pub fn set_pending(&self, pending: usize) {
        self.facts().pending = pending;
    }

    /// Something happened to an incident.
    pub fn count(&self, happened: Happened) {
        *self.facts().happened.entry(happened.name()).or_default() += 1;
    }

    /// Notifications were delivered, or not.
    pub fn count_notifications(&self, receiver: &str, result: &'static str, count: usize) {
        let key = (receiver.to_owned(), result);
        *self.facts().notifications.entry(key).or_default() += count as u64;
    }
}
