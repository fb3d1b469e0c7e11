//! The report: what was asked, what happened, and whether the generator kept up with its own
//! plan. One struct, rendered as text or JSON.

mod text;

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::{
    plan::{Arrivals, Plan},
    tally::Tally,
};

const NANOS_PER_SECOND: f64 = 1e9;
/// Version of the JSON form; grows when a key changes its meaning or goes.
const SCHEMA_VERSION: u32 = 1;

/// What a run did. Every arrival that was due is in exactly one of `requests_completed`,
/// `errors_total`, `arrivals_dropped` and `requests_abandoned`.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// URL that the load went to.
    pub target: String,
    /// How the arrivals were spread.
    pub arrivals: Arrivals,
    /// Seed of the schedule.
    pub seed: u64,
    /// Keep-alive connections.
    pub connections: usize,
    /// Limit of the wait for a connection, and of the wait for a reply.
    pub timeout_seconds: f64,
    /// How long arrivals were to go on.
    pub duration_seconds: f64,
    /// From the start to the end of the last request.
    pub elapsed_seconds: f64,
    /// The run was stopped before its end.
    pub interrupted: bool,
    /// Whether the generator did what was planned; if not, the other figures mean little.
    pub valid: bool,
    /// Why not.
    pub invalid_reasons: Vec<String>,
    /// Fingerprint of the instants of all arrivals that were due.
    pub schedule_hash: String,
    /// Arrivals that were due until the end, or until the run was stopped.
    pub requests_planned: u64,
    /// Requests written to a connection.
    pub requests_sent: u64,
    /// Requests answered in full with a status below 400.
    pub requests_completed: u64,
    /// Requests that failed, all kinds together.
    pub errors_total: u64,
    /// Failed requests by kind: `connect`, `expired` (no connection was free within the timeout),
    /// `timeout`, `closed`, `protocol`, `oversized`, `status_4xx`, `status_5xx`.
    pub errors: BTreeMap<&'static str, u64>,
    /// Arrivals that the backlog could not hold.
    pub arrivals_dropped: u64,
    /// Arrivals that were waiting or under way when the run was stopped.
    pub requests_abandoned: u64,
    /// Rate of the plan.
    pub rate_asked_per_second: f64,
    /// Requests sent over the time in which they were sent: the plan's duration, or until the
    /// last one was sent if that was later, or until the run was stopped.
    pub rate_sent_per_second: f64,
    /// From the intended instant to the end of the reply; timeouts count with what they waited.
    pub response_time_seconds: Option<Distribution>,
    /// From the sending to the end of the reply: what a closed loop would report.
    pub service_time_seconds: Option<Distribution>,
    /// How late the generator itself was with the arrivals.
    pub lateness_seconds: Option<Distribution>,
    /// Bytes of the bodies of whole replies.
    pub bytes_received: u64,
}

/// How times are distributed, in seconds with three significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Distribution {
    /// Half are at most this.
    pub p50: f64,
    /// 90 % are at most this.
    pub p90: f64,
    /// 99 % are at most this.
    pub p99: f64,
    /// 99.9 % are at most this.
    pub p999: f64,
    /// The longest.
    pub max: f64,
    /// The mean.
    pub mean: f64,
    /// How many there are.
    pub count: u64,
}

impl Distribution {
    /// Of a histogram in nanoseconds; none if it is empty.
    fn of(histogram: &Histogram<u64>) -> Option<Self> {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / NANOS_PER_SECOND;
        (!histogram.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: histogram.max() as f64 / NANOS_PER_SECOND,
            mean: histogram.mean() / NANOS_PER_SECOND,
            count: histogram.len(),
        })
    }
}

/// When a run ended, in nanoseconds of its clock.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ending {
    /// When no more arrivals were due.
    pub(crate) paced: u64,
    /// When the last request was done.
    pub(crate) done: u64,
    /// Whether it was stopped.
    pub(crate) interrupted: bool,
}

impl Report {
    pub(crate) fn new(plan: &Plan, tally: &Tally, ending: Ending) -> Self {
        let options = plan.options();
        let counts = tally.counts();
        let settled = counts.completed + counts.errors + tally.arrivals_dropped();
        let sending_nanos = ending.paced.max(tally.last_sent_nanos()).max(1);
        let lateness = Distribution::of(tally.lateness());
        let invalid_reasons = invalid_reasons(plan, tally, lateness);
        Self {
            schema_version: SCHEMA_VERSION,
            target: plan.target().to_string(),
            arrivals: options.arrivals,
            seed: options.seed,
            connections: options.connections,
            timeout_seconds: options.timeout.as_secs_f64(),
            duration_seconds: options.duration.as_secs_f64(),
            elapsed_seconds: ending.done as f64 / NANOS_PER_SECOND,
            interrupted: ending.interrupted,
            valid: invalid_reasons.is_empty(),
            invalid_reasons,
            schedule_hash: tally.schedule_hash().to_string(),
            requests_planned: counts.planned,
            requests_sent: counts.sent,
            requests_completed: counts.completed,
            errors_total: counts.errors,
            errors: tally.errors().map(|(kind, count)| (kind.name(), count)).collect(),
            arrivals_dropped: tally.arrivals_dropped(),
            requests_abandoned: counts.planned - settled,
            rate_asked_per_second: plan.rate().per_second(),
            rate_sent_per_second: counts.sent as f64 * NANOS_PER_SECOND / sending_nanos as f64,
            response_time_seconds: Distribution::of(tally.response()),
            service_time_seconds: Distribution::of(tally.service()),
            lateness_seconds: lateness,
            bytes_received: tally.bytes_received(),
        }
    }
}

fn invalid_reasons(plan: &Plan, tally: &Tally, lateness: Option<Distribution>) -> Vec<String> {
    let mut reasons = Vec::new();
    let dropped = tally.arrivals_dropped();
    if dropped > 0 {
        reasons.push(format!(
            "{dropped} arrivals found the backlog of {} full and were not sent: \
             ask for a lower rate, or allow more connections or a larger backlog",
            plan.backlog()
        ));
    }
    let bound = plan.options().max_lateness;
    if let Some(lateness) = lateness.filter(|lateness| lateness.p99 > bound.as_secs_f64()) {
        reasons.push(format!(
            "the generator itself was late by {} at p99, more than {}: \
             ask for a lower rate, or give it a processor of its own",
            text::seconds(lateness.p99),
            text::seconds(bound.as_secs_f64())
        ));
    }
    reasons
}
