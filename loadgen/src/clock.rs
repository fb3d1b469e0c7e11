//! The one clock of a run, and an alarm on it.
//!
//! Tokio's own timer rounds up to a whole millisecond, five gaps at 5,000/s, so requests would go
//! out in bunches. A `timerfd` rings on the nanosecond that it is set to, give or take what the
//! kernel needs to wake the thread.

use std::{
    io,
    os::fd::OwnedFd,
    time::{Duration, SystemTime},
};

use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::plan::Pace;

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
    /// Starts now.
    pub(crate) fn start() -> Self {
        Self { start_nanos: monotonic_nanos() }
    }

    /// Starts at an instant of the calendar; none if that has passed. From here on the run goes by
    /// the monotonic clock, whatever is done to the calendar.
    pub(crate) fn start_at(instant: SystemTime) -> Option<Self> {
        let wait = instant.duration_since(SystemTime::now()).ok()?;
        // No sum of instants overflows: nobody waits for a century.
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX).min(u64::MAX / 4);
        Some(Self { start_nanos: monotonic_nanos() + wait })
    }

    /// Zero until the start.
    pub(crate) fn now(self) -> u64 {
        monotonic_nanos().saturating_sub(self.start_nanos)
    }

    /// How long it is until the start.
    pub(crate) fn until_start(self) -> Duration {
        Duration::from_nanos(self.start_nanos.saturating_sub(monotonic_nanos()))
    }
}

/// Wakes one task at instants of a [`Clock`].
pub(crate) struct Alarm {
    clock: Clock,
    means: Means,
}

enum Means {
    Tokio,
    Timer(AsyncFd<OwnedFd>),
    Spin,
}

impl Alarm {
    pub(crate) fn new(clock: Clock, pace: Pace) -> io::Result<Self> {
        let means = match pace {
            Pace::Coarse => Means::Tokio,
            Pace::Precise => Means::Timer(timer()?),
            Pace::Spin => Means::Spin,
        };
        Ok(Self { clock, means })
    }

    /// Waits until `instant_nanos` has come; says what time it is then.
    pub(crate) async fn wait_until(&self, instant_nanos: u64) -> io::Result<u64> {
        loop {
            let now = self.clock.now();
            if now >= instant_nanos {
                return Ok(now);
            }
            match &self.means {
                Means::Tokio => {
                    tokio::time::sleep(Duration::from_nanos(instant_nanos - now)).await;
                }
                Means::Timer(timer) if instant_nanos - now >= SHORTEST_ALARM_NANOS => {
                    self.ring_at(timer, instant_nanos).await?;
                }
                Means::Timer(_) | Means::Spin => tokio::task::yield_now().await,
            }
        }
    }

    async fn ring_at(&self, timer: &AsyncFd<OwnedFd>, instant_nanos: u64) -> io::Result<()> {
        let it_value = timespec(self.clock.start_nanos + instant_nanos);
        let once = Itimerspec { it_interval: timespec(0), it_value };
        timerfd_settime(timer, TimerfdTimerFlags::ABSTIME, &once)?;
        // The expirations are never read: setting the timer anew forgets them, and the next one
        // wakes the poller again, which saves a system call per arrival.
        timer.readable().await?.clear_ready();
        Ok(())
    }
}

fn timer() -> io::Result<AsyncFd<OwnedFd>> {
    let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
    watch(timerfd_create(TimerfdClockId::Monotonic, flags)?)
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
