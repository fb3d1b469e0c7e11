//! The report: what was asked, what happened, and whether the generator kept up with its own
//! plan. One struct, rendered as text or JSON.

mod chart;
mod html;
mod load;
mod text;
mod times;

use std::collections::BTreeMap;

use hdrhistogram::{Counter, Histogram};
use serde::{Deserialize, Serialize};

pub(crate) use self::{text::seconds, times::TimesReport};
use crate::{
    collector::Results,
    control::Counts,
    plan::{Load, Pace, Plan},
    recorded::Recorded,
    recording::{Recording, Times},
    schedule::ScheduleHash,
    threshold::{Evidence, Judgement},
    timeline::Cell,
};

const NANOS_PER_SECOND: f64 = 1e9;
/// Version of the JSON form; grows when a key changes its meaning or goes.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// What a run did. Every arrival that was due is in exactly one of `requests_completed`,
/// `errors_total`, `requests_aborted`, `arrivals_dropped` and `requests_abandoned`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Report {
    /// Version of this form.
    pub schema_version: u32,
    /// URL that the load went to.
    pub target: String,
    /// Who decided when the next request was sent.
    pub model: Model,
    /// What was asked for, in words.
    pub load: String,
    /// Seed of the schedule.
    pub seed: u64,
    /// Which part of the plan's arrivals this is, from 0.
    pub shard_index: u64,
    /// Of how many parts.
    pub shard_count: u64,
    /// Connections.
    pub connections: usize,
    /// Limit of the wait for a connection, and of the wait for a reply.
    pub timeout_seconds: f64,
    /// How long arrivals were to go on.
    pub duration_seconds: f64,
    /// From the start to the end of the last request.
    pub elapsed_seconds: f64,
    /// The run was stopped from outside before its end.
    pub interrupted: bool,
    /// Which condition of `--stop-unless` ended the run early.
    pub stop_reason: Option<String>,
    /// Whether the generator did what was planned; if not, the other figures mean little.
    pub valid: bool,
    /// Why not.
    pub invalid_reasons: Vec<String>,
    /// Whether the target kept what it should.
    pub thresholds: Vec<Judgement>,
    /// Fingerprint of the instants of all arrivals that were due.
    pub schedule_hash: String,
    /// Arrivals that were due until the end, or until the run was stopped.
    pub requests_planned: u64,
    /// Requests written to a connection.
    pub requests_sent: u64,
    /// Requests answered in full that pass every check; by default a status below 400 does.
    pub requests_completed: u64,
    /// Requests that failed, all kinds together.
    pub errors_total: u64,
    /// Failed requests by kind: `connect`, `expired` (no connection was free within the timeout),
    /// `timeout`, `closed`, `protocol`, `oversized`, `status_4xx`, `status_5xx`, `check_status`,
    /// `check_body`.
    pub errors: BTreeMap<String, u64>,
    /// Whole replies by the hundreds of their status, `2xx` to `5xx`; redirects are not followed.
    #[serde(default)]
    pub replies: BTreeMap<String, u64>,
    /// Requests whose client went away before it had the reply, as the plan wanted.
    pub requests_aborted: u64,
    /// Arrivals that the backlog could not hold.
    pub arrivals_dropped: u64,
    /// Arrivals that were waiting or under way when the run was stopped.
    pub requests_abandoned: u64,
    /// Mean rate of the plan; none in a closed loop.
    pub rate_asked_per_second: Option<f64>,
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
    /// The run second by second; when it was long, or its times spread wide, in cells of 2, 4, 8, ...
    /// seconds, at most 240.
    pub timeline: Vec<TimelineCell>,
    /// All times, to be merged with those of other runs and read by other tools.
    pub histograms: Histograms,
}

/// Who decides when the next request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Model {
    /// A schedule, whatever the target does.
    Open,
    /// Users, each of whom waits for the reply to the last request.
    Closed,
}

