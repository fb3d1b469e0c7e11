//! The schedule: when each arrival is meant to happen. A pure, lazy sequence, so that its memory
//! is the same for any duration and the same seed is the same schedule on every machine.

use std::{fmt, time::Duration};

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

use crate::plan::{Arrivals, Rate};

/// Intended instants in nanoseconds from the start: never falling, all before the end.
#[derive(Debug, Clone)]
pub struct Schedule {
    end_nanos: u64,
    law: Law,
}

#[derive(Debug, Clone)]
enum Law {
    Constant { rate: Rate, next: u64 },
    Poisson { mean_gap_nanos: f64, instant_nanos: f64, random: Xoshiro256PlusPlus },
}

impl Schedule {
    /// Arrivals at `rate` from 0 to `duration` (at most a week).
    ///
    /// The generator is named rather than "standard" because its output is part of the promise:
    /// xoshiro256++ is specified to the bit.
    pub fn new(rate: Rate, arrivals: Arrivals, seed: u64, duration: Duration) -> Self {
        let law = match arrivals {
            Arrivals::Constant => Law::Constant { rate, next: 0 },
            Arrivals::Poisson => Law::Poisson {
                mean_gap_nanos: rate.mean_gap_nanos(),
                instant_nanos: 0.0,
                random: Xoshiro256PlusPlus::seed_from_u64(seed),
            },
        };
        Self { end_nanos: u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX), law }
    }

    /// How many arrivals are still to come, where that is known without drawing them: exactly for
    /// constant arrivals, the expected number for Poisson ones.
    pub fn expected(&self) -> u64 {
        match &self.law {
            Law::Constant { rate, next } => rate.arrivals_before(self.end_nanos) - next,
            Law::Poisson { mean_gap_nanos, instant_nanos, .. } => {
                ((self.end_nanos as f64 - instant_nanos) / mean_gap_nanos).round() as u64
            }
        }
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let instant = match &mut self.law {
            Law::Constant { rate, next } => {
                let instant = rate.instant_of(*next);
                // At the end the count stays, so that asking again gives the same answer.
                *next += u64::from(instant < self.end_nanos);
                instant
            }
            // A week is 6e14 ns, where neighbouring floats are 0.12 ns apart: the sum is exact
            // enough, and cast and comparison below round it down.
            Law::Poisson { mean_gap_nanos, instant_nanos, random } => {
                *instant_nanos += exponential(random) * *mean_gap_nanos;
                *instant_nanos as u64
            }
        };
        (instant < self.end_nanos).then_some(instant)
    }
}

/// An exponentially distributed number with mean 1, by inversion of a uniform number in (0, 1]
/// made of the upper 53 bits.
fn exponential(random: &mut impl Rng) -> f64 {
    let uniform = ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -uniform.ln()
}

/// Fingerprint of a schedule: FNV-1a, 64 bit, over the instants as little-endian 8-byte numbers.
/// Equal for two runs that asked for the same arrivals at the same instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScheduleHash(u64);

impl ScheduleHash {
    const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;

    /// Takes the next instant in.
    pub fn add(&mut self, instant_nanos: u64) {
        for byte in instant_nanos.to_le_bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(Self::PRIME);
        }
    }
}

impl Default for ScheduleHash {
    fn default() -> Self {
        Self(Self::OFFSET_BASIS)
    }
}

impl Extend<u64> for ScheduleHash {
    fn extend<I: IntoIterator<Item = u64>>(&mut self, instants: I) {
        instants.into_iter().for_each(|instant| self.add(instant));
    }
}

