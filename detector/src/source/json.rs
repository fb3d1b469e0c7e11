//! A page of memory figures in JSON, as services of Go publish their runtime's: `heap_alloc_mb`, `heap_inuse_mb`,
//! `heap_idle_mb`, `stack_inuse_mb`, `num_gc`, `num_goroutine`, `last_gc_pause_ms`.
//!
//! Fields in `_mb` are MiB. Fields named as signals are these signals, whatever else is a number may be the cause. Where
//! objects are nested the names of their fields are joined by dots, and the last one tells the meaning. Rules may name any
//! number, which is told as it stands.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::metrics::{MetricsError, MetricsSource};
use super::runs::Runs;
use crate::target::{Entity, LookError};
use crate::{Observation, Signal};

/// Bytes of the heap, best first: what is in use counts before what is allocated, which saws between collections.
const HEAP_FIELDS: [&str; 2] = ["heap_inuse_mb", "heap_alloc_mb"];
/// Counts of tasks.
const TASK_FIELDS: [&str; 3] = ["num_goroutine", "num_goroutines", "goroutines"];
/// Other views of the same memory: each "explains" every leak.
const RESTATING: [&str; 7] = [
    "heap_idle_mb",
    "heap_sys_mb",
    "heap_released_mb",
    "stack_inuse_mb",
    "sys_mb",
    "total_alloc_mb",
    "alloc_mb",
];
/// Counts collections since the start: when it falls, the service was restarted.
const COLLECTIONS: &str = "num_gc";
/// Most numbers that are taken from a page.
const MOST_NUMBERS: usize = 1_000;
/// Deepest nesting in which numbers are looked for.
const DEEPEST: usize = 8;

/// Reads a memory page.
#[derive(Debug)]
pub(crate) struct JsonEntity {
    page: MetricsSource,
    wanted: Vec<Signal>,
    /// What rules name.
    asked: BTreeSet<String>,
    /// The same, at the latest look.
    named: BTreeMap<String, f64>,
    collections: f64,
    restarts: u32,
    runs: Runs<u32>,
}

impl JsonEntity {
    pub(crate) fn new(page: MetricsSource, wanted: &[Signal]) -> Self {
        Self {
            page,
            wanted: wanted.to_vec(),
            asked: BTreeSet::new(),
            named: BTreeMap::new(),
            collections: 0.0,
            restarts: 0,
            runs: Runs::default(),
        }
    }

    fn read(&self, text: &str) -> Result<Numbers, MetricsError> {
        let json: Value = serde_json::from_str(text).map_err(MetricsError::NotJson)?;
        let mut numbers = Numbers::default();
        collect(&json, "", DEEPEST, &mut numbers);
        let signals = numbers.signals();
        let missing = |signal: &&Signal| !signals.contains_key(signal);
        let missing: Vec<&str> = self.wanted.iter().filter(missing).map(|s| s.name()).collect();
        if !missing.is_empty() {
            return Err(MetricsError::NoSignal { missing: missing.join(", ") });
        }
        if self.wanted.is_empty() && !signals.keys().any(|signal| signal.is_bytes()) {
            let missing = format!("{}, rss_mb, rss_bytes", HEAP_FIELDS.join(", "));
            return Err(MetricsError::NoSignal { missing });
        }
        Ok(numbers)
    }
}

impl Entity for JsonEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        _notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let text = self.page.fetch("application/json");
        let numbers = text.and_then(|text| self.read(&text));
        let numbers = numbers.map_err(|error| self.page.because(error))?;
        let collections = numbers.named(COLLECTIONS).unwrap_or(self.collections);
        self.restarts += u32::from(collections < self.collections);
        self.collections = collections;
        self.named = numbers.all_of(&self.asked);
        Ok(Observation {
            t_seconds,
            start_seconds: Some(self.runs.began(self.restarts, t_seconds)),
            signals: numbers.signals(),
            requests_total: numbers.named("requests_total"),
            gauges: numbers.candidates(),
        })
    }

    fn ask_for(&mut self, names: &BTreeSet<String>) {
        self.asked.clone_from(names);
    }

    fn named(&mut self) -> BTreeMap<String, f64> {
        std::mem::take(&mut self.named)
    }
}

/// The numbers of a page by their paths.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<String, f64>);

impl Numbers {
    fn named(&self, field: &str) -> Option<f64> {
        self.0.iter().find_map(|(path, value)| (last(path) == field).then_some(*value))
    }

    /// Those that rules name: by their paths, or by the last part of these where one alone has it.
    fn all_of(&self, names: &BTreeSet<String>) -> BTreeMap<String, f64> {
        let alone = |name: &str| {
            let mut fitting = self.0.iter().filter(|(path, _)| last(path) == name);
            let (_, value) = fitting.next()?;
            fitting.next().is_none().then_some(value)
        };
        let one = |name: &String| {
            let value = self.0.get(name).or_else(|| alone(name))?;
            Some((name.clone(), *value))
        };
        names.iter().filter_map(one).collect()
    }

    fn first_of(&self, fields: &[&str]) -> Option<f64> {
        fields.iter().find_map(|field| self.named(field))
    }

    fn signals(&self) -> BTreeMap<Signal, f64> {
        let own = Signal::ALL.into_iter().filter_map(|s| Some((s, self.named(s.name())?)));
        let mut signals: BTreeMap<Signal, f64> = own.collect();
        let others = [
            (Signal::RssBytes, self.named("rss_mb").map(mib)),
            (Signal::HeapBytes, self.first_of(&HEAP_FIELDS).map(mib)),
            (Signal::Tasks, self.first_of(&TASK_FIELDS)),
        ];
        for (signal, value) in others {
            signals.extend(value.map(|value| (signal, value)));
        }
        signals
    }

    fn candidates(&self) -> BTreeMap<String, f64> {
        let meant = |field: &str| {
            HEAP_FIELDS.contains(&field)
                || TASK_FIELDS.contains(&field)
                || RESTATING.contains(&field)
                || matches!(field, "rss_mb" | COLLECTIONS)
                || !super::well_known::may_be_cause(field)
        };
        let rest = self.0.iter().filter(|(path, _)| !meant(last(path)));
        rest.map(|(path, value)| (path.clone(), *value)).collect()
    }
}

fn last(path: &str) -> &str {
    path.rsplit_once('.').map_or(path, |(_, last)| last)
}

fn mib(mib: f64) -> f64 {
    mib * 1024.0 * 1024.0
}

/// Adds every number that is zero or more; lists hold no figures of the process as a whole.
fn collect(json: &Value, path: &str, levels: usize, into: &mut Numbers) {
    match json {
        Value::Object(fields) if levels > 0 => {
            for (name, value) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                collect(value, &format!("{path}{dot}{name}"), levels - 1, into);
            }
        }
        Value::Number(number) if into.0.len() < MOST_NUMBERS => {
            let value = number.as_f64().filter(|value| value.is_finite() && *value >= 0.0);
            into.0.extend(value.map(|value| (path.to_owned(), value)));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
