//! Alert rules for Prometheus: what a team can have without running this detector.
//!
//! A rule sees one expression and not the shape of a curve, so each of these fires on some
//! warm-up, or misses some slow leak; what it is right in is its units. `deriv` is the slope of a gauge, per
//! second: times 3600 it is per hour. (`rate` of a gauge takes every fall for the reset of a counter, so that a
//! sawtooth that stays level seems to grow.)

mod selector;
mod table;
mod yaml;

use std::time::Duration;

use crate::threshold::Severity;

pub use selector::{MetricName, Selector};

/// What the rules watch, and from where on they speak.
#[derive(Debug, Clone)]
pub struct Target {
    /// The labels of its series.
    pub selector: Selector,
    /// Its gauge of memory, in bytes.
    pub memory: MetricName,
    /// Growth of memory, bytes per hour.
    pub growth: Bands,
    /// Memory, bytes.
    pub level: Bands,
    /// Gauges of things kept (objects, entries): alert on more than so many new ones per hour.
    pub objects: Vec<MetricName>,
    /// New things of one kind per hour, from which on there are too many.
    pub objects_per_hour: u64,
    /// A counter of garbage collections.
    pub collections: Option<MetricName>,
    /// Collections per second, from which on there are too many.
    pub collections_per_second: u64,
    /// A counter of requests that made memory grow.
    pub growth_events: Option<MetricName>,
    /// Growth events per hour, from which on there are too many.
    pub growth_events_per_hour: u64,
    /// Its name in the configuration of `detector watch`; without it any of those counts.
    pub watched_as: Option<String>,
    /// The containers that it runs in, by the labels of cAdvisor's series.
    pub containers: Option<Containers>,
}

/// Two thresholds, the second above the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bands {
    /// From here on a warning.
    pub warning: u64,
    /// From here on critical.
    pub critical: u64,
}

/// Containers, as cAdvisor sees them.
#[derive(Debug, Clone)]
pub struct Containers {
    /// The labels of their series.
    pub selector: Selector,
    /// Growth of anonymous memory, bytes per hour.
    pub growth: u64,
    /// Memory that the kernel cannot reclaim at once (the working set), bytes.
    pub level: u64,
}

/// One alert.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    alert: &'static str,
    expr: String,
    /// For so long it must hold without a break.
    lasting: Duration,
    severity: Severity,
    /// The kind of things that are kept, as a label: without it, alerts about two kinds of one instance are the same.
    objects: Option<String>,
    summary: String,
    description: String,
}

/// The rules of a target, as a file for Prometheus' `rule_files`.
pub fn for_target(target: &Target) -> String {
    yaml::file("memory-leaks", &table::rules(target))
}
