//! An HDR log: the times of every second in full, in the interval log of format 1.3 with
//! histograms of format V2, for the tools of other languages and to be merged exactly.
//!
//! Lines without a tag are response times, as tools read these unless told otherwise; `service`
//! and `lateness` are tagged.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;

use super::OutputFile;
use crate::{
    collector::{Listener, Second},
    recorded::encode,
};

/// The column with the longest time is for people: nanoseconds over this are milliseconds.
const MAX_DIVISOR: f64 = 1e6;

/// Writes the log.
pub(crate) struct HdrLog(OutputFile);

impl HdrLog {
    /// Nothing is written before there is a second.
    pub(crate) fn new(file: OutputFile) -> Self {
        Self(file)
    }
}

impl Listener for HdrLog {
    fn second(&mut self, second: &Second<'_>) {
        if second.is_first() {
            self.0.write(&header(second));
        }
        let times = &second.recording.times;
        let tagged = [
            ("", &times.response),
            ("Tag=service,", &times.service),
            ("Tag=lateness,", &times.lateness),
        ];
        self.0.write(&tagged.map(|(tag, histogram)| line(second, tag, histogram)).concat());
    }
}

/// The log's clock starts with the run, which may be long after the file was opened.
fn header(first: &Second<'_>) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let start = now.saturating_sub(Duration::from_nanos(first.end_nanos)).as_secs_f64();
    format!(
        "#[Histogram log format version 1.3]\n\
         #loadgen {}: nanoseconds; untagged: response times from the intended instant\n\
         #[StartTime: {start:.3} (seconds since epoch)]\n\
         #[BaseTime: {start:.3} (seconds since epoch)]\n\
         #[MaxValueDivisor: {MAX_DIVISOR:.3}]\n\
         \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
         \"Interval_Compressed_Histogram\"\n",
        env!("CARGO_PKG_VERSION"),
    )
}

fn line(second: &Second<'_>, tag: &str, histogram: &Histogram<u32>) -> String {
    format!(
        "{tag}{:.3},{:.3},{:.3},{}\n",
        second.start_nanos as f64 / 1e9,
        second.seconds(),
        histogram.max() as f64 / MAX_DIVISOR,
        encode(histogram),
    )
}
