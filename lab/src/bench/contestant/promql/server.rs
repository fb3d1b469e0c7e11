//! A Prometheus that is asked: one of our own, or the user's.

use std::collections::BTreeMap;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;

use super::PromqlError;
use super::process::{Process, TICK};
use crate::interrupt::Interrupt;
use crate::prometheus::Prometheus;

/// A server that does not answer by then will not; it first reads the blocks.
const UP_WITHIN: Duration = Duration::from_mins(2);
/// The longest answer that is read: 11,000 points of some hundred series.
const LONGEST_ANSWER_BYTES: u64 = 64 << 20;
/// The most steps that are asked for at once; Prometheus answers 11,000.
const MOST_STEPS: i64 = 10_000;

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// None if it is the user's.
    own: Option<Process>,
    asked: Prometheus,
}

/// A rule, as Prometheus has read it.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadRule {
    /// `alert` or `record`.
    pub name: String,
    /// `expr`, as Prometheus prints it.
    pub query: String,
    /// `for`.
    #[serde(default, rename = "duration")]
    pub for_seconds: f64,
    /// `keep_firing_for`.
    #[serde(default, rename = "keepFiringFor")]
    pub keep_seconds: f64,
    /// `labels`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(rename = "type")]
    kind: String,
}

/// A group of rules, as Prometheus has read it.
#[derive(Clone, Debug, Deserialize)]
pub struct ReadGroup {
    /// The file; its last part is the name that it was copied to.
    pub file: String,
    /// Seconds between evaluations.
    #[serde(rename = "interval")]
    pub interval_seconds: f64,
    /// Its rules, in the order in which they are evaluated.
    pub rules: Vec<ReadRule>,
}

impl ReadRule {
    /// Whether it alerts; else it records.
    pub fn is_alert(&self) -> bool {
        self.kind == "alerting"
    }
}

/// One series of an answer: its labels, and the instants at which it has a sample.
#[derive(Debug, Deserialize)]
pub struct Sampled {
    /// With `__name__`, if it has one.
    pub metric: BTreeMap<String, String>,
    /// Seconds after 1970, and the value, of which nothing is used: an alert is active if there is one.
    pub values: Vec<(f64, String)>,
}

#[derive(Deserialize)]
struct Answer<T> {
    status: String,
    error: Option<String>,
    data: Option<T>,
}

#[derive(Deserialize)]
struct Groups {
    groups: Vec<ReadGroup>,
}

#[derive(Deserialize)]
struct Matrix {
    result: Vec<Sampled>,
}

#[derive(Deserialize)]
struct Vector {
    result: Vec<Sample>,
}

#[derive(Deserialize)]
struct Sample {
    value: (f64, String),
}

impl Server {
    /// Starts one in a directory that holds `prometheus.yml`, rules and `data`.
    pub fn start(directory: TempDir, interrupt: &Interrupt) -> Result<Self, PromqlError> {
        let process = Process::start(directory)?;
        let url = format!("http://127.0.0.1:{}", process.port);
        let mut server = Self { own: Some(process), asked: Prometheus::open(&url)? };
        server.wait_until_up(interrupt)?;
        Ok(server)
    }

    /// The user's; nothing is asked yet.
    pub fn of_user(asked: Prometheus) -> Self {
        Self { own: None, asked }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        self.asked.url()
    }

    fn wait_until_up(&mut self, interrupt: &Interrupt) -> Result<(), PromqlError> {
        let deadline = Instant::now() + UP_WITHIN;
        loop {
            let is_ready =
                self.asked.get("/-/ready", &[]).is_ok_and(|answer| answer.status() == 200);
            let ended = self.own.as_mut().and_then(Process::ended);
            // If ours has ended, another one has its port.
            if is_ready && ended.is_none() {
                return Ok(());
            }
            if ended.is_some() || interrupt.is_set() || Instant::now() >= deadline {
                let how = ended.unwrap_or_else(|| "it does not answer".to_owned());
                let said = self.own.as_ref().map(Process::last_words).unwrap_or_default();
                return Err(PromqlError::NotUp { how, said });
            }
            thread::sleep(TICK);
        }
    }

    /// The rules that it has read.
    pub fn rules(&self) -> Result<Vec<ReadGroup>, PromqlError> {
        self.ask::<Groups>("rules", &[]).map(|groups| groups.groups)
    }

    /// Whether a selector selects anything up to this time, in seconds after 1970.
    pub fn selects(&self, selector: &str, until_seconds: u64) -> Result<bool, PromqlError> {
        let end = until_seconds.to_string();
        let all = [("match[]", selector), ("start", "0"), ("end", &end)];
        self.ask::<Vec<BTreeMap<String, String>>>("series", &all).map(|series| !series.is_empty())
    }

    /// The value of an expression at an instant; of its first series if there are several.
    pub fn value(&self, query: &str, at_seconds: u64) -> Result<Option<f64>, PromqlError> {
        let at = at_seconds.to_string();
        let vector: Vector = self.ask("query", &[("query", query), ("time", &at)])?;
        Ok(vector.result.first().and_then(|sample| sample.value.1.parse().ok()))
    }

    /// The samples of an expression from `start_ms` to `end_ms` every `step_ms`.
    pub fn range(
        &self,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<Vec<Sampled>, PromqlError> {
        let mut all = Vec::new();
        let mut from = start_ms;
        while from <= end_ms {
            let to = end_ms.min(from + (MOST_STEPS - 1) * step_ms);
            let seconds = |ms: i64| format!("{:.3}", ms as f64 / 1e3);
            let (start, end, step) = (seconds(from), seconds(to), seconds(step_ms));
            let asked = [("query", query), ("start", &start), ("end", &end), ("step", &step)];
            all.extend(self.ask::<Matrix>("query_range", &asked)?.result);
            from += MOST_STEPS * step_ms;
        }
        Ok(all)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        asked: &[(&str, &str)],
    ) -> Result<T, PromqlError> {
        let mut response = self.asked.get(&format!("/api/v1/{what}"), asked)?;
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(LONGEST_ANSWER_BYTES).reader();
        let answer: Answer<T> =
            serde_json::from_reader(io::BufReader::new(body)).map_err(|source| {
                PromqlError::NotUnderstood { url: self.url().into(), status, source }
            })?;
        match answer {
            Answer { data: Some(data), status, .. } if status == "success" => Ok(data),
            Answer { error, .. } => Err(PromqlError::Refused(error.unwrap_or_default())),
        }
    }
}
