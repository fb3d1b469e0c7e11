//! Growth events: requests that raise resident memory by a lot, counted by endpoint.
//!
//! A request is charged with what resident memory rose by *while it was being polled*, not while
//! it was under way: whatever happens between its polls is other requests' doing, however many of
//! them are under way. Only what two worker threads take in the same instant is charged to both
//! (never with `--workers 1`). Memory that a request has others take, on threads of their own, is
//! charged to nobody, and so is what it takes after the head of its answer: the pieces of a stream.
//!
//! The figure is `VmRSS` of the process, read from a file that is kept open: one system call of
//! about a microsecond, and still too much for every poll. So a reading serves all polls that begin
//! within [`FRESH`], and after a poll that was too short to take as much as counts, there is none:
//! under load most requests cost two looks at the clock. The kernel keeps the figure per processor
//! and adds up roughly, so it is off by up to some hundred kibibytes: far below any sensible
//! threshold.

use std::fs::File;
use std::future::poll_fn;
use std::io;
use std::os::unix::fs::FileExt;
use std::pin::pin;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::dose::Dose;
use crate::endpoint::Endpoint;
use crate::metrics::{Known, register};
use crate::pattern::lock;

/// More memory than any machine fills in a second, whatever with: one core clears pages at some
/// 10 GB/s, and maps those of cached files a few times as fast.
const MOST_BYTES_PER_SECOND: f64 = 1e11;

/// A reading holds for so long. Nobody takes 10 MiB in that time.
const FRESH: Duration = Duration::from_micros(100);

/// The most thresholds: each is a time series for each endpoint.
pub const MOST_THRESHOLDS: usize = 8;

/// Which requests are measured, and from which rise on they count.
#[derive(Clone, Debug)]
pub struct GrowthSettings {
    /// Rises that count, in bytes; at most [`MOST_THRESHOLDS`], each above 0.
    pub thresholds_bytes: Vec<u64>,
    /// The share of the requests that is measured, 0 to 1.
    pub sampling: f64,
}

/// The counters, and what is needed to count.
pub struct GrowthEvents {
    settings: GrowthSettings,
    /// `None` where requests cannot be measured.
    statm: Option<Statm>,
    /// No shorter poll can reach a threshold.
    shortest_poll: Duration,
    dose: Mutex<Dose>,
    events: IntCounterVec,
    sampled: IntCounterVec,
    known: Known<&'static str, IntCounter>,
}

/// `/proc/self/statm`, open.
struct Statm {
    file: File,
    page_bytes: u64,
    /// The last reading, and when it was made.
    latest: Mutex<Option<(Instant, u64)>>,
}

impl Default for GrowthSettings {
    fn default() -> Self {
        let mebibytes = |count: u64| count << 20;
        Self { thresholds_bytes: [10, 50, 100].map(mebibytes).to_vec(), sampling: 1.0 }
    }
}

impl GrowthSettings {
    fn shortest_poll(&self) -> Duration {
        let least_bytes = self.thresholds_bytes.iter().min().copied().unwrap_or(u64::MAX);
        Duration::from_secs_f64(least_bytes as f64 / MOST_BYTES_PER_SECOND)
    }
}

