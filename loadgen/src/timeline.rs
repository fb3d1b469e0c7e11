//! The timeline: how a run went, second by second, in room that is the same from its first second to
//! its last. When a run outgrows it, neighbours merge and every cell is twice as long; nothing is lost
//! but resolution in time.

mod packed;

use std::collections::{BTreeMap, btree_map::Entry};

use hdrhistogram::{Counter, CreationError, Histogram};

use self::packed::Room;
use crate::{control::Counts, recording::Recording};

/// Most cells: two minutes to four at the finest, and enough for a chart of any width.
const MAX_CELLS: usize = 240;
/// Longest cell of a timeline that was read: 240 of them are more than a year.
const MAX_WIDTH_NANOS: u64 = SECOND_NANOS << 18;
/// Latest start that cells are told apart by: 292 years, so that the longest cell holds all.
const LATEST_NANOS: u64 = u64::MAX >> 1;
/// Smallest time of a cell that is told apart from zero.
const MIN_NANOS: u64 = 1000;
/// Length of a cell at first.
const SECOND_NANOS: u64 = 1_000_000_000;
/// Times within a cell are kept to 1 in 10^2: a histogram of at most 14 KiB while it is worked on.
const SIGNIFICANT_DIGITS: u8 = 2;
const RESIZES: &str = "a histogram that resizes";

/// Cells of equal length, in order; those in which nothing was recorded are missing.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    cell_nanos: u64,
    room: Room,
}

/// What happened between two instants, in nanoseconds of the run's clock.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub(crate) start_nanos: u64,
    pub(crate) end_nanos: u64,
    pub(crate) counts: Counts,
    pub(crate) dropped: u64,
    /// Most arrivals that waited for a connection at the end of any of its seconds.
    pub(crate) waiting: u64,
    /// Response times in nanoseconds.
    pub(crate) response: Histogram<u32>,
}

impl Timeline {
    pub(crate) fn new() -> Self {
        Self { cell_nanos: SECOND_NANOS, room: Room::new() }
    }

    /// Of cells in order of time, each within one second or one of 2, 4, 8, ... seconds.
    pub(crate) fn of(cells: impl Iterator<Item = Cell>) -> Self {
        let cells: Vec<_> = cells.collect();
        let within = |cell: &Cell, nanos: u64| {
            cell.start_nanos / nanos == cell.end_nanos.saturating_sub(1) / nanos
        };
        let mut timeline = Self::new();
        let longest = MAX_WIDTH_NANOS;
        while timeline.cell_nanos < longest
            && !cells.iter().all(|cell| within(cell, timeline.cell_nanos))
        {
            timeline.cell_nanos *= 2;
        }
        for cell in cells {
            timeline.push(&cell);
        }
        timeline
    }

    /// Of two runs at the same time.
    pub(crate) fn alongside(mut self, mut other: Self) -> Self {
        while self.cell_nanos < other.cell_nanos {
            self.coarsen();
        }
        while other.cell_nanos < self.cell_nanos {
            other.coarsen();
        }
        let cell_nanos = self.cell_nanos;
        let mut by_place: BTreeMap<_, _> =
            self.cells().map(|cell| (cell.place(cell_nanos), cell)).collect();
        for cell in other.cells() {
            match by_place.entry(cell.place(cell_nanos)) {
                Entry::Vacant(place) => drop(place.insert(cell)),
                Entry::Occupied(mut place) => place.get_mut().add_alongside(&cell),
            }
        }
        let mut whole = Self { cell_nanos, ..Self::new() };
        for cell in by_place.values() {
            whole.push(cell);
        }
        whole
    }

    /// In order of time.
    pub(crate) fn cells(&self) -> impl Iterator<Item = Cell> {
        self.room.cells()
    }

    /// Takes in the cell that follows. Cells in any other order end up in fewer places, no more.
    pub(crate) fn push(&mut self, cell: &Cell) {
        while cell.place(self.cell_nanos) >= MAX_CELLS as u64 || !self.append(cell) {
            self.coarsen();
        }
    }

    fn coarsen(&mut self) {
        self.cell_nanos = self.cell_nanos.saturating_mul(2);
        let cell_nanos = self.cell_nanos;
        self.room.merge(|cell, next| cell.place(cell_nanos) == next.place(cell_nanos));
    }

    /// Says whether there was room.
    fn append(&mut self, cell: &Cell) -> bool {
        match self.room.last() {
            Some(mut last) if last.place(self.cell_nanos) == cell.place(self.cell_nanos) => {
                last.add(cell);
                self.room.replace_last(&last)
            }
            _ => self.room.append(cell),
        }
    }
}

/// Whether a histogram has the bounds of those of all cells.
pub(crate) fn is_of_a_cell(histogram: &Histogram<u32>) -> bool {
    (histogram.low(), histogram.sigfig()) == (MIN_NANOS, SIGNIFICANT_DIGITS)
}

