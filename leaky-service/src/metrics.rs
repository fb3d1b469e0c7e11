//! Prometheus metrics: those of the contract, the patterns' gauges, the allocator, the process.
//!
//! Everything sits in a registry of its own, since the default one brings a process collector
//! whose names collide with the contract's. Every label has a bounded set of values: endpoints
//! are routes, never paths, and methods beyond the usual are `OTHER`; only the leak
//! `labels` has labels without end, because that is its defect. Gauges are read when scraped, so a
//! scrape is as fresh as it looks; what cannot be read keeps its last value, but for the control
//! group's, which then have no sample.

mod group;
mod known;

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Duration;

use axum::http::StatusCode;
use prometheus::core::Collector;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
};
use tokio::runtime::Handle;

use crate::SERVICE;
use crate::catalogue::Catalogue;
use crate::exhibit::Exhibit;
use crate::growth::{GrowthEvents, GrowthSettings, GrowthWindow};
use crate::heap::HeapStats;
use crate::pattern::lock;
use crate::process::{self, ProcessMemory};

use group::GroupCollector;
pub(crate) use known::Known;

/// Upper bounds of the latency histogram, in seconds, as the contract has them.
const LATENCY_BUCKETS: [f64; 9] = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// Gauges about the process and its allocator: name, help.
const GAUGES: [(&str, &str); 13] = [
    ("process_resident_memory_bytes", "Resident memory of the process in bytes"),
    ("process_resident_anon_bytes", "Resident memory that no file is behind, in bytes"),
    ("process_resident_file_bytes", "Resident pages of mapped files in bytes"),
    ("process_resident_shmem_bytes", "Resident shared memory in bytes"),
    ("process_virtual_memory_bytes", "Mapped address space of the process in bytes"),
    ("process_open_fds", "Open file descriptors"),
    ("process_threads", "Threads of the process"),
    ("process_children", "Child processes that have not been waited for, zombies included"),
    ("tasks_alive", "Tasks of the async runtime that have not ended, one per connection included"),
    ("allocator_in_use_bytes", "Bytes the allocator has handed out and not got back"),
    ("allocator_active_bytes", "Bytes in pages that hold at least one block in use"),
    ("allocator_resident_bytes", "Upper bound of the allocator's resident pages in bytes"),
    ("allocator_retained_bytes", "Address space the allocator keeps without memory behind it"),
];

/// What is told apart among answered requests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Labels {
    /// One of HTTP's own, or `OTHER`.
    pub method: &'static str,
    /// A route, never a path.
    pub endpoint: &'static str,
    /// What was answered.
    pub status: StatusCode,
}

/// The metrics of one service.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    answered: Known<Labels, (IntCounter, Histogram)>,
    growth_events: GrowthEvents,
    growth_rate: Gauge,
    /// Gauges that are set at each scrape, by name.
    gauges: HashMap<String, IntGauge>,
    /// Evictions of bounded patterns, by the pattern's name.
    evictions: HashMap<&'static str, IntCounter>,
    /// One scrape at a time, or two could both add the same evictions.
    scraping: Mutex<()>,
}

impl Metrics {
    /// Registers everything, for the patterns of this catalogue.
    pub fn new(catalogue: &Catalogue, growth: GrowthSettings) -> prometheus::Result<Self> {
        let registry = Registry::new();
        let metrics = Self {
            requests: register(&registry, requests()?)?,
            latency: register(&registry, latency()?)?,
            answered: Known::default(),
            growth_events: GrowthEvents::register(&registry, growth)?,
            growth_rate: register(&registry, growth_rate()?)?,
            gauges: gauges(&registry, catalogue)?,
            evictions: evictions(&registry, catalogue)?,
            scraping: Mutex::new(()),
            registry,
        };
        GroupCollector::register(&metrics.registry)?;
        let start = Gauge::new("process_start_time_seconds", "Start time, since the epoch")?;
        if let Ok(seconds) = process::start_time_seconds() {
            start.set(seconds);
            register(&metrics.registry, start)?;
        }
        Ok(metrics)
    }

    /// Counts one answered request.
    pub fn observe(&self, labels: Labels, took: Duration) {
        let Labels { method, endpoint, status } = labels;
        let find = || {
            let requests = [SERVICE, method, endpoint, status.as_str()];
            let requests = self.requests.with_label_values(&requests);
            (requests, self.latency.with_label_values(&[SERVICE, method, endpoint]))
        };
        self.answered.note(labels, find, |(requests, latency)| {
            requests.inc();
            latency.observe(took.as_secs_f64());
        });
    }

    /// The counters of requests that raise resident memory.
    pub fn growth_events(&self) -> &GrowthEvents {
        &self.growth_events
    }

