//! The latest stretch of a figure in constant memory: sixty cells, the oldest of which falls out.

use std::collections::VecDeque;

use crate::stats::{self, Slope};

/// Cells in a window: as many slopes of pairs as a median of them is cheap.
const CELLS: i64 = 60;

/// Share of the window that must have been seen before a slope, a base or a rate is one.
const LEAST_SHARE: f64 = 0.5;

/// What was seen in a sixtieth of the window.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cell {
    index: i64,
    /// When its first value was.
    first_seconds: f64,
    count: f64,
    sum: f64,
    low: f64,
    high: f64,
    /// By how much a counter rose, and how much of that it did between the cell before and the first value.
    rise: f64,
    rise_before: f64,
}

/// The latest `span_seconds` of a figure, in at most sixty cells.
#[derive(Clone, Debug)]
pub(super) struct Window {
    span_seconds: f64,
    cells: VecDeque<Cell>,
    /// When the latest value was, and the value.
    latest: Option<(f64, f64)>,
    /// The slope of the cells before the latest.
    slope: Option<Slope>,
}

impl Window {
    pub(super) fn new(span_seconds: f64) -> Self {
        Self { span_seconds, cells: VecDeque::new(), latest: None, slope: None }
    }

    /// Takes in a value that came after all others. After a gap as long as the window it begins anew.
    pub(super) fn push(&mut self, t_seconds: f64, value: f64) {
        if self.latest.is_some_and(|(before, _)| t_seconds - before >= self.span_seconds) {
            *self = Self::new(self.span_seconds);
        }
        let rise = self.latest.map_or(0.0, |(_, before)| risen(before, value));
        self.latest = Some((t_seconds, value));
        let index = (t_seconds / self.width_seconds()).floor() as i64;
        if self.cells.back().is_none_or(|cell| cell.index != index) {
            self.cells.retain(|cell| cell.index > index - CELLS);
            self.slope = self.theil_sen();
            self.cells.push_back(Cell {
                index,
                first_seconds: t_seconds,
                count: 0.0,
                sum: 0.0,
                low: value,
                high: value,
                rise_before: rise,
                rise: 0.0,
            });
        }
        if let Some(cell) = self.cells.back_mut() {
            cell.count += 1.0;
            cell.sum += value;
            cell.low = cell.low.min(value);
            cell.high = cell.high.max(value);
            cell.rise += rise;
        }
    }

    /// The lowest value, once half of the window was seen.
    pub(super) fn low(&self) -> Option<f64> {
        self.covered_seconds()?;
        self.cells.iter().map(|cell| cell.low).reduce(f64::min)
    }

    /// The highest value: one is enough.
    pub(super) fn high(&self) -> Option<f64> {
        self.cells.iter().map(|cell| cell.high).reduce(f64::max)
    }

    /// By how much a counter rose since the first value.
    pub(super) fn rise(&self) -> Option<f64> {
        let before = self.cells.front()?.rise_before;
        Some(self.cells.iter().map(|cell| cell.rise).sum::<f64>() - before)
    }

    /// The same per second, once half of the window was seen.
    pub(super) fn rate(&self) -> Option<f64> {
        Some(self.rise()? / self.covered_seconds()?)
    }

    /// The slope per second, once half of the window was seen; at most zero where growth is not certain.
    pub(super) fn growth(&self) -> Option<f64> {
        self.covered_seconds()?;
        let slope = self.slope?;
        Some(if slope.low > 0.0 { slope.mid } else { slope.mid.min(0.0) })
    }

    /// How long the cells reach back, if that is enough.
    fn covered_seconds(&self) -> Option<f64> {
        let seconds = self.latest?.0 - self.cells.front()?.first_seconds;
        (seconds >= LEAST_SHARE * self.span_seconds).then_some(seconds)
    }

    fn theil_sen(&self) -> Option<Slope> {
        let width = self.width_seconds();
        let point = |cell: &Cell| (cell.index as f64 * width, cell.sum / cell.count);
        stats::theil_sen(&self.cells.iter().map(point).collect::<Vec<_>>())
    }

    fn width_seconds(&self) -> f64 {
        self.span_seconds / CELLS as f64
    }
}

/// By how much a counter rose; one that fell began anew at zero.
fn risen(before: f64, now: f64) -> f64 {
    if now < before { now } else { now - before }
}
