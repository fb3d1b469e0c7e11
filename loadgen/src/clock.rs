//! The one clock of a run, and an alarm on it.
//!
//! Tokio's own timer rounds up to a whole millisecond, five gaps at 5,000/s, so requests would go
//! out in bunches. A `timerfd` rings on the nanosecond that it is set to, give or take what the
//! kernel needs to wake the thread.

use std::{io, os::fd::OwnedFd};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Waits shorter than this are spent on other tasks instead of being timed: to set the timer, sleep
/// and be woken takes about as long, and several times the processor time.
const SHORTEST_ALARM_NANOS: u64 = 10_000;

/// Nanoseconds since the start of the run, on the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start_nanos: u64,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start_nanos: monotonic_nanos() }
    }

    pub(crate) fn now(self) -> u64 {
        monotonic_nanos() - self.start_nanos
    }
}

/// Wakes one task at an instant of a [`Clock`].
pub(crate) struct Alarm {
    clock: Clock,
    timer: AsyncFd<OwnedFd>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self { clock, timer: watch(timer)? })
    }

    /// Waits until `instant_nanos` has come; says what time it is then.
    pub(crate) async fn wait_until(&self, instant_nanos: u64) -> io::Result<u64> {
        loop {
            let now = self.clock.now();
            if now >= instant_nanos {
                return Ok(now);
            }
            if instant_nanos - now < SHORTEST_ALARM_NANOS {
                tokio::task::yield_now().await;
            } else {
                self.ring_at(instant_nanos).await?;
            }
        }
    }

    async fn ring_at(&self, instant_nanos: u64) -> io::Result<()> {
        self.set(self.clock.start_nanos + instant_nanos)?;
        // The expirations are never read: setting the timer anew forgets them, and the next one
        // wakes the poller again, which saves a system call per arrival.
        self.timer.readable().await?.clear_ready();
        Ok(())
    }

    fn set(&self, monotonic_nanos: u64) -> io::Result<()> {
        let it_value = timespec(monotonic_nanos);
        let once = Itimerspec { it_interval: timespec(0), it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        Ok(())
    }
}

#[expect(unsafe_code, reason = "tokio cannot see by the type that a descriptor stays open")]
fn watch(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is one open descriptor, the same until it is dropped, and it is moved
    // into the `AsyncFd`, which hands out nothing that could close it.
    Ok(unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) }?)
}

fn monotonic_nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    // The monotonic clock counts up from zero: neither part is ever negative.
    time.tv_sec as u64 * NANOS_PER_SECOND + time.tv_nsec as u64
}

fn timespec(nanos: u64) -> Timespec {
    Timespec {
        tv_sec: (nanos / NANOS_PER_SECOND).cast_signed(),
        tv_nsec: (nanos % NANOS_PER_SECOND).cast_signed(),
    }
}