    /// Reads every gauge and renders all metrics in the text format; `sealed`, none that tells what
    /// a pattern holds.
    pub fn scrape(
        &self,
        catalogue: &Catalogue,
        growth: &GrowthWindow,
        sealed: bool,
    ) -> prometheus::Result<String> {
        let _scraping = lock(&self.scraping);
        self.growth_rate.set(growth.bytes_per_second());
        self.read_process();
        // All children are the patterns'; the kernel would have to be asked about every process.
        self.set("process_children", catalogue.outside().processes);
        for exhibit in catalogue.exhibits() {
            let (facts, names) = (exhibit.facts(), exhibit.names());
            self.set(&names.count_gauge, exhibit.count() as u64);
            self.set(&names.bytes_gauge, exhibit.held_bytes());
            let counter = self.evictions.get(facts.name);
            if let (Some(counter), Some(evictions)) = (counter, exhibit.evictions()) {
                counter.inc_by(evictions.saturating_sub(counter.get()));
            }
        }
        let mut families = self.registry.gather();
        families.retain(|family| !sealed || !tells(catalogue, family.name()));
        families.extend(catalogue.exhibits().iter().flat_map(Exhibit::families));
        // The encoder takes a family without metrics for a mistake.
        families.retain(|family| !family.get_metric().is_empty());
        TextEncoder::new().encode_to_string(&families)
    }

    fn read_process(&self) {
        if let Ok(memory) = ProcessMemory::read() {
            self.set("process_resident_memory_bytes", memory.rss_bytes);
            self.set("process_virtual_memory_bytes", memory.vms_bytes);
            if let Some(kinds) = memory.resident {
                self.set("process_resident_anon_bytes", kinds.anon_bytes);
                self.set("process_resident_file_bytes", kinds.file_bytes);
                self.set("process_resident_shmem_bytes", kinds.shmem_bytes);
            }
        }
        if let Ok(fds) = process::open_fds() {
            self.set("process_open_fds", fds as u64);
        }
        if let Ok(threads) = process::threads() {
            self.set("process_threads", threads.unsigned_abs());
        }
        if let Ok(runtime) = Handle::try_current() {
            self.set("tasks_alive", runtime.metrics().num_alive_tasks() as u64);
        }
        if let Ok(heap) = HeapStats::read() {
            self.set("allocator_in_use_bytes", heap.in_use_bytes);
            self.set("allocator_active_bytes", heap.active_bytes);
            self.set("allocator_resident_bytes", heap.resident_bytes);
            self.set("allocator_retained_bytes", heap.retained_bytes);
        }
    }

    fn set(&self, name: &str, value: u64) {
        if let Some(gauge) = self.gauges.get(name) {
            gauge.set(value.cast_signed());
        }
    }
}

/// Whether a metric of that name says what a pattern holds. What the leak `labels` exports is its defect, for all
/// to see.
fn tells(catalogue: &Catalogue, name: &str) -> bool {
    catalogue.exhibits().iter().any(|exhibit| {
        let names = exhibit.names();
        name == names.count_gauge
            || name == names.bytes_gauge
            || name == evictions_name(exhibit.facts().name)
    })
}

fn evictions_name(pattern: &str) -> String {
    format!("{pattern}_evictions_total")
}

/// Registers a metric and gives it back.
pub(crate) fn register<M: Collector + Clone + 'static>(
    registry: &Registry,
    metric: M,
) -> prometheus::Result<M> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn requests() -> prometheus::Result<IntCounterVec> {
    let opts = Opts::new("http_requests_total", "Requests answered");
    IntCounterVec::new(opts, &["service", "method", "endpoint", "status"])
}

fn latency() -> prometheus::Result<HistogramVec> {
    let name = "http_request_duration_seconds";
    let opts = HistogramOpts::new(name, "Time from a request's headers to its answer");
    HistogramVec::new(opts.buckets(LATENCY_BUCKETS.to_vec()), &["service", "method", "endpoint"])
}

fn growth_rate() -> prometheus::Result<Gauge> {
    let help = "Growth of resident memory over the last 60 seconds";
    Gauge::new("memory_growth_rate_bytes_per_second", help)
}

fn gauges(
    registry: &Registry,
    catalogue: &Catalogue,
) -> prometheus::Result<HashMap<String, IntGauge>> {
    let patterns = catalogue.exhibits().iter().flat_map(|exhibit| {
        let (name, names) = (exhibit.facts().name, exhibit.names());
        let count = (names.count_gauge.clone(), format!("Things that {name} keeps"));
        let bytes = (names.bytes_gauge.clone(), format!("Bytes that {name} holds"));
        [count, bytes]
    });
    let own = GAUGES.iter().map(|(name, help)| ((*name).to_owned(), (*help).to_owned()));
    let gauge = |(name, help): (String, String)| {
        let gauge = register(registry, IntGauge::new(name.as_str(), help)?)?;
        Ok((name, gauge))
    };
    own.chain(patterns).map(gauge).collect()
}

fn evictions(
    registry: &Registry,
    catalogue: &Catalogue,
) -> prometheus::Result<HashMap<&'static str, IntCounter>> {
    let bounded = catalogue.exhibits().iter().filter(|exhibit| exhibit.evictions().is_some());
    let counter = |name: &'static str| {
        let help = format!("Entries that {name} has evicted");
        let counter = IntCounter::new(evictions_name(name), help)?;
        Ok((name, register(registry, counter)?))
    };
    bounded.map(|exhibit| counter(exhibit.facts().name)).collect()
}
