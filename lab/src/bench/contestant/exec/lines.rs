//! The state lines of a program, checked as what a stranger says.

use std::collections::BTreeMap;

use detector::{Signal, State};
use serde::Deserialize;

use crate::bench::Change;
use crate::corpus::Trace;

/// How much of a line that is none is shown.
const SHOWN_CHARACTERS: usize = 80;

/// What was said, up to the first nonsense.
#[derive(Debug, PartialEq)]
pub struct Lines {
    pub changes: Vec<Change>,
    pub nonsense: Option<String>,
}

/// The keys that are scored; a line may have others, such as those of `detector replay`.
#[derive(Deserialize)]
struct StateLine {
    t_seconds: f64,
    signal: Signal,
    state: State,
    #[serde(default)]
    cause: Option<String>,
}

/// Reads all lines; blank ones are skipped.
pub fn read(stdout: &[u8], trace: &Trace) -> Lines {
    let span = trace.observations.first().zip(trace.observations.last());
    let (first, last) = span.map_or((0.0, 0.0), |(first, last)| (first.t_seconds, last.t_seconds));
    let mut lines = Lines { changes: Vec::new(), nonsense: None };
    let mut latest: BTreeMap<Signal, f64> = BTreeMap::new();
    for (index, line) in stdout.split(|byte| *byte == b'\n').enumerate() {
        if line.trim_ascii().is_empty() {
            continue;
        }
        let wrong = match serde_json::from_slice::<StateLine>(line) {
            Err(error) => Some(error.to_string()),
            Ok(said) if !(first..=last).contains(&said.t_seconds) => {
                Some(format!("t_seconds is outside the trace, {first} to {last}"))
            }
            Ok(said) if latest.get(&said.signal).is_some_and(|before| said.t_seconds < *before) => {
                Some(format!("t_seconds goes back on {}", said.signal))
            }
            Ok(StateLine { t_seconds, signal, state, cause }) => {
                latest.insert(signal, t_seconds);
                lines.changes.push(Change { t_seconds, signal, state, cause });
                None
            }
        };
        if let Some(why) = wrong {
            let shown: String =
                String::from_utf8_lossy(line).chars().take(SHOWN_CHARACTERS).collect();
            lines.nonsense = Some(format!("line {} is no state line ({why}): {shown}", index + 1));
            break;
        }
    }
    lines
}
