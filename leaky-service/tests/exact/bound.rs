//! Proof that a decoy is bounded, and exact below its bound. The test tells the time, so that
//! minutes take moments and no machine is too slow.

use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::exhibit::Exhibit;
use leaky_service::{Service, Settings};

use crate::proof::{in_use_bytes, serve};

/// How often the service tells its patterns the time.
const TICK: Duration = Duration::from_millis(50);

/// A decoy that is switched on, alone in its service.
pub struct Play {
    service: Service,
    name: &'static str,
    bytes_per_request: f64,
    now: Instant,
    requests: u64,
    in_use_before: f64,
    /// What its entries together have taken at most.
    most_expected: f64,
}

/// What was seen at the ticks of some time.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub highest_bytes: f64,
    pub lowest_bytes: f64,
}

impl Play {
    pub fn begin(
        name: &'static str,
        bytes_per_request: usize,
        parameters: &[(&'static str, u64)],
    ) -> Self {
        let service = Service::new(Settings::default()).expect("the allocator is installed");
        let (now, in_use_before) = (Instant::now(), in_use_bytes());
        let play = Self {
            service,
            name,
            bytes_per_request: bytes_per_request as f64,
            now,
            requests: 0,
            in_use_before,
            most_expected: 0.0,
        };
        play.change(&Change {
            enabled: Some(true),
            bytes_per_request: Some(bytes_per_request),
            parameters: parameters.to_vec(),
            ..Change::default()
        });
        play
    }

    pub fn exhibit(&self) -> &Exhibit {
        self.service.catalogue().find(self.name).expect("it is in the catalogue")
    }

    pub fn change(&self, change: &Change) {
        self.exhibit().apply(change).expect("the controls hold together");
    }

    /// Lets time pass under steady load, and at each tick asks the allocator whether the books
    /// are right.
    pub fn run(&mut self, time: Duration, per_second: u64) -> Seen {
        let mut seen = Seen { highest_bytes: 0.0, lowest_bytes: f64::INFINITY };
        let ticks = time.as_millis() / TICK.as_millis();
        let per_tick = per_second * TICK.as_millis() as u64 / 1000;
        for _ in 0..ticks {
            // What goes by the clock alone is not touched.
            let requests = if self.goes_by_the_clock() { 0 } else { per_tick };
            for _ in 0..requests {
                self.requests += 1;
                serve(&self.service, self.requests);
            }
            self.now += TICK;
            self.service.catalogue().tick(self.now);
            let held = self.check_books();
            seen.highest_bytes = seen.highest_bytes.max(held);
            seen.lowest_bytes = seen.lowest_bytes.min(held);
        }
        seen
    }

    fn goes_by_the_clock(&self) -> bool {
        self.exhibit().facts().per_event.is_none()
    }

    /// Runs for as long as it takes to reach the bound, and ten times as long again: it comes
    /// within 2 % of the bound, and no further.
    pub fn stays_at(&mut self, bound_bytes: f64, reached_in: Duration, per_second: u64) {
        let reached = self.run(reached_in, per_second).highest_bytes;
        let name = self.name;
        assert!(reached >= 0.98 * bound_bytes, "{name}: {reached} of {bound_bytes} bytes");
        assert!(reached <= 1.02 * bound_bytes, "{name}: {reached} above {bound_bytes} bytes");
        let later = self.run(10 * reached_in, per_second).highest_bytes;
        assert!(later <= 1.02 * bound_bytes, "{name}: {later} above {bound_bytes} bytes");
    }

    /// All of it comes back, once.
    pub fn clear(&self) {
        let held = self.exhibit().held_bytes() as f64;
        let count = self.exhibit().count();
        let cleared = self.exhibit().clear().expect("it can be cleared");
        let name = self.name;
        assert_eq!(cleared.count, count, "{name}");
        assert!((cleared.freed_bytes as f64 - held).abs() < 1.0, "{name}: {cleared:?} of {held}");
        assert_eq!((self.exhibit().held_bytes(), self.exhibit().count()), (0, 0), "{name}");
        let left = in_use_bytes() - self.in_use_before;
        assert!(left.abs() <= 0.01 * held, "{name}: {left} of {held} bytes did not come back");
    }

    /// What it holds, if that is what the allocator says and what the entries take together.
    fn check_books(&mut self) -> f64 {
        let (name, held) = (self.name, self.exhibit().held_bytes() as f64);
        let grown = in_use_bytes() - self.in_use_before;
        // The service itself may keep a few blocks.
        let few = self.bytes_per_request;
        let wrong = (grown - held).abs();
        assert!(wrong < 0.005 * held + few, "{name}: the books say {held}, jemalloc {grown}");
        let expected = self.exhibit().count() as f64 * self.bytes_per_request;
        // Containers keep their tables when entries go.
        self.most_expected = self.most_expected.max(expected);
        let wrong = (held - expected).abs();
        let allowed = 0.02 * self.most_expected + few;
        assert!(wrong < allowed, "{name}: its entries hold {held} bytes, not {expected}");
        held
    }
}
