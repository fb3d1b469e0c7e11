//! Which of several copies judges which series: by a hash of the labels, so that they need not talk.

use std::fmt;
use std::str::FromStr;

use crate::source::Labels;

/// Most shards.
const MOST_SHARDS: u64 = 10_000;

/// One of several parts of all series: `i/n`, counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    of: u64,
}

impl FromStr for Shard {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split_once('/');
        let parsed = parts.and_then(|(index, of)| Some((index.parse().ok()?, of.parse().ok()?)));
        parsed
            .filter(|(index, of)| index < of && *of <= MOST_SHARDS)
            .map(|(index, of)| Self { index, of })
            .ok_or("expected i/n with i from 0 to n - 1, such as 0/3")
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl Shard {
    /// Whether the series is one of this part. Every series is of exactly one of the n.
    pub fn has(self, labels: &Labels) -> bool {
        hash(labels) % self.of == self.index
    }
}

/// FNV-1a in 64 bits (Fowler, Noll, Vo), then mixed as in `MurmurHash3` (Appleby), because the low bits of FNV repeat
/// patterns of the last bytes. It must never change: copies of different versions share one set of series.
fn hash(labels: &Labels) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let texts = labels.iter().flat_map(|(name, value)| [name, value]);
    for byte in texts.flat_map(|text| text.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_of_exactly_one_shard_and_shards_are_of_similar_size() {
        let all: Vec<Labels> = (0..3000)
            .map(|k| {
                [("instance".to_owned(), format!("host-{k}:9100")), ("job".into(), "node".into())]
                    .into()
            })
            .collect();
        let shards: Vec<Shard> =
            (0..3).map(|i| format!("{i}/3").parse().expect("a shard")).collect();
        let sizes: Vec<usize> = shards
            .iter()
            .map(|shard| all.iter().filter(|labels| shard.has(labels)).count())
            .collect();
        assert_eq!(sizes.iter().sum::<usize>(), 3000);
        assert!(sizes.iter().all(|size| (800..1200).contains(size)), "{sizes:?}");
    }

    /// Copies of different versions must agree. The value is computed from the definition, by another program.
    #[test]
    fn the_hash_is_what_it_was() {
        let labels = [("a".to_owned(), "b".to_owned())].into();
        assert_eq!(hash(&labels), 0xb94f_f3de_c3d7_39ad);
    }

    #[test]
    fn a_shard_is_an_index_below_a_number() {
        for bad in ["", "1", "3/3", "-1/3", "0/0", "a/b", "0/20000"] {
            assert!(bad.parse::<Shard>().is_err(), "{bad}");
        }
    }
}
