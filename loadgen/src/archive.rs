//! Results of earlier runs, read back: JSON reports and HDR logs. Which of the two a file is shows
//! in its first character.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
};

use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

use crate::{
    recorded::{Recorded, RecordedError},
    recording::{Recording, Times, same_bounds},
    report::{Report, SCHEMA_VERSION},
    timeline::{Cell, Timeline, is_of_a_cell},
};

/// Longest line that is read of an HDR log: three histograms with every bucket in use fit.
const MAX_LINE_BYTES: u64 = 4 << 20;
/// Largest JSON report: 240 cells and three histograms with every bucket in use fit.
const MAX_REPORT_BYTES: u64 = 64 << 20;

/// Largest count that JSON holds exactly; sums of a thousand such fit 64 bits.
const MAX_COUNT: u64 = 1 << 53;

/// What a file holds.
#[derive(Debug)]
pub(crate) enum Archive {
    /// A whole report.
    Report(Box<Report>),
    /// Times alone.
    Log(Box<Log>),
}

/// What an HDR log holds.
#[derive(Debug)]
pub(crate) struct Log {
    pub(crate) times: Times,
    pub(crate) timeline: Timeline,
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error("is empty")]
    Empty,
    #[error("is larger than {MAX_REPORT_BYTES} bytes, which no report is")]
    TooLarge,
    #[error("is no report of `loadgen --format json`: {0}")]
    Json(#[from] serde_json::Error),
    #[error("has schema version {0}; this program reads {SCHEMA_VERSION}")]
    Version(u64),
    #[error("line {0} is no line of an HDR log")]
    Line(usize),
    #[error("the histogram in line {0} {1}")]
    Histogram(usize, RecordedError),
    #[error(
        "the histogram in line {0} has other bounds: it was not written by `loadgen --hdr-log`"
    )]
    Bounds(usize),
    #[error("the histograms have other bounds than this program's")]
    ReportBounds,
    #[error("has a count above 2^53, which no run reaches")]
    Count,
}

impl Archive {
    /// Reads a report or a log.
    pub(crate) fn read(path: &str) -> Result<Self, ArchiveError> {
        let mut reader = BufReader::new(File::open(path)?);
        match reader.fill_buf()?.first() {
            None => Err(ArchiveError::Empty),
            Some(b'{') => Ok(Self::Report(Box::new(read_report(reader)?))),
            Some(_) => Ok(Self::Log(Box::new(read_log(reader)?))),
        }
    }
}

fn read_report(reader: impl BufRead) -> Result<Report, ArchiveError> {
    let mut text = String::new();
    let length = reader.take(MAX_REPORT_BYTES + 1).read_to_string(&mut text)?;
    if length as u64 > MAX_REPORT_BYTES {
        return Err(ArchiveError::TooLarge);
    }
    // The version comes first: a report of another version may well miss keys.
    let value: serde_json::Value = serde_json::from_str(&text)?;
    match value["schema_version"].as_u64() {
        Some(version) if version != u64::from(SCHEMA_VERSION) => {
            return Err(ArchiveError::Version(version));
        }
        _ => {}
    }
    let report: Report = serde_json::from_value(value)?;
    let histograms = &report.histograms;
    let all = [&histograms.response, &histograms.service, &histograms.lateness];
    let cells = report.timeline.iter().all(|cell| is_of_a_cell(&cell.response_histogram.0));
    if !cells || !all.iter().all(|recorded| same_bounds(&recorded.0)) {
        return Err(ArchiveError::ReportBounds);
    }
    if !counts(&report).all(|count| count <= MAX_COUNT) {
        return Err(ArchiveError::Count);
    }
    Ok(report)
}