impl GrowthEvents {
    /// Registers the counters, at 0 for each endpoint that serves clients, so that the first
    /// event is an increase.
    pub fn register(registry: &Registry, settings: GrowthSettings) -> prometheus::Result<Self> {
        let counter = |name, help, labels: &[&str]| {
            register(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let growth = Self {
            events: counter(
                "memory_growth_events_total",
                "Measured requests that raised resident memory by the threshold or more",
                &["endpoint", "threshold_bytes"],
            )?,
            sampled: counter(
                "memory_growth_measured_requests_total",
                "Requests of which it was measured by how much they raised resident memory",
                &["endpoint"],
            )?,
            // Without /proc nothing is measured, which the second counter shows.
            statm: Statm::open().ok(),
            shortest_poll: settings.shortest_poll(),
            dose: Mutex::default(),
            known: Known::default(),
            settings,
        };
        for endpoint in Endpoint::ALL {
            growth.sampled.with_label_values(&[endpoint.path()]);
            for threshold in &growth.settings.thresholds_bytes {
                growth.events.with_label_values(&[endpoint.path(), &threshold.to_string()]);
            }
        }
        Ok(growth)
    }

    /// Awaits `work` and says by how many bytes resident memory rose through it, as far as that is
    /// enough to count; `None` if it is not one of those that are measured.
    pub async fn measure<T>(&self, work: impl Future<Output = T>) -> (T, Option<i64>) {
        let Some(statm) = self.statm.as_ref().filter(|_| self.takes_one()) else {
            return (work.await, None);
        };
        let (mut work, mut rise_bytes) = (pin!(work), Some(0));
        let outcome = poll_fn(|context| {
            let began = Instant::now();
            let before = statm.rss_bytes_lately(began);
            let polled = work.as_mut().poll(context);
            if began.elapsed() >= self.shortest_poll {
                let rise = || Some(statm.rss_bytes()?.cast_signed() - before?.cast_signed());
                rise_bytes = rise_bytes.and_then(|sum: i64| Some(sum + rise()?));
            }
            polled
        });
        (outcome.await, rise_bytes)
    }

    /// Counts a request that was measured: once for each threshold that it reached. Whether it
    /// reached any.
    pub fn note(&self, endpoint: &'static str, rise_bytes: i64) -> bool {
        let find = || self.sampled.with_label_values(&[endpoint]);
        self.known.note(endpoint, find, IntCounter::inc);
        let rise_bytes = u64::try_from(rise_bytes).unwrap_or(0);
        let thresholds = self.settings.thresholds_bytes.iter();
        let reached = thresholds.filter(|&&threshold| threshold <= rise_bytes);
        let note = |threshold: &u64| {
            self.events.with_label_values(&[endpoint, &threshold.to_string()]).inc();
        };
        reached.map(note).count() > 0
    }

    fn takes_one(&self) -> bool {
        let share = self.settings.sampling;
        share >= 1.0 || (share > 0.0 && lock(&self.dose).takes_request(share))
    }
}

impl Statm {
    fn open() -> io::Result<Self> {
        let file = File::open("/proc/self/statm")?;
        Ok(Self { file, page_bytes: procfs::page_size(), latest: Mutex::default() })
    }

    /// Resident memory as it was a moment ago at most; `None` if it cannot be read.
    fn rss_bytes_lately(&self, now: Instant) -> Option<u64> {
        let latest = *lock(&self.latest);
        let fresh = latest.filter(|(at, _)| now.saturating_duration_since(*at) < FRESH);
        fresh.map(|(_, bytes)| bytes).or_else(|| self.rss_bytes())
    }

    /// Resident memory now; `None` if it cannot be read.
    fn rss_bytes(&self) -> Option<u64> {
        let mut line = [0; 128];
        let length = self.file.read_at(&mut line, 0).ok()?;
        let line = std::str::from_utf8(line.get(..length)?).ok()?;
        let pages: u64 = line.split(' ').nth(1)?.parse().ok()?;
        let bytes = pages * self.page_bytes;
        *lock(&self.latest) = Some((Instant::now(), bytes));
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn growth(sampling: f64) -> GrowthEvents {
        let settings = GrowthSettings { thresholds_bytes: vec![10 * MIB, 50 * MIB], sampling };
        GrowthEvents::register(&Registry::new(), settings).unwrap()
    }

    #[test]
    fn an_event_counts_for_every_threshold_that_it_reached() {
        let growth = growth(1.0);
        for (rise_mib, at_ten, at_fifty) in
            [(-100, 0, 0), (9, 0, 0), (10, 1, 0), (49, 2, 0), (50, 3, 1), (400, 4, 2)]
        {
            growth.note("/x", rise_mib * MIB.cast_signed());
            let count =
                |mib: u64| growth.events.with_label_values(&["/x", &(mib * MIB).to_string()]).get();
            assert_eq!((count(10), count(50)), (at_ten, at_fifty), "{rise_mib}");
        }
        assert_eq!(growth.sampled.with_label_values(&["/x"]).get(), 6);
    }

    fn touch(mib: u64) -> Vec<u8> {
        vec![1; (mib * MIB) as usize]
    }

    /// What a request that takes 64 MiB is charged with.
    async fn charged_for_its_own(growth: &GrowthEvents) -> i64 {
        growth.measure(async { touch(64) }).await.1.unwrap()
    }

    /// What a request is charged with that waits while another, on the same thread, takes 64 MiB.
    async fn charged_for_anothers(growth: &GrowthEvents) -> i64 {
        let (ask, asked) = tokio::sync::oneshot::channel();
        let (finish, finished) = tokio::sync::oneshot::channel();
        let other = async move {
            asked.await.unwrap();
            let kept = touch(64);
            finish.send(()).unwrap();
            kept
        };
        let waits = async move {
            ask.send(()).unwrap();
            finished.await.unwrap();
        };
        let (((), rise), _kept) = tokio::join!(growth.measure(waits), other);
        rise.unwrap()
    }

    /// Other tests of this process take and give back memory at the same time, so one attempt may be off; were the
    /// charge wrong, every attempt would be.
    #[tokio::test]
    async fn what_rises_between_polls_is_not_the_requests_doing() {
        let growth = growth(1.0);
        let mut seen = Vec::new();
        for _ in 0..50 {
            let charged = (charged_for_its_own(&growth).await, charged_for_anothers(&growth).await);
            // The allocator of a test may have had some of it already.
            if (48 * MIB.cast_signed()..80 * MIB.cast_signed()).contains(&charged.0)
                && charged.1 < MIB.cast_signed()
            {
                return;
            }
            seen.push(charged);
        }
        panic!("{seen:?}");
    }

    #[tokio::test]
    async fn the_share_that_is_measured_is_exact() {
        for (sampling, expected) in [(0.0, 0), (0.25, 25), (1.0, 100)] {
            let growth = growth(sampling);
            let mut measured = 0;
            for _ in 0..100 {
                measured += usize::from(growth.measure(async {}).await.1.is_some());
            }
            assert_eq!(measured, expected, "{sampling}");
        }
    }
}
