//! Places for connections: bounded in number, and given up when others wait.
//!
//! Ten thousand idle clients must not keep out the one that asks something. While somebody waits, all
//! who have had a request are asked to leave, the busy ones after the request under way, and so are
//! those who have been silent for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;

/// Time that a client has between connecting and the head of its first request, before it loses
/// its place to one that waits.
const FIRST_REQUEST_WITHIN: Duration = Duration::from_secs(1);

/// Time that they have to leave before they are asked again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// All places.
pub struct Places {
    most: u32,
    free: Arc<Semaphore>,
    asking: watch::Sender<Asking>,
}

/// What connections are asked to do.
#[derive(Clone, Copy, Default)]
struct Asking {
    /// How often connections were asked to leave.
    round: u64,
    /// Whether everybody is to leave, for good.
    closing: bool,
}

/// One connection's place; free again when it is dropped.
pub struct Place {
    asking: watch::Receiver<Asking>,
    taken: Instant,
    used: Arc<AtomicBool>,
    _permit: OwnedSemaphorePermit,
}

impl Places {
    /// `most` places, all free.
    pub fn new(most: u32) -> Self {
        let free = Arc::new(Semaphore::new(most as usize));
        Self { most, free, asking: watch::Sender::default() }
    }

    /// A place as soon as there is one; while there is none, others are asked to leave.
    pub async fn take(&self) -> Place {
        let free = Arc::clone(&self.free).try_acquire_owned().ok();
        let permit = match free {
            Some(permit) => permit,
            None => self.make_room().await,
        };
        Place {
            asking: self.asking.subscribe(),
            taken: Instant::now(),
            used: Arc::default(),
            _permit: permit,
        }
    }

    /// Asks everybody to leave, and waits until they have; false if some stay longer than that.
    pub async fn close(&self, within: Duration) -> bool {
        self.asking.send_modify(|asking| asking.closing = true);
        timeout(within, self.free.acquire_many(self.most)).await.is_ok()
    }

    async fn make_room(&self) -> OwnedSemaphorePermit {
        loop {
            self.asking.send_modify(|asking| asking.round += 1);
            // The semaphore is never closed, so what ends early is a permit.
            let waiting = timeout(ASK_AGAIN_AFTER, Arc::clone(&self.free).acquire_owned());
            if let Ok(Ok(permit)) = waiting.await {
                return permit;
            }
        }
    }
}

impl Place {
    /// What is to be set when the first request has come.
    pub fn used(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.used)
    }

    /// Whether a request has come.
    pub fn is_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Ready when the connection is to end, after the request under way if there is one.
    pub async fn asked_to_leave(&mut self) {
        // An error means that there are no places any more.
        while self.asking.changed().await.is_ok() {
            let closing = self.asking.borrow_and_update().closing;
            if closing || self.is_used() || self.taken.elapsed() >= FIRST_REQUEST_WITHIN {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_gets_the_place_of_one_that_is_idle() {
        let places = Places::new(2);
        let (mut idle, mut new) = (places.take().await, places.take().await);
        idle.used.store(true, Ordering::Relaxed);
        let leaving = async {
            idle.asked_to_leave().await;
            drop(idle);
        };
        tokio::select! {
            _ = places.take() => {}
            () = async { tokio::join!(leaving, new.asked_to_leave()); } => panic!("both left"),
        }
    }

    #[tokio::test]
    async fn closing_waits_for_those_who_stay_but_not_for_ever() {
        let places = Places::new(2);
        let mut place = places.take().await;
        assert!(!places.close(Duration::from_millis(1)).await);
        place.asked_to_leave().await;
        drop(place);
        assert!(places.close(Duration::from_secs(3)).await);
    }
}
