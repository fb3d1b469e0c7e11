//! How long a client may take to send the head of a request.
//!
//! Before each request hyper asks for a timer, and drops it when the head has come, which is nearly
//! always at once. To enter every one of them in the runtime's timers, and to take it out again,
//! would cost more than to read the head. So each connection has one that stays entered: when it
//! rings too early, it is set to when it is to ring by then.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

use crate::pattern::lock;

type Bell = Arc<Mutex<Option<Pin<Box<tokio::time::Sleep>>>>>;

/// The timer of one connection, which waits for one thing at a time.
#[derive(Clone, Default)]
pub struct Patience(Bell);

struct Waiting {
    until: tokio::time::Instant,
    bell: Bell,
}

impl Timer for Patience {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, until: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(Waiting { until: until.into(), bell: Arc::clone(&self.0) })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into()
    }
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut bell = lock(&self.bell);
        let bell = bell.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(self.until)));
        if bell.deadline() > self.until {
            bell.as_mut().reset(self.until);
        }
        ready!(bell.as_mut().poll(context));
        if bell.deadline() < self.until {
            bell.as_mut().reset(self.until);
            ready!(bell.as_mut().poll(context));
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{sleep, timeout};

    use super::*;

    const STEP: Duration = Duration::from_millis(20);
    const DEADLINE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn it_never_rings_before_what_is_asked_for_last_and_then_it_does() {
        let patience = Patience::default();
        // As hyper does: asked for, looked at, dropped when the head has come.
        for _ in 0..3 {
            let mut waiting = patience.sleep(DEADLINE);
            tokio::select! { () = &mut waiting => panic!("it rang"), () = sleep(STEP) => {} }
        }
        for steps in [2, 1, 3] {
            let began = Instant::now();
            timeout(DEADLINE, patience.sleep(steps * STEP)).await.unwrap();
            assert!(began.elapsed() >= steps * STEP, "{steps}");
        }
        // Set for earlier than what is asked for now.
        tokio::select! { () = patience.sleep(STEP) => panic!("it rang"), () = async {} => {} }
        let began = Instant::now();
        timeout(DEADLINE, patience.sleep(3 * STEP)).await.unwrap();
        assert!(began.elapsed() >= 3 * STEP);
    }
}
