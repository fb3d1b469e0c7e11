//! Random numbers that belong to a request: a function of the seed and of the request's number,
//! so the same seed sends the same requests, whichever connection, thread or shard they fall to.

use crate::schedule::mix;

/// What a number is drawn for; draws for different purposes have nothing to do with one another.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Does its client go away?
    Abort,
    /// Which of the plan's requests is it?
    Choice,
    /// An id that no other request has.
    Unique,
    /// A key of the key space.
    Key,
    /// Any number.
    Random,
}

/// An evenly spread number. For one seed and purpose, different requests have different ones.
pub(crate) fn draw(seed: u64, index: u64, purpose: Purpose) -> u64 {
    let stream = mix(seed ^ mix(purpose as u64));
    mix(stream.wrapping_add(index))
}

/// As a number from 0 to below 1, of its upper 53 bits.
pub(crate) fn unit(number: u64) -> f64 {
    (number >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn draws_differ_by_request_purpose_and_seed() {
        let purposes = [Purpose::Abort, Purpose::Choice, Purpose::Unique, Purpose::Key];
        let draws: HashSet<_> = (0..3)
            .flat_map(|seed| purposes.map(|purpose| (seed, purpose)))
            .flat_map(|(seed, purpose)| (0..1000).map(move |index| draw(seed, index, purpose)))
            .collect();
        assert_eq!(draws.len(), 12_000);
    }

    #[test]
    fn numbers_are_evenly_spread() {
        let mean = (0..10_000).map(|n| unit(draw(7, n, Purpose::Key))).sum::<f64>() / 10_000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
    }
}
