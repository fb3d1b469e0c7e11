//! Arrivals that come and go: phases of load and of silence, of seeded lengths. What grows in the
//! silence too grows with time; what does not grows with requests.

use std::{str::FromStr, time::Duration};

use super::nanos;
use crate::schedule::hash::mix;

/// Shortest mean length of a phase.
const SHORTEST: Duration = Duration::from_millis(1);
/// Longest mean length of a phase.
const LONGEST: Duration = Duration::from_hours(24);

/// Mean lengths of the phases. Each phase is from half to one and a half times as long, evenly
/// spread. Written `20s/10s`: on, then off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnOff {
    on: Duration,
    off: Duration,
}

impl OnOff {
    /// Share of the time in which there are arrivals, in the long run.
    pub fn share_on(self) -> f64 {
        self.on.as_secs_f64() / (self.on + self.off).as_secs_f64()
    }

    pub(super) fn phases(self, seed: u64) -> Phases {
        let (on_nanos, off_nanos) = (nanos(self.on), nanos(self.off));
        let mut phases =
            Phases { on_nanos, off_nanos, seed, number: 0, on_until: 0, off_before: 0 };
        phases.on_until = phases.length(on_nanos);
        phases
    }
}

impl FromStr for OnOff {
    type Err = OnOffError;

    fn from_str(text: &str) -> Result<Self, OnOffError> {
        let (on, off) = text.split_once('/').ok_or(OnOffError)?;
        let length = |text: &str| {
            let length = humantime::parse_duration(text.trim()).map_err(|_| OnOffError)?;
            Some(length).filter(|length| (SHORTEST..=LONGEST).contains(length)).ok_or(OnOffError)
        };
        Ok(Self { on: length(on)?, off: length(off)? })
    }
}

/// The text is no pattern of phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no pattern of phases: write mean lengths as `20s/10s`, on/off, from 1ms to 24h")]
pub struct OnOffError;

/// Maps time that counts only while there are arrivals to time that goes on.
#[derive(Debug, Clone)]
pub(super) struct Phases {
    on_nanos: u64,
    off_nanos: u64,
    seed: u64,
    /// Phases begun so far.
    number: u64,
    /// When the current phase ends, in time that counts only while on.
    on_until: u64,
    /// All silence before the current phase.
    off_before: u64,
}

impl Phases {
    /// The instant at which load has gone on for `on_time` in all; these must not fall.
    pub(super) fn wall_nanos(&mut self, on_time: u64) -> u64 {
        while on_time >= self.on_until {
            self.off_before += self.length(self.off_nanos);
            self.on_until += self.length(self.on_nanos);
        }
        on_time + self.off_before
    }

    /// Length of the next phase. Its draw is apart from that of the arrivals, so that the phases
    /// of a seed are the same for constant and Poisson arrivals.
    fn length(&mut self, mean_nanos: u64) -> u64 {
        let draw = mix(self.seed ^ mix(self.number));
        self.number += 1;
        let spread = (u128::from(mean_nanos) * u128::from(draw)) >> 64;
        mean_nanos / 2 + spread as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_read_and_what_is_none_is_refused() {
        let on_off: OnOff = "20s/10s".parse().expect("a pattern");
        assert!((on_off.share_on() - 2.0 / 3.0).abs() < 1e-12);
        for text in ["", "20s", "20s/", "0s/1s", "1s/2days", "x/y"] {
            assert_eq!(text.parse::<OnOff>(), Err(OnOffError), "{text}");
        }
    }

    #[test]
    fn phases_have_lengths_around_their_means_and_the_seed_decides_them() {
        let on_off: OnOff = "20ms/10ms".parse().expect("a pattern");
        let gaps = |seed| {
            let mut phases = on_off.phases(seed);
            // Every 10 us of load, for ten seconds of it.
            let walls: Vec<_> = (0..1_000_000).map(|n| phases.wall_nanos(n * 10_000)).collect();
            walls
                .windows(2)
                .map(|pair| pair[1] - pair[0])
                .filter(|gap| *gap > 10_000)
                .collect::<Vec<_>>()
        };
        let first = gaps(1);
        assert_eq!(first, gaps(1));
        assert_ne!(first, gaps(2));
        assert!((450..550).contains(&first.len()), "{} phases of about 500", first.len());
        assert!(first.iter().all(|gap| (5_000_000..=15_010_000).contains(gap)));
        let mean = first.iter().sum::<u64>() / first.len() as u64;
        assert!((9_000_000..11_000_000).contains(&mean), "{mean}");
    }
}
