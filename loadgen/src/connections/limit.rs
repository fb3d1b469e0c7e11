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

use crate::clock::Clock;

/// The same limit for each piece of work, one at a time.
pub(super) struct Limit {
    clock: Clock,
    length: Duration,
    /// Rings at the deadline of some earlier work, or of this; only then is it set anew, so about
    /// once per `length`.
    alarm: Pin<Box<Sleep>>,
}

/// The work was not done in time.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded;

impl Limit {
    pub(super) fn new(clock: Clock, length: Duration) -> Self {
        Self { clock, length, alarm: Box::pin(sleep(length)) }
    }

    /// Does the work that began at `begun_nanos` of the clock, or gives it up when it takes longer
    /// than the limit.
    pub(super) async fn keep<T>(
        &mut self,
        begun_nanos: u64,
        work: impl Future<Output = T>,
    ) -> Result<T, Exceeded> {
        let mut work = pin!(work);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_deadline(begun_nanos, cx).map(|()| Err(Exceeded)),
        })
        .await
    }

    fn poll_deadline(&mut self, begun_nanos: u64, cx: &mut Context<'_>) -> Poll<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            let gone = Duration::from_nanos(self.clock.now().saturating_sub(begun_nanos));
            let left = self.length.saturating_sub(gone);
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(Instant::now() + left);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: Duration = Duration::from_millis(40);

    fn limit() -> (Clock, Limit) {
        let clock = Clock::start();
        (clock, Limit::new(clock, LENGTH))
    }

    #[tokio::test]
    async fn work_within_the_limit_is_done_and_work_beyond_it_is_given_up() {
        let (clock, mut limit) = limit();
        assert_eq!(limit.keep(clock.now(), async { 1 }).await, Ok(1));
        let never = limit.keep(clock.now(), std::future::pending::<()>());
        assert_eq!(never.await, Err(Exceeded));
        assert_eq!(limit.keep(clock.now(), async { 2 }).await, Ok(2));
    }

    #[tokio::test]
    async fn the_limit_of_each_work_counts_from_its_own_beginning() {
        let (clock, mut limit) = limit();
        sleep(LENGTH / 2).await;
        for _ in 0..3 {
            let begun = Instant::now();
            let never = limit.keep(clock.now(), std::future::pending::<()>());
            assert_eq!(never.await, Err(Exceeded));
            assert!(begun.elapsed() >= LENGTH, "{:?}", begun.elapsed());
        }
    }
}