/// All numbers that will be added up.
fn counts(report: &Report) -> impl Iterator<Item = u64> {
    let totals = [
        report.requests_planned,
        report.requests_sent,
        report.requests_completed,
        report.errors_total,
        report.requests_aborted,
        report.arrivals_dropped,
        report.requests_abandoned,
        report.bytes_received,
        report.connections as u64,
        report.shard_count,
    ];
    let cells = report.timeline.iter().flat_map(|cell| {
        [
            cell.requests_planned,
            cell.requests_sent,
            cell.requests_completed,
            cell.errors_total,
            cell.arrivals_dropped,
            cell.arrivals_waiting,
        ]
    });
    totals
        .into_iter()
        .chain(report.errors.values().chain(report.replies.values()).copied())
        .chain(cells)
}

fn read_log(mut reader: impl BufRead) -> Result<Log, ArchiveError> {
    let mut log = Log { times: Times::new().map_err(io::Error::other)?, timeline: Timeline::new() };
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if reader.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        // The column heads are none of the lines that the parser knows.
        if line.starts_with(b"\"") || line.trim_ascii().is_empty() {
            continue;
        }
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        for entry in IntervalLogIterator::new(&line) {
            log.take(number, &entry.map_err(|_| ArchiveError::Line(number))?)?;
        }
    }
    Ok(log)
}

impl Log {
    fn take(&mut self, number: usize, entry: &LogEntry<'_>) -> Result<(), ArchiveError> {
        let LogEntry::Interval(interval) = entry else { return Ok(()) };
        let histogram = Recorded::<u64>::read(interval.encoded_histogram())
            .map_err(|error| ArchiveError::Histogram(number, error))?
            .0;
        if !same_bounds(&histogram) {
            return Err(ArchiveError::Bounds(number));
        }
        let mut recording = Recording::<u64>::new().map_err(io::Error::other)?;
        match interval.tag().as_deref() {
            None => {
                let start = interval.start_timestamp();
                let end = start + interval.duration();
                let span = [start, end].map(|instant| instant.as_nanos() as u64);
                recording.times.response = histogram;
                let cell = Cell::new(span.into(), &recording, 0).map_err(io::Error::other)?;
                self.timeline.push(&cell);
            }
            Some("service") => recording.times.service = histogram,
            Some("lateness") => recording.times.lateness = histogram,
            Some(_) => {}
        }
        self.times.add(&recording.times);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hdrhistogram::Histogram;

    use super::*;
    use crate::{PlanOptions, collector::Results, report::Ending, schedule::ScheduleHash};

    fn error(content: &str) -> String {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), content).expect("room");
        Archive::read(file.path().to_str().expect("text")).expect_err(content).to_string()
    }

    #[test]
    fn what_is_neither_report_nor_log_is_refused_with_its_place() {
        for (content, said) in [
            ("", "is empty"),
            ("{}", "is no report of"),
            ("{\"schema_version\": 7}", "has schema version 7"),
            ("hello\n", "line 1 is no line"),
            ("#comment\n0.0,1.0,2.0,HISTF!\n", "the histogram in line 2 is not base64"),
            ("0.0,1.0,2.0,AAAAAAAA\n", "the histogram in line 1 is no HDR histogram"),
        ] {
            let error = error(content);
            assert!(error.starts_with(said), "{content}: {error}");
        }
        assert!(Archive::read("/nowhere").expect_err("nothing").to_string().contains("No such"));
    }

    #[test]
    fn a_report_whose_cells_have_other_bounds_is_refused() {
        let options = PlanOptions::new("http://host/", "10/s", Duration::from_secs(1));
        let plan = options.check().expect("a plan");
        let total = Recording::new().expect("valid bounds");
        let mut timeline = Timeline::new();
        timeline.push(&Cell::new((0, 1), &total, 0).expect("valid bounds"));
        let ending = Ending { paced: 1, done: 1, stop: None, processor_share: 0.0 };
        let results = Results { total, timeline };
        let mut report = Report::new(&plan, &results, ending, ScheduleHash::default());
        let other = Histogram::new_with_bounds(1, 1000, 3).expect("valid bounds");
        report.timeline[0].response_histogram = Recorded(other);
        let error = error(&serde_json::to_string(&report).expect("plain data"));
        assert!(error.starts_with("the histograms have other bounds"), "{error}");
    }
}
