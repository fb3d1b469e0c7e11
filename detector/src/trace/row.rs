//! One row of a trace: cells to numbers, numbers to an observation.

use super::cells::Cells;
use super::columns::{Column, Columns, excerpt};
use super::{Problem, Problems};
use crate::Observation;

impl Columns {
    /// The observation of a row, or everything that is wrong with it.
    pub(super) fn observation(
        &self,
        row: &Cells,
        previous_seconds: Option<f64>,
    ) -> Result<Observation, Problems> {
        let (expected, found) = (self.0.len(), row.len());
        if expected != found {
            return Err(Problem::Ragged { expected, found }.into());
        }
        let mut seen = Observation { t_seconds: f64::NAN, ..Observation::default() };
        let mut problems = Vec::new();
        for (index, (column, cell)) in self.0.iter().zip(row.iter()).enumerate() {
            match number(column, index, cell) {
                Ok(Some(value)) => put(&mut seen, column, value),
                Ok(None) => {}
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(time_problem(&seen, &problems, previous_seconds));
        if problems.is_empty() { Ok(seen) } else { Err(Problems(problems)) }
    }
}

fn number(column: &Column, index: usize, cell: &[u8]) -> Result<Option<f64>, Problem> {
    let text = std::str::from_utf8(cell).map_err(|_| Problem::NotUtf8(index + 1))?.trim();
    if text.is_empty() {
        return if matches!(column, Column::Time) { Err(Problem::TimeMissing) } else { Ok(None) };
    }
    let (name, cell) = (column.name(), excerpt(text));
    match text.parse::<f64>() {
        // Time counts from any instant, and so does the start of the run.
        Ok(value) if value.is_finite() && matches!(column, Column::Time | Column::Start) => {
            Ok(Some(value))
        }
        Ok(value) if value.is_finite() && value >= 0.0 => Ok(Some(value)),
        Ok(value) if value.is_finite() => Err(Problem::Negative { column: excerpt(name), cell }),
        _ => Err(Problem::NotANumber { column: excerpt(name), cell }),
    }
}

/// Puts a value where its column says.
pub(super) fn put(seen: &mut Observation, column: &Column, value: f64) {
    match column {
        Column::Time => seen.t_seconds = value,
        Column::Start => seen.start_seconds = Some(value),
        Column::Requests => seen.requests_total = Some(value),
        Column::Signal(signal) => {
            seen.signals.insert(*signal, value);
        }
        Column::Gauge(name) => {
            seen.gauges.insert(name.clone(), value);
        }
        Column::Restating(_) => {}
    }
}

/// Time must rise strictly; a time that could not be read has been reported already.
fn time_problem(seen: &Observation, found: &[Problem], previous: Option<f64>) -> Option<Problem> {
    let (now, previous) = (seen.t_seconds, previous?);
    let readable = found.is_empty() || now.is_finite();
    (readable && now <= previous)
        .then(|| Problem::TimeNotRising(now.to_string(), previous.to_string()))
}
