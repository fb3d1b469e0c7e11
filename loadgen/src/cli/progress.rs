//! The live line on a terminal: how far the run is, twice a second.

use std::{
    io::{self, IsTerminal, Write},
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::{Control, Plan};

const PERIOD: Duration = Duration::from_millis(500);
/// Back to the start of the line, and clear it.
const CLEAR: &str = "\r\x1b[2K";

/// A thread that narrates; none where stderr is no terminal.
pub(super) struct Progress(Option<(Sender<()>, JoinHandle<()>)>);

impl Progress {
    /// Starts to show how far the run behind `control` is.
    pub(super) fn show(plan: &Plan, control: &Control) -> Self {
        if !io::stderr().is_terminal() {
            return Self(None);
        }
        let (end, ended) = mpsc::channel();
        let (expected, control) = (plan.schedule().expected(), control.clone());
        let start = Instant::now();
        let narrator = thread::spawn(move || {
            while ended.recv_timeout(PERIOD) == Err(RecvTimeoutError::Timeout) {
                write(&line(&control, expected, start.elapsed()));
            }
            write("");
        });
        Self(Some((end, narrator)))
    }

    /// Clears the line.
    pub(super) fn end(self) {
        if let Self(Some((end, narrator))) = self {
            drop(end);
            // Should the narrator have failed, there is nothing left to clear.
            let _ = narrator.join();
        }
    }
}

fn line(control: &Control, expected: u64, elapsed: Duration) -> String {
    let counts = control.counts();
    let waiting = counts.planned.saturating_sub(counts.completed + counts.errors);
    format!(
        "{:>5.1}s  {} of {expected} due, {} sent, {} completed, {} errors, {waiting} waiting",
        elapsed.as_secs_f64(),
        counts.planned,
        counts.sent,
        counts.completed,
        counts.errors,
    )
}

fn write(line: &str) {
    // Narration that cannot be written is no reason to end a run.
    let _ = write!(io::stderr(), "{CLEAR}{line}");
}
