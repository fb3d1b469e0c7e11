//! How much of a pattern is due, and when: a pure function of its controls and of time.
//!
//! Two doses: a *share* of the requests, or a number of events *per second* whatever the load.
//! Both rise over the ramp and are exact: no event is drawn by lot, and none is lost to rounding.

use std::time::Duration;

/// One event, in the fixed-point numbers that shares are added up in.
const WHOLE_BITS: u32 = 48;

/// When a dose begins and how long it takes to become full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// Nothing happens for so long after the pattern is enabled.
    pub start_after: Duration,
    /// Then the dose rises linearly from nothing to full for so long.
    pub ramp: Duration,
}

/// What has been dealt out so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dose {
    /// Shares of requests added up; a request is touched when this passes a whole number. It
    /// wraps around, which loses nothing: only whether it passes one matters.
    shares: u64,
    /// From when events per second are counted, since the pattern was enabled.
    counted_from: Duration,
    /// Events given since then.
    given: u64,
}

impl Schedule {
    /// The part of the full dose that is given at a moment, 0 to 1; `elapsed` counts from
    /// enabling.
    pub fn fraction(&self, elapsed: Duration) -> f64 {
        let Some(running) = elapsed.checked_sub(self.start_after) else { return 0.0 };
        if running >= self.ramp { 1.0 } else { running.div_duration_f64(self.ramp) }
    }

    /// The integral of [`fraction`](Self::fraction) since enabling: the seconds at full dose that
    /// would have given as much.
    pub fn full_seconds(&self, elapsed: Duration) -> f64 {
        let Some(running) = elapsed.checked_sub(self.start_after) else { return 0.0 };
        let rising = running.min(self.ramp).as_secs_f64();
        let full = running.saturating_sub(self.ramp).as_secs_f64();
        // A triangle under the ramp, a rectangle after it.
        full + 0.5 * rising * self.fraction(elapsed)
    }
}

impl Dose {
    /// Whether the next request is one of the `share` of all that are touched, by error
    /// diffusion: of any `n` requests in a row it is `share * n`, rounded up or down.
    pub fn takes_request(&mut self, share: f64) -> bool {
        // Rounded up, or else the tenth request at a share of 0.1 might be just missed.
        let step = (share * (1_u64 << WHOLE_BITS) as f64).ceil() as u64;
        let before = self.shares;
        self.shares = before.wrapping_add(step);
        before >> WHOLE_BITS != self.shares >> WHOLE_BITS
    }

    /// Events that are due by now and have not been given.
    pub fn due(&self, per_second: f64, schedule: &Schedule, elapsed: Duration) -> u64 {
        let seconds = schedule.full_seconds(elapsed) - schedule.full_seconds(self.counted_from);
        ((per_second * seconds) as u64).saturating_sub(self.given)
    }

    /// Takes note of events that were given, or passed over for good.
    pub fn give(&mut self, events: u64) {
        self.given += events;
    }

    /// Begins counting anew at a change of the controls, so that it takes effect from now on.
    pub fn restart(&mut self, elapsed: Duration) {
        *self = Self { shares: self.shares, counted_from: elapsed, given: 0 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_dose_starts_late_rises_and_stays_full() {
        let schedule = Schedule { start_after: 10 * SECOND, ramp: 20 * SECOND };
        let cases = [
            (0, 0.0, 0.0),
            (10, 0.0, 0.0),
            (15, 0.25, 0.625),
            (20, 0.5, 2.5),
            (30, 1.0, 10.0),
            (100, 1.0, 80.0),
        ];
        for (seconds, fraction, full_seconds) in cases {
            let elapsed = Duration::from_secs(seconds);
            assert!((schedule.fraction(elapsed) - fraction).abs() < 1e-12, "{seconds}");
            assert!((schedule.full_seconds(elapsed) - full_seconds).abs() < 1e-12, "{seconds}");
        }
        let at_once = Schedule::default();
        assert!((at_once.fraction(Duration::ZERO) - 1.0).abs() < 1e-12);
        assert!((at_once.full_seconds(3 * SECOND) - 3.0).abs() < 1e-12);
    }

    #[test]
    fn the_integral_is_that_of_the_fraction() {
        let schedule = Schedule { start_after: SECOND, ramp: 3 * SECOND };
        let step = Duration::from_micros(100);
        let mut sum = 0.0;
        for index in 0..60_000 {
            sum += schedule.fraction(step * index + step / 2) * step.as_secs_f64();
        }
        assert!((schedule.full_seconds(6 * SECOND) - sum).abs() < 1e-6, "{sum}");
    }

    #[test]
    fn a_share_of_requests_is_exact() {
        for (share, requests, expected) in [
            (1.0, 1000, 1000),
            (0.5, 1000, 500),
            (0.1, 10, 1),
            (0.1, 10_000, 1000),
            (0.3, 10, 3),
            (1.0 / 3.0, 300_000, 100_000),
            (0.001, 999, 0),
            (0.001, 1000, 1),
            (0.9, 1_000_000, 900_000),
        ] {
            let mut dose = Dose::default();
            let touched = (0..requests).filter(|_| dose.takes_request(share)).count();
            assert_eq!(touched, expected, "{share} of {requests}");
        }
    }

    #[test]
    fn shares_are_spread_evenly() {
        let mut dose = Dose::default();
        let mut untouched_in_a_row = 0;
        for _ in 0..1000 {
            let touched = dose.takes_request(0.25);
            untouched_in_a_row = if touched { 0 } else { untouched_in_a_row + 1 };
            assert!(untouched_in_a_row <= 3);
        }
    }

    #[test]
    fn events_per_second_do_not_drift_and_survive_a_stall() {
        let schedule = Schedule::default();
        let mut dose = Dose::default();
        let mut given = 0;
        let ticks = (1..=7_000).map(|tick| Duration::from_millis(13) * tick);
        // A stall of 20 seconds is caught up with.
        for elapsed in ticks.filter(|at| !(10..30).contains(&at.as_secs())) {
            let due = dose.due(7.3, &schedule, elapsed);
            dose.give(due);
            given += due;
            assert_eq!(given, (7.3 * elapsed.as_secs_f64()) as u64, "{elapsed:?}");
        }
    }

    #[test]
    fn a_change_counts_from_then_on() {
        let schedule = Schedule::default();
        let mut dose = Dose::default();
        dose.give(dose.due(10.0, &schedule, 5 * SECOND));
        dose.restart(5 * SECOND);
        assert_eq!(dose.due(100.0, &schedule, 5 * SECOND), 0);
        assert_eq!(dose.due(100.0, &schedule, 6 * SECOND), 100);
    }
}
