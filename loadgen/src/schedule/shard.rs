//! One of several generators, or of several threads, that share a schedule.

use std::{fmt, num::NonZeroU64, str::FromStr};

/// Most shards of one plan.
const MAX_SHARDS: u64 = 10_000;

/// Takes every `count`-th arrival, from number `index` on. Written `i/n`, with `i` from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: NonZeroU64,
}

impl Shard {
    /// All of it.
    pub const WHOLE: Self = Self { index: 0, count: NonZeroU64::MIN };

    /// Number `index` of `count`; none if there is no such shard.
    pub fn new(index: u64, count: u64) -> Option<Self> {
        let count = NonZeroU64::new(count)?;
        (index < count.get()).then_some(Self { index, count })
    }

    /// Which of them, from 0.
    pub fn index(self) -> u64 {
        self.index
    }

    /// How many there are.
    pub fn count(self) -> u64 {
        self.count.get()
    }

    /// A part of this part.
    #[must_use]
    pub fn part(self, of: Self) -> Self {
        Self {
            index: self.index + self.count.get() * of.index,
            count: self.count.saturating_mul(of.count),
        }
    }

    /// The number in the whole of what is number `nth` of this part.
    pub(crate) fn number_of(self, nth: u64) -> u64 {
        self.index + self.count.get() * nth
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Self, ShardError> {
        let (index, count) = text.split_once('/').ok_or(ShardError)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| ShardError);
        let (index, count) = (number(index)?, number(count)?);
        Self::new(index, count).filter(|_| count <= MAX_SHARDS).ok_or(ShardError)
    }
}

/// The text is no shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no shard: write `i/n`, i from 0 to n - 1, n at most {MAX_SHARDS}")]
pub struct ShardError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_read_and_what_is_none_is_refused() {
        let shard: Shard = "2/8".parse().expect("a shard");
        assert_eq!((shard.index(), shard.count(), shard.to_string().as_str()), (2, 8, "2/8"));
        for text in ["", "1", "8/8", "0/0", "-1/2", "0/10001", "a/b", "1/2/3"] {
            assert_eq!(text.parse::<Shard>(), Err(ShardError), "{text}");
        }
    }

    #[test]
    fn parts_of_parts_cover_the_whole_once() {
        let mut numbers: Vec<_> = (0..3)
            .flat_map(|i| (0..2).map(move |j| (Shard::new(i, 3), Shard::new(j, 2))))
            .map(|(shard, part)| shard.expect("of 3").part(part.expect("of 2")))
            .flat_map(|shard| (0..5).map(move |nth| shard.number_of(nth)))
            .collect();
        numbers.sort_unstable();
        assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    }
}
