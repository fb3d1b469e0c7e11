//! The fingerprint of a schedule.

use std::fmt;

/// Equal for two runs that asked for the same arrivals at the same instants. A sum over all
/// arrivals of a mixed number each, modulo 2^64, so that the hashes of shards, in any order, add
/// up to the hash of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScheduleHash(u64);

impl ScheduleHash {
    /// Takes arrival number `index` in.
    pub fn add(&mut self, index: u64, instant_nanos: u64) {
        self.0 = self.0.wrapping_add(mix(mix(index) ^ instant_nanos));
    }

    /// The sum of two hashes as they are printed. What is none counts as the hash of nothing.
    pub(crate) fn sum(one: &str, other: &str) -> String {
        let read = |text| Self(u64::from_str_radix(text, 16).unwrap_or(0));
        let mut sum = read(one);
        sum.merge(read(other));
        sum.to_string()
    }

    /// Takes in what the other has taken in.
    pub fn merge(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl Extend<(u64, u64)> for ScheduleHash {
    fn extend<I: IntoIterator<Item = (u64, u64)>>(&mut self, arrivals: I) {
        arrivals.into_iter().for_each(|(index, instant)| self.add(index, instant));
    }
}

impl fmt::Display for ScheduleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The finaliser of `SplitMix64` (Steele, Lea and Flood 2014) on the number's place in its
/// sequence: one to one, and each bit of the result depends on every bit of `number`.
pub(crate) fn mix(number: u64) -> u64 {
    const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut z = number.wrapping_add(1).wrapping_mul(GOLDEN_GAMMA);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(arrivals: &[(u64, u64)]) -> ScheduleHash {
        let mut hash = ScheduleHash::default();
        hash.extend(arrivals.iter().copied());
        hash
    }

    #[test]
    fn each_arrival_and_each_instant_counts() {
        let whole = [(0, 5), (1, 7), (2, 7)];
        for other in [&whole[..2], &[(0, 5), (1, 7), (2, 8)], &[(0, 7), (1, 5), (2, 7)]] {
            assert_ne!(hash(&whole), hash(other), "{other:?}");
        }
    }

    #[test]
    fn hashes_of_parts_add_up_to_the_hash_of_the_whole() {
        let mut parts = hash(&[(1, 7)]);
        parts.merge(hash(&[(0, 5), (2, 7)]));
        assert_eq!(parts, hash(&[(0, 5), (1, 7), (2, 7)]));
    }

    #[test]
    fn the_first_numbers_are_those_of_the_published_generator() {
        // SplitMix64 from seed 0, as in Vigna's splitmix64.c.
        assert_eq!([mix(0), mix(1)], [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4]);
    }
}
