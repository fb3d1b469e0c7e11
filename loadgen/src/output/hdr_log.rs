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
    /// Begins with the header; the clock of the log starts now.
    pub(crate) fn begin(mut file: OutputFile) -> Self {
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let epoch = epoch.as_secs_f64();
        file.write(&format!(
            "#[Histogram log format version 1.3]\n\
             #loadgen {}: nanoseconds; untagged: response times from the intended instant\n\
             #[StartTime: {epoch:.3} (seconds since epoch)]\n\
             #[BaseTime: {epoch:.3} (seconds since epoch)]\n\
             #[MaxValueDivisor: {MAX_DIVISOR:.3}]\n\
             \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\
             \"Interval_Compressed_Histogram\"\n",
            env!("CARGO_PKG_VERSION"),
        ));
        Self(file)
    }
}

impl Listener for HdrLog {
    fn second(&mut self, second: &Second<'_>) {
        let times = &second.recording.times;
        let tagged = [
            ("", &times.response),
            ("Tag=service,", &times.service),
            ("Tag=lateness,", &times.lateness),
        ];
        self.0.write(&tagged.map(|(tag, histogram)| line(second, tag, histogram)).concat());
    }
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
