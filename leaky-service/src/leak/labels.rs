//! A request id as a metric label: one time series per request, for ever.
//!
//! A counter of requests by route was wanted. With the id, and whatever else the client sent,
//! among its labels it is a counter per request: the registry keeps each, each scrape renders all
//! of them, and whoever scrapes stores them once more.

use std::io;
use std::iter::repeat_n;
use std::sync::Mutex;

use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{IntCounterVec, Opts};

use crate::endpoint::Endpoint;
use crate::pattern::{Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "labels",
    role: Role::Leak,
    description: "Unbounded labels: a request id as metric label; registry and scrape grow",
    page: include_str!("labels.md"),
    takes: &[Resource::Heap],
    per_event: Some(Outside::NOTHING),
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'i',
    new: || Box::<Labels>::default(),
};

/// The labels of the counter that leaks.
const LABELS: [&str; 4] = ["request_id", "path", "user_agent", "cookie"];

/// What the registry keeps of a series beside what the client sent: a description of its own with
/// the names of metric and labels, the id, and a bucket of the table. Measured; see the test of
/// its exactness.
const SERIES_BYTES: usize = 960;

/// A budget allows for a vector of the chunks, which there is not here.
const NO_VECTOR_BYTES: usize = 80;

#[derive(Default)]
struct Labels {
    by_request: Mutex<Option<Counter>>,
    /// The fixed counter: one series per endpoint.
    by_endpoint: Mutex<Option<Counter>>,
}

/// A counter and its labels; made by the first request, so that without any it takes nothing.
struct Counter {
    requests: IntCounterVec,
    series: usize,
}

impl Counter {
    fn new(name: &str, labels: &[&str]) -> prometheus::Result<Self> {
        let requests = IntCounterVec::new(Opts::new(name, "Requests received"), labels)?;
        Ok(Self { requests, series: 0 })
    }

    fn count(&mut self, labels: &[&str]) -> prometheus::Result<()> {
        let counter = self.requests.get_metric_with_label_values(labels)?;
        self.series += usize::from(counter.get() == 0);
        counter.inc();
        Ok(())
    }
}

/// Counts a request under its labels, by the counter in `slot`.
fn count(
    slot: &Mutex<Option<Counter>>,
    name: &str,
    names: &[&str],
    labels: &[&str],
) -> io::Result<()> {
    let mut slot = lock(slot);
    let counted = match &mut *slot {
        Some(counter) => counter.count(labels),
        none => Counter::new(name, names).and_then(|counter| none.insert(counter).count(labels)),
    };
    counted.map_err(io::Error::other)
}

/// What a client may send: as long as it likes.
fn sent_by_client(budget: &Budget) -> [String; 3] {
    let chunks = budget.chunks(SERIES_BYTES - NO_VECTOR_BYTES);
    let text = |index| {
        let length = chunks.get(index).copied().unwrap_or(0);
        repeat_n(char::from(FACTS.fill), length).collect()
    };
    [text(0), text(1), text(2)]
}

impl Pattern for Labels {
    fn touch(&self, event: &Event<'_>, budget: &Budget) -> io::Result<()> {
        let [path, user_agent, cookie] = sent_by_client(budget);
        // The defect: each request is its own series, because no two have the same id.
        let request_id = format!("{:032x}", event.id);
        let labels = [&*request_id, &path, &user_agent, &cookie];
        count(&self.by_request, "app_requests_total", &LABELS, &labels)
    }

    fn touch_patched(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        let endpoint = event.endpoint.map_or("none", Endpoint::path);
        count(&self.by_endpoint, "app_requests_by_endpoint_total", &["endpoint"], &[endpoint])
    }

    fn families(&self) -> Vec<MetricFamily> {
        let collect = |slot: &Mutex<Option<Counter>>| {
            let requests = lock(slot).as_ref().map(|counter| counter.requests.clone());
            requests.map_or_else(Vec::new, |requests| requests.collect())
        };
        let mut families = collect(&self.by_request);
        families.append(&mut collect(&self.by_endpoint));
        families
    }

    fn count(&self) -> usize {
        let series = |slot: &Mutex<Option<Counter>>| lock(slot).as_ref().map_or(0, |c| c.series);
        series(&self.by_request) + series(&self.by_endpoint)
    }

    fn clear(&self) -> usize {
        let (by_request, by_endpoint) =
            (lock(&self.by_request).take(), lock(&self.by_endpoint).take());
        [by_request, by_endpoint].iter().flatten().map(|counter| counter.series).sum()
    }
}
