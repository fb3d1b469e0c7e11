//! A cell at rest. A histogram has room for every time that may come, most of it zeros; a cell that
//! is over needs that of the times that came. Otherwise the timeline of a run would be most of the
//! generator's memory, and grow for minutes.
//!
//! Each time that came is two numbers: how far it is from the one before, and how often it came. Most
//! are small, so they are written in as many groups of seven bits as they need (LEB128).

use super::{Cell, RESIZES, histogram};
use crate::control::Counts;

/// Times of a histogram are one less than a multiple of this: its smallest time is 1000 ns, and it
/// counts in powers of two.
const GRAIN_NANOS: u64 = 512;

/// A cell, packed.
#[derive(Debug, Clone)]
pub(super) struct Packed {
    pub(super) start_nanos: u64,
    end_nanos: u64,
    counts: Counts,
    dropped: u64,
    waiting: u64,
    response: Box<[u8]>,
}

impl Packed {
    pub(super) fn of(cell: &Cell) -> Self {
        let (mut response, mut before) = (Vec::new(), 0);
        for step in cell.response.iter_recorded() {
            let grains = (step.value_iterated_to() + 1) / GRAIN_NANOS;
            write(&mut response, grains - before);
            write(&mut response, step.count_at_value().into());
            before = grains;
        }
        Self {
            start_nanos: cell.start_nanos,
            end_nanos: cell.end_nanos,
            counts: cell.counts,
            dropped: cell.dropped,
            waiting: cell.waiting,
            response: response.into(),
        }
    }

    #[expect(clippy::expect_used, reason = "the same bounds as of any cell, which resize")]
    pub(super) fn cell(&self) -> Cell {
        let mut response = histogram().expect("the bounds are valid");
        let (mut rest, mut grains) = (&self.response[..], 0);
        while !rest.is_empty() {
            grains += read(&mut rest);
            let count = u32::try_from(read(&mut rest)).unwrap_or(u32::MAX);
            response.record_n(grains * GRAIN_NANOS - 1, count).expect(RESIZES);
        }
        Cell {
            start_nanos: self.start_nanos,
            end_nanos: self.end_nanos,
            counts: self.counts,
            dropped: self.dropped,
            waiting: self.waiting,
            response,
        }
    }
}

fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn read(bytes: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let Some((byte, rest)) = bytes.split_first() else { break };
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    number
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        // A cell comes out as it went in, in a few bytes per time that came.
        #[test]
        fn packing_loses_nothing(
            times in prop::collection::vec((0_u64..3_600_000_000_000, 1_u32..1000), 0..300),
        ) {
            let mut response = histogram().expect("valid bounds");
            for (nanos, count) in &times {
                response.record_n(*nanos, *count).expect(RESIZES);
            }
            let counts = Counts::default();
            let cell = Cell { start_nanos: 1, end_nanos: 2, counts, dropped: 3, waiting: 4, response };
            let packed = Packed::of(&cell);
            prop_assert_eq!(&packed.cell().response, &cell.response);
            prop_assert!(packed.response.len() <= 8 * times.len());
        }
    }
}
