//! Series that were found by their labels before.
//!
//! To find a series hashes its labels, takes a lock and compares all of them, which costs as much as
//! all else that is noted of a request. There are few: what is remembered is a short list.

use std::sync::OnceLock;

/// Series that are remembered; the others are found anew each time.
const MOST: usize = 64;

/// The series of some metrics, by their labels, in the order of their first use.
pub struct Known<L, S>([OnceLock<(L, S)>; MOST]);

impl<L, S> Default for Known<L, S> {
    fn default() -> Self {
        Self([const { OnceLock::new() }; MOST])
    }
}

impl<L: Copy + PartialEq, S> Known<L, S> {
    /// Notes something on the series with these labels, which `find` finds.
    pub fn note(&self, labels: L, find: impl Fn() -> S, note: impl FnOnce(&S)) {
        let known = self.0.iter().find_map(|slot| {
            let (found, series) = slot.get_or_init(|| (labels, find()));
            (*found == labels).then_some(series)
        });
        match known {
            Some(series) => note(series),
            None => note(&find()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use prometheus::{IntCounter, IntCounterVec, Opts};

    use super::*;

    #[test]
    fn a_series_is_found_once_and_those_beyond_the_list_each_time() {
        let counters = IntCounterVec::new(Opts::new("x", "x"), &["label"]).unwrap();
        let (known, finds) = (Known::default(), Cell::new(0));
        for _ in 0..3 {
            for label in 0..MOST + 2 {
                let find = || {
                    finds.set(finds.get() + 1);
                    counters.with_label_values(&[label.to_string()])
                };
                known.note(label, find, IntCounter::inc);
            }
        }
        assert_eq!(finds.get(), MOST + 3 * 2);
        let counts =
            (0..MOST + 2).map(|label| counters.with_label_values(&[label.to_string()]).get());
        assert!(counts.into_iter().all(|count| count == 3));
    }
}
