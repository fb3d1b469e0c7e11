//! A trace as a program is shown it: without its name, which would tell what leaks in it.

use detector::{Observation, Signal};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::corpus::{Trace, write};

/// Raised whenever a key changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// The first line.
#[derive(Serialize)]
struct Head {
    schema_version: u32,
    #[serde(flatten)]
    limit: Option<Limit>,
    signals: Vec<Signal>,
}

/// The memory limit, in the unit of the memory signal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum Limit {
    /// Of `rss_bytes` and its like.
    #[serde(rename = "limit_bytes")]
    Bytes(f64),
    /// Of `memory_used_percent`.
    #[serde(rename = "limit_percent")]
    Percent(f64),
}

/// The limit, if the truth states one.
pub fn limit(trace: &Trace) -> Option<Limit> {
    let in_percent = signals(trace).contains(&Signal::MemoryUsedPercent);
    trace.truth.limit.map(if in_percent { Limit::Percent } else { Limit::Bytes })
}

fn signals(trace: &Trace) -> Vec<Signal> {
    let there =
        |signal: &Signal| trace.observations.iter().any(|seen| seen.signals.contains_key(signal));
    Signal::ALL.into_iter().filter(there).collect()
}

/// A head, then a line per observation; what is missing has no key.
pub fn json_lines(trace: &Trace) -> Vec<u8> {
    let head =
        Head { schema_version: SCHEMA_VERSION, limit: limit(trace), signals: signals(trace) };
    let mut text = serde_json::to_string(&head).unwrap_or_default();
    text.push('\n');
    for seen in &trace.observations {
        text.push_str(&Value::Object(row(seen)).to_string());
        text.push('\n');
    }
    text.into_bytes()
}

fn row(seen: &Observation) -> Map<String, Value> {
    let own = [
        ("t_seconds", Some(seen.t_seconds)),
        ("start_seconds", seen.start_seconds),
        ("requests_total", seen.requests_total),
    ];
    let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let signals = seen.signals.iter().map(|(signal, value)| (signal.name(), *value));
    let gauges = seen.gauges.iter().map(|(name, value)| (name.as_str(), *value));
    // Signals last: a gauge of the same name does not hide one.
    let all = gauges.chain(own).chain(signals);
    all.map(|(name, value)| (name.to_owned(), number(value))).collect()
}

/// Whole numbers without a fraction, which some programs would take for another type.
fn number(value: f64) -> Value {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if value.fract() == 0.0 && value.abs() < EXACT {
        Value::from(value as i64)
    } else {
        Number::from_f64(value).map_or(Value::Null, Value::Number)
    }
}

/// The trace as in its file.
pub fn csv(trace: &Trace) -> Vec<u8> {
    write::csv(trace).into_bytes()
}