/// The three times in full: base64 of the deflated HDR format V2, in nanoseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Histograms {
    /// From the intended instant to the end of the reply.
    pub response: Recorded,
    /// From the sending to the end of the reply.
    pub service: Recorded,
    /// How late the generator itself was.
    pub lateness: Recorded,
}

/// What happened between two instants of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TimelineCell {
    /// From the start of the run.
    pub start_seconds: f64,
    /// From the start of the run.
    pub end_seconds: f64,
    /// Arrivals that were due.
    pub requests_planned: u64,
    /// Requests written to a connection.
    pub requests_sent: u64,
    /// Requests answered in full that pass every check; by default a status below 400 does.
    pub requests_completed: u64,
    /// Requests that failed.
    pub errors_total: u64,
    /// Arrivals that the backlog could not hold.
    pub arrivals_dropped: u64,
    /// Most arrivals that waited for a connection, of what was seen once a second.
    pub arrivals_waiting: u64,
    /// Response times of the requests that ended here, to 1 in 10^2.
    pub response_time_seconds: Option<Distribution>,
    /// The same in full.
    pub response_histogram: Recorded<u32>,
}

/// How times are distributed, in seconds with three significant digits.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
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
    pub(crate) fn of<T: Counter>(histogram: &Histogram<T>) -> Option<Self> {
        // A quantile is the upper end of its bucket, which may lie above the longest time.
        let max = histogram.max();
        let at =
            |quantile| histogram.value_at_quantile(quantile).min(max) as f64 / NANOS_PER_SECOND;
        (!histogram.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: max as f64 / NANOS_PER_SECOND,
            mean: histogram.mean().min(max as f64) / NANOS_PER_SECOND,
            count: histogram.len(),
        })
    }
}

/// When a run ended, in nanoseconds of its clock.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    /// When no more arrivals were due.
    pub(crate) paced: u64,
    /// When the last request was done.
    pub(crate) done: u64,
    /// Whether and why it was stopped.
    pub(crate) stop: Option<Stop>,
    /// The share of the paced time in which the busiest thread ran, or waited for a processor.
    pub(crate) processor_share: f64,
}

/// Why a run ended before its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody asked for it.
    Asked,
    /// A condition was not kept.
    Unkept(String),
}

impl Histograms {
    pub(crate) fn times(&self) -> Times {
        let Self { response, service, lateness } = self.clone();
        Times { response: response.0, service: service.0, lateness: lateness.0 }
    }
}

impl From<&TimelineCell> for Cell {
    fn from(cell: &TimelineCell) -> Self {
        let mut response = cell.response_histogram.0.clone();
        response.auto(true);
        Self {
            start_nanos: nanos_of(cell.start_seconds),
            end_nanos: nanos_of(cell.end_seconds),
            counts: Counts {
                planned: cell.requests_planned,
                sent: cell.requests_sent,
                completed: cell.requests_completed,
                errors: cell.errors_total,
                aborted: 0,
            },
            dropped: cell.arrivals_dropped,
            waiting: cell.arrivals_waiting,
            response,
        }
    }
}

impl From<&Times> for Histograms {
    fn from(times: &Times) -> Self {
        let Times { response, service, lateness } = times.clone();
        let [response, service, lateness] = [response, service, lateness].map(Recorded);
        Self { response, service, lateness }
    }
}

impl From<&Cell> for TimelineCell {
    fn from(cell: &Cell) -> Self {
        Self {
            start_seconds: seconds_of(cell.start_nanos),
            end_seconds: seconds_of(cell.end_nanos),
            requests_planned: cell.counts.planned,
            requests_sent: cell.counts.sent,
            requests_completed: cell.counts.completed,
            errors_total: cell.counts.errors,
            arrivals_dropped: cell.dropped,
            arrivals_waiting: cell.waiting,
            response_time_seconds: Distribution::of(&cell.response),
            response_histogram: Recorded(cell.response.clone()),
        }
    }
}

