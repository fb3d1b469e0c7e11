//! How much of a thread's time goes into having a processor, or into waiting for one.

use std::{fs, time::Instant};

/// From now on, for the calling thread.
#[derive(Debug)]
pub(crate) struct Demand {
    since: Instant,
    wanted_nanos: u64,
}

impl Demand {
    pub(crate) fn begin() -> Self {
        Self { since: Instant::now(), wanted_nanos: wanted_nanos() }
    }

    /// The share of the time since then in which the thread ran or could have run: near 1 it had nothing to
    /// spare. 0 where the kernel does not tell.
    pub(crate) fn share(&self) -> f64 {
        let wanted = wanted_nanos().saturating_sub(self.wanted_nanos);
        wanted as f64 / self.since.elapsed().as_nanos().max(1) as f64
    }
}

/// Time on a processor and time in the queue for one (`proc(5)`, schedstat: its first two figures).
fn wanted_nanos() -> u64 {
    let figures = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    figures.split_whitespace().take(2).filter_map(|figure| figure.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use std::{thread, time::Duration};

    use super::*;

    #[test]
    fn who_computes_wants_a_processor_all_the_time_and_who_sleeps_none() {
        let length = Duration::from_millis(200);
        let demand = Demand::begin();
        while demand.since.elapsed() < length {}
        let computing = demand.share();
        assert!((0.8..1.1).contains(&computing), "{computing}");
        let demand = Demand::begin();
        thread::sleep(length);
        let asleep = demand.share();
        assert!(asleep < 0.5 * computing, "{asleep} of {computing}");
    }
}
