//! The handle on a run in progress: stop it, and read how far it is, from any thread.

use std::{
    ops::Add,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::Notify;

use crate::books::Books;

/// Stops a run and shows its counts while it goes on. Cheap to clone; clones are the same handle.
/// One handle is for one run: once stopped it stays stopped.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    reason: OnceLock<String>,
    wake: Notify,
    books: Books,
}

/// How far a run is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Arrivals that have been due so far.
    pub planned: u64,
    /// Requests sent.
    pub sent: u64,
    /// Requests answered in full, with a status below 400.
    pub completed: u64,
    /// Requests that failed, of any kind.
    pub errors: u64,
    /// Requests whose client went away before it had the reply, as the plan wanted.
    pub aborted: u64,
}

impl Control {
    /// A handle for one run.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the run politely: nothing more is sent, requests under way get half a second, and
    /// `run` returns a report of what was done.
    pub fn stop(&self) {
        self.0.stop.store(true, Relaxed);
        self.0.wake.notify_waiters();
    }

    /// Ends the run like [`Control::stop`], and has the report say why.
    pub(crate) fn stop_because(&self, reason: String) {
        // Only the first reason counts.
        let _ = self.0.reason.set(reason);
        self.stop();
    }

    /// Why the run ended itself, if it did.
    pub(crate) fn stop_reason(&self) -> Option<&str> {
        self.0.reason.get().map(String::as_str)
    }

    /// Whether [`Control::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Relaxed)
    }

    /// How far the run is.
    pub fn counts(&self) -> Counts {
        self.books().counts()
    }

    /// What the threads of the run record.
    pub(crate) fn books(&self) -> &Books {
        &self.0.books
    }

    /// Waits for [`Control::stop`].
    pub(crate) async fn stopped(&self) {
        // Listening starts before the look at the flag, so a stop in between is not missed.
        let wake = self.0.wake.notified();
        if !self.is_stopped() {
            wake.await;
        }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            planned: self.planned + other.planned,
            sent: self.sent + other.sent,
            completed: self.completed + other.completed,
            errors: self.errors + other.errors,
            aborted: self.aborted + other.aborted,
        }
    }
}