fn histogram() -> Result<Histogram<u32>, CreationError> {
    let mut histogram = Histogram::new_with_bounds(MIN_NANOS, 2 * MIN_NANOS, SIGNIFICANT_DIGITS)?;
    histogram.auto(true);
    Ok(histogram)
}

impl Cell {
    /// Of one span's recording, with `waiting` arrivals at its end.
    #[expect(clippy::expect_used, reason = "a histogram that resizes holds every value")]
    pub(crate) fn new<C: Counter>(
        span_nanos: (u64, u64),
        recording: &Recording<C>,
        waiting: u64,
    ) -> Result<Self, CreationError> {
        let mut response = histogram()?;
        for step in recording.times.response.iter_recorded() {
            let count = u32::try_from(step.count_at_value().as_u64()).unwrap_or(u32::MAX);
            response.record_n(step.value_iterated_to(), count).expect(RESIZES);
        }
        Ok(Self {
            start_nanos: span_nanos.0,
            end_nanos: span_nanos.1,
            counts: recording.counts,
            dropped: recording.dropped,
            waiting,
            response,
        })
    }

    /// Its number in a timeline whose cells are so long.
    fn place(&self, cell_nanos: u64) -> u64 {
        self.start_nanos.min(LATEST_NANOS) / cell_nanos
    }

    /// Takes in what happened at the same time elsewhere.
    fn add_alongside(&mut self, other: &Self) {
        let waiting = self.waiting + other.waiting;
        let end_nanos = self.end_nanos.max(other.end_nanos);
        self.start_nanos = self.start_nanos.min(other.start_nanos);
        self.add(other);
        (self.waiting, self.end_nanos) = (waiting, end_nanos);
    }

    /// Takes in what follows at once.
    #[expect(clippy::expect_used, reason = "a histogram that resizes holds every value")]
    fn add(&mut self, next: &Self) {
        self.end_nanos = next.end_nanos;
        self.counts = self.counts + next.counts;
        self.dropped += next.dropped;
        self.waiting = self.waiting.max(next.waiting);
        self.response.add(&next.response).expect(RESIZES);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cell(second: u64, response_nanos: u64) -> Cell {
        let mut recording = Recording::<u32>::new().expect("valid bounds");
        recording.counts.planned = 1;
        recording.times.response.record(response_nanos).expect("within the bounds");
        let span = (second * SECOND_NANOS, (second + 1) * SECOND_NANOS);
        Cell::new(span, &recording, second).expect("valid bounds")
    }

    proptest! {
        // However long the run: few cells, in order, nothing lost, and the longest time is kept to 1 %.
        #[test]
        fn a_timeline_is_bounded_and_loses_nothing(gaps in prop::collection::vec(1_u64..9, 1..700)) {
            let mut timeline = Timeline::new();
            let seconds: Vec<_> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let longest = 3_000_000_000;
            for second in &seconds {
                timeline.push(&cell(*second, if *second == seconds[0] { longest } else { 5_000 }));
            }
            let cells: Vec<_> = timeline.cells().collect();
            prop_assert!(cells.len() <= MAX_CELLS);
            prop_assert!(cells.windows(2).all(|pair| pair[0].end_nanos <= pair[1].start_nanos));
            prop_assert_eq!(cells.iter().map(|cell| cell.counts.planned).sum::<u64>(), seconds.len() as u64);
            prop_assert_eq!(cells.iter().map(|cell| cell.response.len()).sum::<u64>(), seconds.len() as u64);
            let max = cells[0].response.max();
            prop_assert!(max.abs_diff(longest) <= longest / 100, "{}", max);
            prop_assert_eq!(cells.last().map(|cell| cell.waiting), seconds.last().copied());
        }
    }

    // A file may say anything: whatever the order, whatever the instants, all is kept.
    #[test]
    fn cells_that_fill_the_room_in_no_order_are_all_kept() {
        let mut timeline = Timeline::new();
        let mut wide = cell(0, 5_000);
        (10..40).for_each(|octave| {
            (0..128).for_each(|n| {
                wide.response.record(1 << octave | n << (octave - 7)).expect(RESIZES);
            });
        });
        let count = 100;
        for nth in 0..count {
            (wide.start_nanos, wide.end_nanos) =
                if nth % 2 == 0 { (0, 1) } else { (u64::MAX - 1, u64::MAX) };
            timeline.push(&wide);
        }
        let kept: u64 = timeline.cells().map(|cell| cell.response.len()).sum();
        assert_eq!(kept, count * wide.response.len());
    }

    #[test]
    fn a_short_run_keeps_its_seconds() {
        let mut timeline = Timeline::new();
        (0..MAX_CELLS as u64).for_each(|second| timeline.push(&cell(second, 5_000)));
        assert_eq!(timeline.cells().count(), MAX_CELLS);
        timeline.push(&cell(MAX_CELLS as u64, 5_000));
        assert_eq!(timeline.cells().count(), MAX_CELLS / 2 + 1);
    }
}
