//! What the lab shows: the status, the memory and the metrics of one instant or two.

use std::collections::BTreeMap;

use detector::source::exposition::samples;
use serde::Deserialize;
use serde_json::Value;

use super::rules::RulesRun;

/// All that a check may judge by.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// The lab when the check began.
    pub first: Look,
    /// The lab when it ended; the same look unless the exercise needs two.
    pub last: Look,
    /// Time between the two looks, seconds.
    pub watched_seconds: f64,
    /// The memory limit that the service is said to have, bytes.
    pub limit_bytes: f64,
    /// When the run of the service began that an earlier check saw, seconds since the epoch.
    pub earlier_start_seconds: Option<f64>,
    /// Live allocations by line, the largest first.
    pub lines: Vec<Line>,
    /// What promtool said of the trainee's rules.
    pub rules: Option<RulesRun>,
}

/// One look at the lab.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// `/admin/leaks/status`.
    pub status: Value,
    /// The samples of `/metrics`, by series.
    pub metrics: BTreeMap<String, f64>,
}

/// What is allocated at one line of the service's source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Line {
    /// `file:line`.
    pub location: String,
    /// Live bytes.
    pub size_bytes: f64,
    /// Live blocks.
    pub count: f64,
}

/// What the status says of one leak or decoy; what it does not have is zero or absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Standing {
    /// Whether it is on.
    pub enabled: bool,
    /// Whether it serves with the correct code.
    pub patched: bool,
    /// Things held.
    pub entries: f64,
    /// Bytes held.
    pub held_bytes: f64,
    /// Requests (or ticks) that fed it since the service started.
    pub requests: f64,
    /// Ticks per second, if it is fed by time.
    pub per_second: Option<f64>,
    /// What an entry is asked to take.
    pub bytes_per_request: f64,
    /// What an entry takes.
    pub measured_bytes_per_request: Option<f64>,
    /// Entries that went for others.
    pub evictions: f64,
    /// The bound, of decoys that have one.
    pub max_entries: Option<f64>,
    /// Descriptors held.
    pub held_descriptors: f64,
}

impl Look {
    /// Reads a metrics page; a line that is none is left out, since only known series are asked for.
    pub fn new(status: Value, page: &str) -> Self {
        let read = samples(page).filter_map(Result::ok);
        let metrics = read.map(|sample| (sample.series_name(), sample.value)).collect();
        Self { status, metrics }
    }

    /// What the status says of a leak or decoy.
    pub fn standing(&self, name: &str) -> Standing {
        let found = ["leaks", "decoys"].iter().find_map(|group| self.status[group].get(name));
        found.and_then(|found| Standing::deserialize(found).ok()).unwrap_or_default()
    }

    /// Leaks and decoys that are on or hold something.
    pub fn active(&self) -> Vec<String> {
        let groups =
            ["leaks", "decoys"].into_iter().filter_map(|group| self.status[group].as_object());
        let names = groups.flat_map(|group| group.keys());
        let is_active = |name: &&String| {
            let standing = self.standing(name);
            standing.enabled || standing.entries > 0.0
        };
        names.filter(is_active).cloned().collect()
    }

    /// Bytes of memory by the path of the status, `resident.anon_bytes`.
    pub fn memory(&self, path: &str) -> Option<f64> {
        let start = self.status.get("memory")?;
        path.split('.').try_fold(start, |value, key| value.get(key))?.as_f64()
    }

    /// The sum of the series of this name whose labels contain `part`.
    pub fn sum(&self, name: &str, part: &str) -> f64 {
        let is_meant =
            |series: &str| series.split('{').next() == Some(name) && series.contains(part);
        self.metrics.iter().filter(|(series, _)| is_meant(series)).map(|(_, value)| value).sum()
    }

    /// Requests to `/api/data` so far.
    pub fn data_requests(&self) -> f64 {
        self.sum("http_requests_total", "/api/data")
    }

    /// When the service started, seconds since the epoch.
    pub fn start_seconds(&self) -> Option<f64> {
        self.metrics.get("process_start_time_seconds").copied()
    }
}

impl Evidence {
    /// Requests to `/api/data` between the two looks.
    pub fn requests_meanwhile(&self) -> f64 {
        self.last.data_requests() - self.first.data_requests()
    }

    /// Bytes by which the heap in use rose between the two looks.
    pub fn heap_rise_bytes(&self) -> f64 {
        let in_use = |look: &Look| look.memory("allocator_in_use_bytes").unwrap_or(f64::NAN);
        in_use(&self.last) - in_use(&self.first)
    }
}
