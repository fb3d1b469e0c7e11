//! From series to rows: one row for every instant at which any series has a sample.

use std::collections::BTreeMap;

use super::columns::{Column, Columns};
use super::dump::{Dump, Sample};
use super::meaning::Layout;
use super::row::put;
use super::{Problem, Problems};
use crate::Observation;

/// Starts that differ by less are the same, told by a clock that was adjusted.
const SAME_START_SECONDS: f64 = 0.5;

/// Rows in order of time. A series that has no sample at an instant is missing there.
#[derive(Debug)]
pub struct Pivot {
    pub columns: Columns,
    column_of: Vec<Option<usize>>,
    samples: std::iter::Peekable<std::vec::IntoIter<Sample>>,
    requests: Requests,
    start_seconds: Option<f64>,
}

impl Pivot {
    /// Lays the series out as columns; also what is worth telling about that.
    pub fn new(mut dump: Dump) -> Result<(Self, Vec<String>), Problems> {
        if dump.samples.is_empty() {
            return Err(Problem::NoSamples.into());
        }
        let Layout { columns, column_of, notes } = Layout::of(&dump.take_series())?;
        dump.notes.extend(notes);
        dump.notes.extend(dump.left_out());
        let mut samples = dump.samples;
        samples.retain(|sample| column_of[sample.series].is_some());
        samples.sort_by(|a, b| a.t_seconds.total_cmp(&b.t_seconds));
        let samples = samples.into_iter().peekable();
        let requests = Requests::default();
        Ok((Self { columns, column_of, samples, requests, start_seconds: None }, dump.notes))
    }

    fn take_in(&mut self, sample: Sample, seen: &mut Observation) {
        let Columns(columns) = &self.columns;
        match self.column_of[sample.series].and_then(|at| columns.get(at)) {
            Some(Column::Requests) => self.requests.take_in(sample),
            Some(column) => put(seen, column, sample.value),
            None => {}
        }
    }
}

impl Iterator for Pivot {
    type Item = Observation;

    fn next(&mut self) -> Option<Observation> {
        let first = self.samples.next()?;
        let t_seconds = first.t_seconds;
        let mut seen = Observation { t_seconds, ..Observation::default() };
        self.take_in(first, &mut seen);
        while let Some(more) = self.samples.next_if(|sample| sample.t_seconds <= t_seconds) {
            self.take_in(more, &mut seen);
        }
        let starts = seen.start_seconds.zip(self.start_seconds);
        if starts.is_some_and(|(now, before)| (now - before).abs() > SAME_START_SECONDS) {
            self.requests.begin_anew();
        }
        // A run goes on until another begins, whether or not each row repeats its identity.
        self.start_seconds = seen.start_seconds.or(self.start_seconds);
        seen.start_seconds = self.start_seconds;
        seen.requests_total = self.requests.total();
        Some(seen)
    }
}

/// The sum of a counter over its label sets.
///
/// A set that has no sample at an instant stands where it stood: were it left out, the sum would
/// fall, and a counter that falls is a restart.
#[derive(Debug, Default)]
struct Requests {
    stand: BTreeMap<usize, f64>,
    now: BTreeMap<usize, f64>,
    restarted: bool,
}

impl Requests {
    fn take_in(&mut self, sample: Sample) {
        self.restarted |= self.stand.get(&sample.series).is_some_and(|stood| sample.value < *stood);
        self.now.insert(sample.series, sample.value);
    }

    /// The sets that are silent now belong to the run that is over.
    fn begin_anew(&mut self) {
        self.restarted = true;
    }

    /// The sum at this instant, if any set has a sample at it.
    fn total(&mut self) -> Option<f64> {
        if std::mem::take(&mut self.restarted) {
            self.stand.clear();
        }
        let any = !self.now.is_empty();
        self.stand.append(&mut self.now);
        any.then(|| self.stand.values().sum())
    }
}