impl Report {
    pub(crate) fn new(plan: &Plan, results: &Results, ending: Ending, hash: ScheduleHash) -> Self {
        let options = plan.options();
        let Results { total, timeline } = results;
        let counts = total.counts;
        let evidence = Evidence {
            recording: total,
            sending_seconds: seconds_of(ending.paced.max(total.last_sent_nanos).max(1)),
            elapsed_seconds: seconds_of(ending.done),
        };
        let lateness = Distribution::of(&total.times.lateness);
        let invalid_reasons = invalid_reasons(plan, total, lateness, ending.processor_share);
        Self {
            schema_version: SCHEMA_VERSION,
            target: plan.target().to_string(),
            model: match plan.load() {
                Load::Open(_) => Model::Open,
                Load::Closed(_) => Model::Closed,
            },
            load: load::describe(plan),
            seed: options.seed,
            shard_index: options.shard.index(),
            shard_count: options.shard.count(),
            connections: options.connections,
            timeout_seconds: options.timeout.as_secs_f64(),
            duration_seconds: options.duration.as_secs_f64(),
            elapsed_seconds: evidence.elapsed_seconds,
            interrupted: ending.stop == Some(Stop::Asked),
            stop_reason: match ending.stop {
                Some(Stop::Unkept(reason)) => Some(reason),
                _ => None,
            },
            valid: invalid_reasons.is_empty(),
            invalid_reasons,
            thresholds: options.goals.all().iter().map(|one| one.judge(evidence)).collect(),
            schedule_hash: hash.to_string(),
            requests_planned: counts.planned,
            requests_sent: counts.sent,
            requests_completed: counts.completed,
            errors_total: counts.errors,
            errors: total.errors().map(|(kind, count)| (kind.name().to_owned(), count)).collect(),
            replies: total.replies().map(|(class, count)| (class.to_owned(), count)).collect(),
            requests_aborted: counts.aborted,
            arrivals_dropped: total.dropped,
            requests_abandoned: counts.planned - total.settled(),
            rate_asked_per_second: plan.rate_per_second(),
            rate_sent_per_second: counts.sent as f64 / evidence.sending_seconds,
            response_time_seconds: Distribution::of(&total.times.response),
            service_time_seconds: Distribution::of(&total.times.service),
            lateness_seconds: lateness,
            bytes_received: total.bytes_received,
            timeline: timeline.cells().map(|cell| TimelineCell::from(&cell)).collect(),
            histograms: Histograms::from(&total.times),
        }
    }
}

fn seconds_of(nanos: u64) -> f64 {
    nanos as f64 / NANOS_PER_SECOND
}

fn nanos_of(seconds: f64) -> u64 {
    (seconds * NANOS_PER_SECOND).round() as u64
}

/// A thread that ran, or waited for a processor, for so much of the time answered nobody at once.
const NO_PROCESSOR_TO_SPARE: f64 = 0.9;

/// `processor_share` is that of [`Ending`].
fn invalid_reasons(
    plan: &Plan,
    total: &Recording,
    lateness: Option<Distribution>,
    processor_share: f64,
) -> Vec<String> {
    let mut reasons = Vec::new();
    let dropped = total.dropped;
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
            seconds(lateness.p99),
            seconds(bound.as_secs_f64())
        ));
    }
    // Who spins has never a processor to spare.
    let is_told = plan.schedule().is_some() && plan.options().pace != Pace::Spin;
    let p99 = |times| Distribution::of(times).map_or(0.0, |times| times.p99);
    let waited = p99(&total.times.response) - p99(&total.times.service);
    if is_told && processor_share > NO_PROCESSOR_TO_SPARE && waited > bound.as_secs_f64() {
        reasons.push(format!(
            "the generator had no processor to spare ({:.0} % of the time it ran or waited for one), and requests \
             waited for it, not for the target: ask for a lower rate, or give it more threads or a processor of its own",
            100.0 * processor_share.min(1.0)
        ));
    }
    reasons
}
