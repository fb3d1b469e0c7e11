//! A limit on how long one piece of work after another may take, at next to no cost while the
//! limit is kept. A timer of its own for each would cost a system call per request, because an
//! idle runtime must be told of every new earliest deadline.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep};

/// The same limit for each piece of work, one at a time.
pub(super) struct Limit {
    length: Duration,
    /// Rings at the deadline of some earlier work, or of this; only then is it set anew, so about
    /// once per `length`.
    alarm: Pin<Box<Sleep>>,
}

/// The work was not done in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

impl Limit {
    pub(super) fn new(length: Duration) -> Self {
        Self { length, alarm: Box::pin(sleep(length)) }
    }

    /// Does the work, or gives it up when it takes longer than the limit.
    pub(super) async fn keep<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Exceeded> {
        let deadline = Instant::now() + self.length;
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_deadline(deadline, cx).map(|()| Err(Exceeded)),
        })
        .await
    }

    fn poll_deadline(&mut self, deadline: Instant, cx: &mut Context<'_>) -> Poll<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            if self.alarm.deadline() >= deadline {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_millis(40);

    #[tokio::test]
    async fn work_within_the_limit_is_done_and_work_beyond_it_is_given_up() {
        let mut limit = Limit::new(LENGTH);
        assert_eq!(limit.keep(async { 1 }).await, Ok(1));
        assert_eq!(limit.keep(std::future::pending::<()>()).await, Err(Exceeded));
        assert_eq!(limit.keep(async { 2 }).await, Ok(2));
    }

    #[tokio::test]
    async fn the_limit_of_each_work_counts_from_its_own_beginning() {
        let mut limit = Limit::new(LENGTH);
        sleep(LENGTH / 2).await;
        for _ in 0..3 {
            let begun = Instant::now();
            assert_eq!(limit.keep(std::future::pending::<()>()).await, Err(Exceeded));
            assert!(begun.elapsed() >= LENGTH, "{:?}", begun.elapsed());
        }
    }
}
