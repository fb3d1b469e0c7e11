//! The live line on a terminal: how the last second went. Nothing where stderr is no terminal.

use std::{
    env,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use rustix::termios::tcgetwinsize;

use crate::{
    Plan,
    collector::{Listener, Second},
    report::seconds,
};

/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[2K";
const RED: &str = "\x1b[31m";
const RESET: &str = "\x1b[0m";
/// Where the terminal does not say how wide it is.
const DEFAULT_COLUMNS: usize = 80;

/// Rewrites one line on stderr, and clears it in the end.
pub(super) struct Progress {
    duration_seconds: f64,
    colour: bool,
    /// Seconds to the start that the line shows, until there is something better to show.
    waits_seconds: u64,
}

impl Progress {
    /// If stderr is a terminal.
    pub(super) fn on_terminal(plan: &Plan) -> Option<Self> {
        io::stderr().is_terminal().then(|| Self {
            duration_seconds: plan.options().duration.as_secs_f64(),
            // https://no-color.org: set and not empty, whatever its value.
            colour: env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
            waits_seconds: 0,
        })
    }

    /// What matters most comes first; what does not fit into the columns is left out.
    fn line(&self, second: &Second<'_>, columns: usize) -> String {
        let Second { recording, total, end_nanos, .. } = second;
        let per_second = |count: u64| count as f64 / second.seconds();
        let mut parts = vec![
            format!("{:.0}s of {:.0}s", *end_nanos as f64 / 1e9, self.duration_seconds),
            format!(
                "{:.0}/s sent of {:.0}/s due",
                per_second(recording.counts.sent),
                per_second(recording.counts.planned),
            ),
            format!("errors {}", total.counts.errors),
            format!("waiting {}", total.waiting()),
        ];
        let response = &recording.times.response;
        if !response.is_empty() {
            for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)] {
                let time = response.value_at_quantile(quantile) as f64 / 1e9;
                parts.push(format!("{name} {}", seconds(time)));
            }
        }
        fitting(&parts, columns)
    }
}

/// As many parts as there are columns for: a line that wraps could not be cleared.
fn fitting(parts: &[String], columns: usize) -> String {
    let mut line = String::new();
    for part in parts {
        let gap = if line.is_empty() { "" } else { "  " };
        if line.len() + gap.len() + part.len() >= columns {
            break;
        }
        line = line + gap + part;
    }
    line
}

impl Listener for Progress {
    fn waits(&mut self, left: Duration) {
        let seconds = left.as_secs() + 1;
        if self.waits_seconds != seconds {
            self.waits_seconds = seconds;
            let left = humantime::format_duration(Duration::from_secs(seconds));
            write(&format!("starts in {left}"));
        }
    }

    fn second(&mut self, second: &Second<'_>) {
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let columns = if columns == 0 { DEFAULT_COLUMNS } else { columns };
        let line = self.line(second, columns);
        if self.colour && second.recording.counts.errors > 0 {
            write(&format!("{RED}{line}{RESET}"));
        } else {
            write(&line);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        write("");
    }
}

fn write(line: &str) {
    // Narration that cannot be written is no reason to end a run.
    let _ = write!(io::stderr(), "{CLEAR}{line}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::Recording;

    #[test]
    fn the_line_says_how_the_last_second_went() {
        let mut recording = Recording::new().expect("valid bounds");
        recording.counts.planned = 220;
        recording.counts.sent = 199;
        recording.counts.errors = 3;
        recording.times.response.record_n(1_000_000, 199).expect("within the bounds");
        let mut total = Recording::new().expect("valid bounds");
        total.add(&recording);
        let progress = Progress { duration_seconds: 60.0, colour: false, waits_seconds: 0 };
        let (start_nanos, end_nanos) = (11_000_000_000, 12_000_000_000);
        let second = Second { start_nanos, end_nanos, recording: &recording, total: &total };
        let line = |columns| progress.line(&second, columns);
        let narrow = "12s of 60s  199/s sent of 220/s due  errors 3  waiting 21  p50 1.00ms";
        assert_eq!(line(200), format!("{narrow}  p99 1.00ms  p99.9 1.00ms"));
        assert_eq!(line(80), narrow);
        assert_eq!(line(narrow.len() + 1), narrow);
        assert_eq!(line(11), "12s of 60s");
        assert_eq!(line(3), "");
    }
}