impl fmt::Display for ScheduleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn schedule(rate: &str, arrivals: Arrivals, seed: u64, millis: u64) -> Schedule {
        Schedule::new(rate.parse().expect(rate), arrivals, seed, Duration::from_millis(millis))
    }

    fn hash(schedule: Schedule) -> ScheduleHash {
        let mut hash = ScheduleHash::default();
        hash.extend(schedule);
        hash
    }

    fn any_rate() -> impl Strategy<Value = String> {
        let unit = prop::sample::select(vec!["s", "m"]);
        (1_u64..20_000, unit).prop_map(|(count, unit)| format!("{count}/{unit}"))
    }

    fn any_arrivals() -> impl Strategy<Value = Arrivals> {
        prop::sample::select(vec![Arrivals::Constant, Arrivals::Poisson])
    }

    proptest! {
        // Instants never fall and all lie before the end.
        #[test]
        fn instants_are_in_order_and_before_the_end(
            rate in any_rate(), arrivals in any_arrivals(), seed: u64, millis in 1_u64..3000,
        ) {
            let instants: Vec<_> = schedule(&rate, arrivals, seed, millis).collect();
            prop_assert!(instants.is_sorted());
            prop_assert!(instants.iter().all(|instant| *instant < millis * 1_000_000));
        }

        // The n-th constant arrival is n units / count to the nanosecond, however late.
        #[test]
        fn constant_arrivals_do_not_drift(count in 1_u64..20_000, millis in 1_u64..3000) {
            let instants: Vec<_> =
                schedule(&format!("{count}/s"), Arrivals::Constant, 0, millis).collect();
            let exact = |n: usize| (n as u128 * 1_000_000_000 / u128::from(count)) as u64;
            prop_assert!(instants.iter().enumerate().all(|(n, instant)| *instant == exact(n)));
            prop_assert_eq!(instants.len() as u64, (millis * count).div_ceil(1000));
        }

        // What is said to come comes, also from the middle of a schedule.
        #[test]
        fn the_expected_count_of_constant_arrivals_is_exact(
            rate in any_rate(), millis in 1_u64..3000, skipped in 0_usize..100,
        ) {
            let mut rest = schedule(&rate, Arrivals::Constant, 0, millis);
            rest.by_ref().take(skipped).for_each(drop);
            prop_assert_eq!(rest.expected(), rest.count() as u64);
        }

        // Same seed, same schedule; another seed, another one.
        #[test]
        fn the_seed_decides_a_poisson_schedule(seed: u64) {
            let of = |seed| hash(schedule("1000/s", Arrivals::Poisson, seed, 1000));
            prop_assert_eq!(of(seed), of(seed));
            prop_assert_ne!(of(seed), of(seed.wrapping_add(1)));
        }

        // The count of a Poisson process has its mean as variance: six standard deviations are
        // passed once in 10^9 draws.
        #[test]
        fn poisson_arrivals_keep_the_mean_rate(seed: u64, rate in 500_u64..20_000) {
            let schedule = schedule(&format!("{rate}/s"), Arrivals::Poisson, seed, 2000);
            let expected = schedule.expected() as f64;
            let deviation = schedule.count() as f64 - expected;
            prop_assert!(deviation.abs() < 6.0 * expected.sqrt(), "{deviation} of {expected}");
        }
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let instants: Vec<_> = schedule("1000/s", Arrivals::Poisson, 7, 100_000).collect();
        let gaps: Vec<_> = instants.windows(2).map(|pair| (pair[1] - pair[0]) as f64).collect();
        for mean_gaps in [0.1_f64, 0.5, 1.0, 2.0, 4.0] {
            let share = 1.0 - (-mean_gaps).exp();
            let below = gaps.iter().filter(|gap| **gap < mean_gaps * 1e6).count();
            let measured = below as f64 / gaps.len() as f64;
            assert!((measured - share).abs() < 0.01, "{measured} of gaps below {mean_gaps}");
        }
    }

    #[test]
    fn an_ended_schedule_stays_ended() {
        let mut constant = schedule("10/s", Arrivals::Constant, 0, 1000);
        assert_eq!(constant.by_ref().count(), 10);
        assert_eq!((constant.next(), constant.next(), constant.expected()), (None, None, 0));
    }

    #[test]
    fn the_hash_is_fnv_1a_of_the_instants() {
        let mut hash = ScheduleHash::default();
        assert_eq!(hash.to_string(), "cbf29ce484222325");
        hash.add(0);
        // Eight zero bytes multiply the basis by the prime eight times.
        let product = (0..8).fold(ScheduleHash::OFFSET_BASIS, |product, _| {
            product.wrapping_mul(ScheduleHash::PRIME)
        });
        assert_eq!(hash, ScheduleHash(product));
    }
}
