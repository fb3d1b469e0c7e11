//! What each detector said of each trace, as JSON Lines: when does my rule fire?

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use detector::{Signal, State};
use serde::Serialize;

use super::Judged;
use super::contestant::Contestant;

/// A state line, and whose it is.
#[derive(Serialize)]
struct Line<'a> {
    trace: &'a str,
    detector: &'a str,
    t_seconds: f64,
    signal: Signal,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<&'a str>,
}

/// Writes them, trace by trace.
pub fn write(path: &Path, contestants: &[Contestant], judged: &[Judged]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for one in judged {
        for (contestant, outcome) in contestants.iter().zip(&one.outcomes) {
            for change in outcome.iter().flat_map(|(changes, _)| changes) {
                let line = Line {
                    trace: &one.trace.name,
                    detector: contestant.name(),
                    t_seconds: change.t_seconds,
                    signal: change.signal,
                    state: change.state,
                    cause: change.cause.as_deref(),
                };
                serde_json::to_writer(&mut out, &line)?;
                out.write_all(b"\n")?;
            }
        }
    }
    out.flush()
}
