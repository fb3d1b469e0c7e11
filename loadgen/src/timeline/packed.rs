//! Cells at rest, one after the other in one block of memory. A histogram has room for every time that
//! may come, most of it zeros; a cell that is over needs that of the times that came.
//!
//! A cell is numbers, most of them small, so they are written in as many groups of seven bits as they
//! need (LEB128). Each time that came is two: how far it is from the one before, and how often it came.

use super::{Cell, RESIZES, histogram};
use crate::control::Counts;

/// All the room there is: 240 cells at about 1 KiB, which hold times over three decades.
const ROOM_BYTES: usize = 256 * 1024;
/// Times of a histogram are one less than a multiple of this: its smallest time is 1000 ns, and it
/// counts in powers of two.
const GRAIN_NANOS: u64 = 512;

/// Cells in order of time, in room that never grows.
#[derive(Debug, Clone)]
pub(super) struct Room {
    bytes: Box<[u8]>,
    used: usize,
    /// Where the last cell begins; `used` if there is none.
    last: usize,
}

impl Room {
    pub(super) fn new() -> Self {
        // Memory counts from when it is first written, and zeros would not be: room that fills while
        // the run goes on would look like a leak.
        Self { bytes: vec![u8::MAX; ROOM_BYTES].into(), used: 0, last: 0 }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = Cell> {
        let mut rest = &self.bytes[..self.used];
        std::iter::from_fn(move || (!rest.is_empty()).then(|| unpack(&mut rest)))
    }

    pub(super) fn last(&self) -> Option<Cell> {
        let mut bytes = &self.bytes[self.last..self.used];
        (!bytes.is_empty()).then(|| unpack(&mut bytes))
    }

    /// Adds a cell if it fits, and says whether it does.
    pub(super) fn append(&mut self, cell: &Cell) -> bool {
        self.put(self.used, cell)
    }

    /// Puts a cell in the place of the last one if it fits, and says whether it does.
    pub(super) fn replace_last(&mut self, cell: &Cell) -> bool {
        self.put(self.last, cell)
    }

    fn put(&mut self, start: usize, cell: &Cell) -> bool {
        let packed = pack(cell);
        let end = start + packed.len();
        let Some(place) = self.bytes.get_mut(start..end) else { return false };
        place.copy_from_slice(&packed);
        (self.last, self.used) = (start, end);
        true
    }

    /// Takes each cell into the one before where `belongs` says so of the two.
    pub(super) fn merge(&mut self, belongs: impl Fn(&Cell, &Cell) -> bool) {
        let (mut read, end) = (0, self.used);
        (self.used, self.last) = (0, 0);
        while read < end {
            let mut rest = &self.bytes[read..end];
            let cell = unpack(&mut rest);
            read = end - rest.len();
            // Two cells together need no more bytes than each on its own, so what is written ends
            // before what is still to be read, and always fits.
            match self.last() {
                Some(mut last) if belongs(&last, &cell) => {
                    last.add(&cell);
                    self.replace_last(&last);
                }
                _ => drop(self.append(&cell)),
            }
        }
    }
}

fn pack(cell: &Cell) -> Vec<u8> {
    let Cell { start_nanos, end_nanos, counts, dropped, waiting, response } = cell;
    let Counts { planned, sent, completed, errors, aborted } = *counts;
    let mut bytes = Vec::new();
    for number in
        [*start_nanos, *end_nanos, planned, sent, completed, errors, aborted, *dropped, *waiting]
    {
        write(&mut bytes, number);
    }
    write(&mut bytes, response.iter_recorded().count() as u64);
    let mut before = 0;
    for step in response.iter_recorded() {
        let grains = (step.value_iterated_to() + 1) / GRAIN_NANOS;
        write(&mut bytes, grains - before);
        write(&mut bytes, step.count_at_value().into());
        before = grains;
    }
    bytes
}

/// Takes the first cell off the bytes.
#[expect(clippy::expect_used, reason = "the same bounds as of any cell, which resize")]
fn unpack(bytes: &mut &[u8]) -> Cell {
    let [start_nanos, end_nanos] = [(); 2].map(|()| read(bytes));
    let [planned, sent, completed, errors, aborted] = [(); 5].map(|()| read(bytes));
    let [dropped, waiting, times] = [(); 3].map(|()| read(bytes));
    let mut response = histogram().expect("the bounds are valid");
    let mut grains = 0;
    for _ in 0..times {
        grains += read(bytes);
        let count = u32::try_from(read(bytes)).unwrap_or(u32::MAX);
        response.record_n(grains * GRAIN_NANOS - 1, count).expect(RESIZES);
    }
    let counts = Counts { planned, sent, completed, errors, aborted };
    Cell { start_nanos, end_nanos, counts, dropped, waiting, response }
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

    fn cell(times: &[(u64, u32)]) -> Cell {
        let mut response = histogram().expect("valid bounds");
        for (nanos, count) in times {
            response.record_n(*nanos, *count).expect(RESIZES);
        }
        let counts = Counts { planned: 9, sent: 8, completed: 300, errors: 7, aborted: 6 };
        Cell { start_nanos: 1, end_nanos: 2, counts, dropped: 3, waiting: 4, response }
    }

    fn times() -> impl Strategy<Value = Vec<(u64, u32)>> {
        prop::collection::vec((0_u64..3_600_000_000_000, 1_u32..1000), 0..300)
    }

    proptest! {
        // A cell comes out as it went in, in a few bytes per time that came.
        #[test]
        fn packing_loses_nothing(times in times()) {
            let (cell, mut room) = (cell(&times), Room::new());
            prop_assert!(room.append(&cell));
            prop_assert_eq!(room.last(), Some(cell));
            prop_assert!(room.used <= 20 + 8 * times.len());
        }

        // What `Room::merge` relies on.
        #[test]
        fn two_cells_together_need_no_more_room_than_apart(one in times(), other in times()) {
            let (mut one, other) = (cell(&one), cell(&other));
            let apart = pack(&one).len() + pack(&other).len();
            one.add(&other);
            prop_assert!(pack(&one).len() <= apart);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_and_nothing_else_is_touched() {
        let every: Vec<_> = (10..42)
            .flat_map(|octave| (0..64).map(move |n| ((64 + n) << octave >> 6, 1 << 20)))
            .collect();
        let (cell, mut room) = (cell(&every), Room::new());
        let fitted = std::iter::repeat_with(|| room.append(&cell)).take_while(|fits| *fits).count();
        assert!(fitted >= 8, "{fitted}");
        assert_eq!(room.cells().count(), fitted);
        assert!(room.last() == Some(cell));
    }
}
