//! The schedule: when each arrival is meant to happen. A pure, lazy sequence, so that its memory
//! is the same for any duration and the same seed is the same schedule on every machine.
//!
//! The plan's rate over time is a [`Profile`]: the number of arrivals that are expected by each
//! instant. The n-th arrival happens when that number reaches n (constant) or the n-th point of a
//! Poisson process of rate one (Poisson), so every kind of arrivals follows every profile.

mod hash;
mod on_off;
mod profile;
mod shard;

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::Xoshiro256PlusPlus};

pub(crate) use self::hash::mix;
pub use self::{
    hash::ScheduleHash,
    on_off::{OnOff, OnOffError},
    profile::{CurvePoint, Profile},
    shard::{Shard, ShardError},
};
use self::{on_off::Phases, profile::Cursor};
use crate::plan::Arrivals;

/// What a schedule is made from.
#[derive(Debug, Clone)]
pub struct Timetable {
    /// Rate over time, up to the end.
    pub profile: Profile,
    /// How arrivals are spread around it.
    pub arrivals: Arrivals,
    /// How many come at the same instant: groups of this size at a rate that is as much lower.
    pub burst: u32,
    /// When there are arrivals at all.
    pub on_off: Option<OnOff>,
    /// Seed of all that is random.
    pub seed: u64,
}

/// Intended instants in nanoseconds from the start: never falling, all before the end.
#[derive(Debug, Clone)]
pub struct Schedule {
    end_nanos: u64,
    expected: u64,
    cursor: Cursor,
    phases: Option<Phases>,
    random: Option<Xoshiro256PlusPlus>,
    burst: u32,
    /// Arrivals expected by the instant of the current group.
    count: Count,
    instant: u64,
    /// How many of the current group are still to come.
    left_of_group: u32,
}

/// A number of arrivals: whole where arrivals are evenly spread, so that nothing drifts.
#[derive(Debug, Clone, Copy)]
enum Count {
    Whole(u64),
    Real(f64),
}

impl Timetable {
    /// The instants of all arrivals.
    ///
    /// The random generator is named rather than "standard" because its output is part of the
    /// promise: xoshiro256++ is specified to the bit.
    pub fn schedule(&self) -> Schedule {
        let poisson = self.arrivals == Arrivals::Poisson;
        Schedule {
            end_nanos: nanos(self.profile.duration()),
            expected: self.expected(),
            cursor: self.profile.cursor(),
            phases: self.on_off.map(|on_off| on_off.phases(self.seed)),
            random: poisson.then(|| Xoshiro256PlusPlus::seed_from_u64(self.seed)),
            burst: self.burst,
            count: if poisson { Count::Real(0.0) } else { Count::Whole(0) },
            instant: 0,
            left_of_group: 0,
        }
    }

    /// How many arrivals there will be: exactly for constant arrivals that are never off, else
    /// the expected number.
    pub fn expected(&self) -> u64 {
        let share = self.on_off.map_or(1.0, OnOff::share_on);
        match (self.arrivals, self.on_off) {
            (Arrivals::Constant, None) => {
                let groups = self.profile.evenly_spread().div_ceil(u64::from(self.burst));
                groups * u64::from(self.burst)
            }
            _ => (self.profile.total() * share).round() as u64,
        }
    }
}

impl Schedule {
    /// How many arrivals there will be in all; see [`Timetable::expected`].
    pub fn expected(&self) -> u64 {
        self.expected
    }

    /// Those arrivals that are the shard's, each with its number in the whole schedule.
    pub fn of_shard(self, shard: Shard) -> impl Iterator<Item = (u64, u64)> {
        (0..).zip(self).skip(shard.index() as usize).step_by(shard.count() as usize)
    }

    /// The instant of the next group; `None` once it is beyond the end.
    fn next_group(&mut self) -> Option<u64> {
        let on_time = match (&mut self.count, &mut self.random) {
            (Count::Real(count), Some(random)) => {
                *count += exponential(random) * f64::from(self.burst);
                self.cursor.instant_of(*count)?
            }
            (Count::Real(count), None) => self.cursor.instant_of(*count)?,
            (Count::Whole(count), _) => {
                let instant = self.cursor.instant_of_whole(*count)?;
                *count += u64::from(self.burst);
                instant
            }
        };
        let instant = match &mut self.phases {
            Some(phases) => phases.wall_nanos(on_time),
            None => on_time,
        };
        (instant < self.end_nanos).then_some(instant)
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if self.left_of_group == 0 {
            if let Some(instant) = self.next_group() {
                self.instant = instant;
                self.left_of_group = self.burst;
            } else {
                // Beyond the end for good: asking again gives the same answer.
                self.end_nanos = 0;
                return None;
            }
        }
        self.left_of_group -= 1;
        Some(self.instant)
    }
}

/// An exponentially distributed number with mean 1, by inversion of a uniform number in (0, 1]
/// made of the upper 53 bits.
fn exponential(random: &mut impl Rng) -> f64 {
    let uniform = ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    -uniform.ln()
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
