//! A row a second, with the words of a trace: the first column is `t_seconds`, empty cells are
//! missing, and `requests_total` counts since the start; all other counts are of that second.

use std::fmt::Write;

use hdrhistogram::Histogram;

use super::OutputFile;
use crate::collector::{Listener, Second};

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];
const NANOS_PER_SECOND: f64 = 1e9;

/// Writes the rows, and before the first one the header.
pub(crate) struct Csv(OutputFile);

impl Csv {
    /// Nothing is written before there is a row.
    pub(crate) fn new(file: OutputFile) -> Self {
        Self(file)
    }
}

impl Listener for Csv {
    fn second(&mut self, second: &Second<'_>) {
        if second.is_first() {
            self.0.write(&header());
        }
        self.0.write(&row(second));
    }
}

fn header() -> String {
    let mut header = String::from(
        "t_seconds,seconds,requests_total,requests_planned,requests_sent,requests_completed,\
         errors,requests_aborted,arrivals_dropped,arrivals_waiting",
    );
    for name in ["response", "service", "lateness"] {
        for (statistic, _) in QUANTILES {
            let _ = write!(header, ",{name}_{statistic}_seconds");
        }
        let _ = write!(header, ",{name}_max_seconds,{name}_mean_seconds");
    }
    header + "\n"
}

fn row(second: &Second<'_>) -> String {
    let Second { end_nanos, recording, total, .. } = second;
    let counts = recording.counts;
    let mut row = format!(
        "{:.3},{:.3},{},{},{},{},{},{},{},{}",
        *end_nanos as f64 / NANOS_PER_SECOND,
        second.seconds(),
        total.counts.sent,
        counts.planned,
        counts.sent,
        counts.completed,
        counts.errors,
        counts.aborted,
        recording.dropped,
        total.waiting(),
    );
    let times = &recording.times;
    for histogram in [&times.response, &times.service, &times.lateness] {
        push_times(&mut row, histogram);
    }
    row + "\n"
}

fn push_times(row: &mut String, histogram: &Histogram<u32>) {
    if histogram.is_empty() {
        return row.push_str(&",".repeat(QUANTILES.len() + 2));
    }
    let quantiles = QUANTILES.map(|(_, quantile)| histogram.value_at_quantile(quantile) as f64);
    for nanos in quantiles.into_iter().chain([histogram.max() as f64, histogram.mean()]) {
        // Writing to a string cannot fail.
        let _ = write!(row, ",{:.6}", nanos / NANOS_PER_SECOND);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    #[test]
    fn a_row_has_a_cell_for_each_column_and_leaves_out_what_was_not_measured() {
        let mut recording = Recording::new().expect("valid bounds");
        recording.counts.sent = 100;
        recording.counts.planned = 103;
        recording.times.response.record_n(1_000_000, 100).expect("within the bounds");
        let mut total = Recording::new().expect("valid bounds");
        total.add(&recording);
        total.add(&recording);
        let second = Second {
            start_nanos: 1_000_000_000,
            end_nanos: 2_000_000_000,
            recording: &recording,
            total: &total,
        };
        let row = row(&second);
        assert_eq!(row.matches(',').count(), header().matches(',').count());
        let response = "0.001000,0.001000,0.001000,0.001000,0.001000,0.001000";
        assert_eq!(row, format!("2.000,1.000,200,103,100,0,0,0,0,6,{response},,,,,,,,,,,,\n"));
    }
}
