//! What `up` says while it is up: events as lines, and the present as one line that is redrawn.
//!
//! Where stderr is no terminal the present is told every [`TOLD_EVERY`] instead.

use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Settings;
use super::life::Status;
use crate::quantity::bytes;

/// Pause between two drawings of the line on a terminal.
const DRAWN_EVERY: Duration = Duration::from_millis(250);
/// Pause between two tellings of it elsewhere.
const TOLD_EVERY: Duration = Duration::from_secs(10);

/// The terminal.
pub struct Screen {
    narration: Box<dyn Write>,
    is_live: bool,
    shown: Option<Instant>,
}

impl Screen {
    /// Narrates on stderr.
    pub fn on_stderr() -> Self {
        Self::new(Box::new(io::stderr()), io::stderr().is_terminal())
    }

    fn new(narration: Box<dyn Write>, is_live: bool) -> Self {
        Self { narration, is_live, shown: None }
    }

    /// Says on stdout where the service and the detector's API are, and on stderr what there is.
    pub(super) fn up(&mut self, service: SocketAddr, api: Option<SocketAddr>, settings: &Settings) {
        let api = api.map_or_else(String::new, |api| format!("detector http://{api}\n"));
        let mut out = io::stdout().lock();
        // Nobody may be reading; the lab is up all the same.
        let _ = write!(out, "service http://{service}\n{api}").and_then(|()| out.flush());
        let limit = settings.limit_bytes.map_or_else(
            || "without a memory limit".to_owned(),
            |limit| format!("killed and started again at {}", bytes(limit as f64)),
        );
        self.line(Duration::ZERO, &format!("up: the service is {limit}; Ctrl-C ends the lab"));
    }

    /// Something happened.
    pub(super) fn line(&mut self, elapsed: Duration, text: &str) {
        let erase = if self.is_live { "\r\x1b[2K" } else { "" };
        // A terminal that is gone is no reason to end the lab.
        let _ = writeln!(self.narration, "{erase}{}  {text}", clock(elapsed));
        if self.is_live {
            self.shown = None;
        }
    }

    /// Time has passed.
    pub(super) fn status(&mut self, elapsed: Duration, settings: &Settings, status: &Status) {
        let every = if self.is_live { DRAWN_EVERY } else { TOLD_EVERY };
        if self.shown.is_some_and(|shown| shown.elapsed() < every) {
            return;
        }
        self.shown = Some(Instant::now());
        let text = status.line(settings.limit_bytes, settings.rate_per_second);
        let (before, after) = if self.is_live { ("\r\x1b[2K", "") } else { ("", "\n") };
        let _ = write!(self.narration, "{before}{}  {text}{after}", clock(elapsed))
            .and_then(|()| self.narration.flush());
    }
}

/// Minutes and seconds, `04:09`; hours stand in front where there are any.
fn clock(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes:02}:{seconds:02}")
    }
}
