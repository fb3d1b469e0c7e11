//! The metrics page of a process: fetched with bounds, turned into candidates for the cause.
//!
//! Gauges and untyped samples become candidates. Counters, histograms and summaries do not: they
//! only rise, so they would explain any growth. Nor does what restates the process as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::http::header::AUTHORIZATION;

use super::SampleError;
use super::address::{self, BadAddress};
use super::credentials::Credentials;
use super::exposition::{ExpositionError, Kind, Sample, samples};
use super::well_known::{HEAP_GAUGES, REQUESTS_COUNTER, TASK_GAUGES, may_be_cause};
use crate::{Observation, Signal};

/// Longest that one page may take, from the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Largest page that is read; a page of 100,000 series is about 10 MB.
const LARGEST_PAGE_BYTES: u64 = 16 << 20;

/// Most candidates taken from a page, in its order; a page with more has a label that never
/// repeats, and its own gauges, declared first in practice, are still among these.
const MOST_GAUGES: usize = 1_000;

/// Why a metrics page could not be used.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address cannot be asked, or holds credentials.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// Nobody answers, or not in time.
    #[error("is unreachable; is the service up, and the port right?")]
    Unreachable(#[source] ureq::Error),
    /// Credentials are missing or wrong.
    #[error(
        "refuses us with status {0}; set METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD in the \
         environment, or METRICS_AUTH_TOKEN"
    )]
    Unauthorised(u16),
    /// Another status than 200.
    #[error("answers with status {0}; is the path right?")]
    Status(u16),
    /// The answer is cut off, too large, or not text.
    #[error("cannot be read to its end (at most 16 MiB of UTF-8)")]
    Body(#[source] ureq::Error),
    /// The answer is not in the text format.
    #[error("is not in the Prometheus text format")]
    Garbage(#[from] ExpositionError),
    /// The gauge that was asked for is not there.
    #[error("has no gauge `{wanted}`; gauges of bytes there: {there}")]
    NoHeapGauge {
        /// The name asked for.
        wanted: String,
        /// Names that might be meant.
        there: String,
    },
}

/// Fetches and reads a metrics page.
#[derive(Debug)]
pub struct MetricsSource {
    agent: ureq::Agent,
    url: String,
    credentials: Option<Credentials>,
    heap_gauge: Option<String>,
    requests_counter: String,
}

impl MetricsSource {
    /// A source that has asked nothing yet.
    pub fn new(
        url: String,
        credentials: Option<Credentials>,
        heap_gauge: Option<String>,
        requests_counter: Option<String>,
    ) -> Result<Self, SampleError> {
        if let Err(bad) = address::check(&url) {
            let source = bad.into();
            return Err(SampleError::Metrics { url: address::without_credentials(&url), source });
        }
        // A proxy of the environment is for the world outside, not for the process next door.
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .http_status_as_error(false)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            url,
            credentials,
            heap_gauge,
            requests_counter: requests_counter.unwrap_or_else(|| REQUESTS_COUNTER.to_owned()),
        })
    }

    /// Adds the candidates, the requests, the heap and the tasks to an observation. On an error
    /// it is left as it was.
    pub fn add_to(
        &self,
        observation: &mut Observation,
        notes: &mut BTreeSet<String>,
    ) -> Result<(), SampleError> {
        let added = self.fetch().and_then(|page| self.read(&page));
        let page = added.map_err(|source| self.because(source))?;
        if page.gauges.len() > MOST_GAUGES {
            notes.insert(format!("gauges: only the first {MOST_GAUGES} may be named as the cause"));
        }
        observation.gauges.extend(page.gauges.into_iter().take(MOST_GAUGES));
        observation.requests_total = page.requests_total;
        let heap = page.heap_bytes.map(|bytes| (Signal::HeapBytes, bytes));
        let tasks = page.tasks.map(|tasks| (Signal::Tasks, tasks));
        observation.signals.extend(heap.into_iter().chain(tasks));
        Ok(())
    }

    fn fetch(&self) -> Result<String, MetricsError> {
        let mut request = self.agent.get(&self.url).header("accept", "text/plain;version=0.0.4");
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let mut response = request.call().map_err(MetricsError::Unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(MetricsError::Unauthorised(status.as_u16()));
            }
            status => return Err(MetricsError::Status(status.as_u16())),
        }
        let body = response.body_mut().with_config().limit(LARGEST_PAGE_BYTES);
        body.read_to_string().map_err(MetricsError::Body)
    }

    fn read(&self, text: &str) -> Result<Page, MetricsError> {
        let mut page = Page::default();
        let mut known = BTreeMap::new();
        for sample in samples(text) {
            let sample = sample?;
            if sample.value.is_finite() && sample.value >= 0.0 {
                self.sort_in(&sample, &mut page, &mut known);
            }
        }
        page.heap_bytes = self.heap(&known)?;
        page.tasks = TASK_GAUGES.iter().find_map(|name| known.get(*name).copied());
        Ok(page)
    }

    /// Adds one sample to the page, or to the sums of the names that have a meaning of their own.
    fn sort_in(&self, sample: &Sample, page: &mut Page, known: &mut BTreeMap<String, f64>) {
        if sample.name == self.requests_counter {
            *page.requests_total.get_or_insert(0.0) += sample.value;
        } else if matches!(sample.kind, Kind::Gauge | Kind::Untyped) {
            let wanted = self.heap_gauge.as_deref() == Some(sample.name);
            if may_be_cause(sample.name) && !wanted {
                page.gauges.push((sample.series_name(), sample.value));
            } else {
                *known.entry(sample.name.to_owned()).or_default() += sample.value;
            }
        }
    }

    fn heap(&self, known: &BTreeMap<String, f64>) -> Result<Option<f64>, MetricsError> {
        let Some(wanted) = &self.heap_gauge else {
            return Ok(HEAP_GAUGES.iter().find_map(|name| known.get(*name).copied()));
        };
        let there = || known.keys().filter(|name| name.ends_with("_bytes")).cloned();
        let missing = || MetricsError::NoHeapGauge {
            wanted: wanted.clone(),
            there: there().collect::<Vec<_>>().join(", "),
        };
        known.get(wanted).copied().map(Some).ok_or_else(missing)
    }

    fn because(&self, source: MetricsError) -> SampleError {
        SampleError::Metrics { url: self.url.clone(), source }
    }
}

/// What a page says, before it is part of an observation.
#[derive(Debug, Default)]
struct Page {
    gauges: Vec<(String, f64)>,
    requests_total: Option<f64>,
    heap_bytes: Option<f64>,
    tasks: Option<f64>,
}

#[cfg(test)]
mod tests;
