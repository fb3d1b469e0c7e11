//! Arrivals that are due and wait for a free connection: first come, first served, bounded, and
//! each with the instant it was *meant* for, so that its wait is part of its response time.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
};

use tokio::sync::Notify;

/// One request that is due; instants in nanoseconds of the run's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Arrival {
    /// Its number in the schedule, from 0.
    pub(crate) index: u64,
    /// When the schedule wants it sent.
    pub(crate) intended: u64,
    /// When the pacer handed it over.
    pub(crate) released: u64,
}

/// The backlog does not fit one more arrival.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

/// A queue within one thread.
pub(crate) struct Backlog {
    waiting: RefCell<VecDeque<Arrival>>,
    capacity: usize,
    closed: Cell<bool>,
    news: Notify,
}

impl Backlog {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            waiting: RefCell::default(),
            capacity,
            closed: Cell::new(false),
            news: Notify::new(),
        }
    }

    /// Adds an arrival and wakes one idle connection, the one that has been idle longest.
    pub(crate) fn offer(&self, arrival: Arrival) -> Result<(), Full> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() == self.capacity {
            return Err(Full);
        }
        waiting.push_back(arrival);
        self.news.notify_one();
        Ok(())
    }

    /// The next arrival, if one is waiting.
    pub(crate) fn take(&self) -> Option<Arrival> {
        self.waiting.borrow_mut().pop_front()
    }

    /// Waits for an arrival, or for the end: `None`. May be dropped at any point without loss.
    pub(crate) async fn next(&self) -> Option<Arrival> {
        loop {
            let arrival = self.take();
            if arrival.is_some() || self.closed.get() {
                return arrival;
            }
            self.news.notified().await;
        }
    }

    /// Nothing will be offered any more; what waits is still served.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.news.notify_waiters();
    }

    /// Whether nothing will be offered any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Closes, and forgets what waits.
    pub(crate) fn abandon(&self) {
        self.waiting.borrow_mut().clear();
        self.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(intended: u64) -> Arrival {
        Arrival { index: intended, intended, released: intended }
    }

    #[test]
    fn arrivals_leave_in_the_order_they_came() {
        let backlog = Backlog::new(8);
        (0..5).for_each(|n| backlog.offer(at(n)).expect("room"));
        let taken: Vec<_> = std::iter::from_fn(|| backlog.take()).collect();
        assert_eq!(taken, (0..5).map(at).collect::<Vec<_>>());
    }

    #[test]
    fn what_does_not_fit_is_refused_and_what_fits_is_kept() {
        let backlog = Backlog::new(2);
        assert_eq!([0, 1, 2].map(|n| backlog.offer(at(n))), [Ok(()), Ok(()), Err(Full)]);
        assert_eq!(backlog.take(), Some(at(0)));
        assert_eq!(backlog.offer(at(3)), Ok(()));
    }

    #[tokio::test]
    async fn a_closed_backlog_is_served_to_its_end() {
        let backlog = Backlog::new(2);
        backlog.offer(at(1)).expect("room");
        backlog.close();
        assert_eq!((backlog.next().await, backlog.next().await), (Some(at(1)), None));
    }

    #[tokio::test]
    async fn an_abandoned_backlog_is_empty() {
        let backlog = Backlog::new(2);
        backlog.offer(at(1)).expect("room");
        backlog.abandon();
        assert_eq!(backlog.next().await, None);
    }

    #[tokio::test]
    async fn each_arrival_wakes_one_that_waits() {
        let backlog = Backlog::new(2);
        let both = async { tokio::join!(backlog.next(), backlog.next()) };
        let offers = async {
            tokio::task::yield_now().await;
            backlog.offer(at(1)).expect("room");
            backlog.offer(at(2)).expect("room");
        };
        let ((one, other), ()) = tokio::join!(both, offers);
        assert_eq!([one.min(other), one.max(other)], [Some(at(1)), Some(at(2))]);
    }
}
