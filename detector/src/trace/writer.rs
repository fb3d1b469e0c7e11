//! Writes observations as a trace that the reader reads back to the same numbers.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::{Observation, Signal};

/// Writes one row per observation, as they come.
///
/// The first observation decides the columns, because a file's header cannot grow.
#[derive(Debug)]
pub struct TraceWriter {
    rows: csv::Writer<BufWriter<File>>,
    columns: Option<(Vec<Signal>, Vec<String>)>,
    left_out: BTreeSet<String>,
}

impl TraceWriter {
    /// Creates the file, or empties it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let rows = csv::Writer::from_writer(BufWriter::new(File::create(path)?));
        Ok(Self { rows, columns: None, left_out: BTreeSet::new() })
    }

    /// Writes a row, and hands it to the system, so that a run that is cut short leaves a trace.
    pub fn write(&mut self, seen: &Observation) -> io::Result<()> {
        let (signals, gauges) = match self.columns.take() {
            Some(columns) => columns,
            None => self.head(seen)?,
        };
        let numbers = [Some(seen.t_seconds), seen.start_seconds, seen.requests_total];
        let signal = signals.iter().map(|signal| seen.signals.get(signal).copied());
        let gauge = gauges.iter().map(|name| seen.gauges.get(name).copied());
        let cells = numbers.into_iter().chain(signal).chain(gauge);
        self.rows
            .write_record(cells.map(|cell| cell.map(|n| n.to_string()).unwrap_or_default()))?;
        self.left_out.extend(seen.gauges.keys().filter(|name| !gauges.contains(name)).cloned());
        self.columns = Some((signals, gauges));
        self.rows.flush()?;
        self.rows.get_ref().get_ref().flush()
    }

    /// How many gauges appeared after the first row and are not in the file.
    pub fn left_out(&self) -> usize {
        self.left_out.len()
    }

    fn head(&mut self, seen: &Observation) -> io::Result<(Vec<Signal>, Vec<String>)> {
        let signals: Vec<Signal> = seen.signals.keys().copied().collect();
        let gauges: Vec<String> = seen.gauges.keys().cloned().collect();
        let names = ["t_seconds", "start_seconds", "requests_total"].into_iter();
        let names = names.chain(signals.iter().map(|signal| signal.name()));
        self.rows.write_record(names.chain(gauges.iter().map(String::as_str)))?;
        Ok((signals, gauges))
    }
}
