//! The service of a game day, over HTTP: sealing, opening, and what everybody may see.

use std::time::Duration;

use detector::source::exposition;
use leaky_service::pattern::{Facts, Role};
use serde_json::{Map, Value, json};

use super::scenario::Injection;
use crate::client::{Client, ClientError};

/// The longest wait for one answer; to clear takes a while.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// What an entry takes, unless the service was told otherwise.
const BYTES_PER_REQUEST: usize = 10 << 10;

/// The service.
#[derive(Debug)]
pub struct Target {
    client: Client,
}

/// What everybody may see.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Resident memory.
    pub rss_bytes: f64,
    /// Requests to the endpoints that leaks feed on, since the service started.
    pub requests_total: f64,
    /// The memory limit of its control group, where it has one.
    pub limit_bytes: Option<f64>,
    /// When the service started, in seconds since the epoch.
    pub start_seconds: Option<f64>,
}

impl Target {
    /// The service at this URL. Tokens and passwords come from the environment.
    pub fn new(url: &str) -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(url, ANSWER_WITHIN)? })
    }

    /// Makes everything as it is in a service that nobody has touched: off, unpatched, with its first
    /// settings, and empty. What an earlier exercise or day has set would change this one.
    pub fn put_back(&self) -> Result<(), ClientError> {
        let states = self.client.states()?;
        for facts in leaky_service::leaks::all() {
            let state = states.get(facts.name).unwrap_or(&Value::Null);
            let changes = changes(state, at_rest(facts));
            if !changes.is_empty() {
                let path = format!("/admin/leaks/{}", facts.name);
                self.client.post(&path, &Value::Object(changes))?;
            }
        }
        self.client.post("/admin/leaks/clear", &json!({ "leak_type": "all" }))?;
        self.client.post("/admin/gc", &json!({})).map(drop)
    }

    /// Switches these on under the seal; again with the same key, nothing happens, unless the
    /// service was restarted meanwhile.
    pub fn seal(&self, key: &str, injected: &[Injection]) -> Result<(), ClientError> {
        let controls: Map<_, _> = injected
            .iter()
            .map(|injected| (injected.name.to_owned(), Value::Object(injected.controls.clone())))
            .collect();
        self.client.post("/admin/seal", &json!({ "key": key, "controls": controls })).map(drop)
    }

    /// Opens the seal.
    pub fn open(&self, key: &str) -> Result<(), ClientError> {
        self.client.post("/admin/seal/open", &json!({ "key": key })).map(drop)
    }

    /// What these hold together, wherever it is, exact to the byte; the seal must be open.
    pub fn held_bytes<'a>(&self, names: impl Iterator<Item = &'a str>) -> Result<u64, ClientError> {
        let states = self.client.states()?;
        let held = |name| states.get(name).and_then(|state| state["held_bytes"].as_u64());
        let missing = |name| {
            let missing = format!("no `held_bytes` of `{name}`");
            self.client.foreign("/admin/leaks/status", missing)
        };
        names.map(|name| held(name).ok_or_else(|| missing(name))).sum()
    }

    /// What everybody may see.
    pub fn figures(&self) -> Result<Figures, ClientError> {
        let page = self.client.metrics()?;
        Figures::of(&page).map_err(|missing| self.client.foreign("/metrics", missing))
    }
}

/// The controls of what nobody has touched.
fn at_rest(facts: &Facts) -> Map<String, Value> {
    let mut controls = Map::new();
    let mut set = |name: &str, value| controls.insert(name.to_owned(), value);
    set("enabled", json!(false));
    set("bytes_per_request", json!(BYTES_PER_REQUEST));
    set("start_after", json!("0s"));
    set("ramp", json!("0s"));
    if facts.role == Role::Leak {
        set("patched", json!(false));
    }
    if facts.per_event.is_some() {
        set("share", json!(1.0));
        set("per_second", Value::Null);
        set("endpoint", Value::Null);
    }
    for parameter in facts.parameters {
        set(parameter.name, parameter.written(parameter.default));
    }
    controls
}

/// Those of the controls that the state has otherwise.
fn changes(state: &Value, wanted: Map<String, Value>) -> Map<String, Value> {
    wanted.into_iter().filter(|(name, value)| state[name] != *value).collect()
}

impl Figures {
    /// Of a metrics page; on failure what is missing.
    fn of(page: &str) -> Result<Self, String> {
        let (mut rss_bytes, mut limit_bytes, mut start_seconds) = (None, None, None);
        let mut requests_total = 0.0;
        for sample in exposition::samples(page) {
            let sample = sample.map_err(|error| error.to_string())?;
            match sample.name {
                "process_resident_memory_bytes" => rss_bytes = Some(sample.value),
                "cgroup_memory_limit_bytes" => limit_bytes = Some(sample.value),
                "process_start_time_seconds" => start_seconds = Some(sample.value),
                "http_requests_total" if feeds(&sample) => requests_total += sample.value,
                _ => {}
            }
        }
        let rss_bytes = rss_bytes.ok_or("no `process_resident_memory_bytes`")?;
        Ok(Self { rss_bytes, requests_total, limit_bytes, start_seconds })
    }
}

/// Whether leaks feed on the requests that this counts.
fn feeds(sample: &exposition::Sample<'_>) -> bool {
    sample.labels.iter().any(|(name, value)| *name == "endpoint" && value.starts_with("/api/"))
}

#[cfg(test)]
mod tests {
    use leaky_service::controls::{Change, Controls};

    use super::*;

    #[test]
    fn what_is_at_rest_is_as_nobody_has_touched_it() {
        let off = Controls::off(BYTES_PER_REQUEST);
        let touched = Controls { patched: true, share: 0.1, per_second: None, ..off };
        for facts in leaky_service::leaks::all() {
            let change = Change::parse(facts, &at_rest(facts)).expect("known settings");
            let before = if facts.role == Role::Leak { touched } else { off };
            assert_eq!(before.changed(&change).expect("no contradiction"), off, "{}", facts.name);
            let given: Vec<_> =
                facts.parameters.iter().map(|own| (own.name, own.default)).collect();
            let mut set = change.parameters;
            set.sort_by_key(|(name, _)| given.iter().position(|(own, _)| own == name));
            assert_eq!(set, given, "{}", facts.name);
        }
    }

    #[test]
    fn only_what_is_otherwise_is_changed() {
        let state = json!({"enabled": true, "share": 1.0, "endpoint": null, "entries": 5});
        let wanted = json!({"enabled": false, "share": 1.0, "endpoint": null, "ramp": "0s"});
        let wanted = wanted.as_object().expect("an object").clone();
        let expected = json!({"enabled": false, "ramp": "0s"});
        assert_eq!(Value::Object(changes(&state, wanted)), expected);
    }

    #[test]
    fn figures_count_the_requests_that_leaks_feed_on() {
        let page = "process_resident_memory_bytes 5e6\n\
                    http_requests_total{endpoint=\"/api/data\",status=\"200\"} 7\n\
                    http_requests_total{endpoint=\"/api/search\",status=\"200\"} 2\n\
                    http_requests_total{endpoint=\"/metrics\",status=\"200\"} 100\n";
        let figures = Figures::of(page).expect("figures");
        assert_eq!((figures.rss_bytes, figures.requests_total), (5e6, 9.0));
        assert_eq!(figures.limit_bytes, None);
        assert!(Figures::of("up 1\n").is_err_and(|missing| missing.contains("resident")));
    }
}
