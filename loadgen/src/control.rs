//! The handle on a run in progress: stop it, and read how far it is, from any thread.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use tokio::sync::Notify;

/// Stops a run and shows its counts while it goes on. Cheap to clone; clones are the same handle.
/// One handle is for one run: once stopped it stays stopped.
#[derive(Debug, Clone, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    wake: Notify,
    planned: AtomicU64,
    sent: AtomicU64,
    completed: AtomicU64,
    errors: AtomicU64,
}

/// How far a run is. The numbers are read one after the other while the run goes on, so they may
/// be apart by the requests of that moment.
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

    /// Whether [`Control::stop`] was called.
    pub fn is_stopped(&self) -> bool {
        self.0.stop.load(Relaxed)
    }

    /// How far the run is.
    pub fn counts(&self) -> Counts {
        Counts {
            planned: self.0.planned.load(Relaxed),
            sent: self.0.sent.load(Relaxed),
            completed: self.0.completed.load(Relaxed),
            errors: self.0.errors.load(Relaxed),
        }
    }

    /// Shows `counts` to whoever reads the handle.
    pub(crate) fn publish(&self, counts: Counts) {
        self.0.planned.store(counts.planned, Relaxed);
        self.0.sent.store(counts.sent, Relaxed);
        self.0.completed.store(counts.completed, Relaxed);
        self.0.errors.store(counts.errors, Relaxed);
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
