//! The metrics page of a process: fetched with bounds, turned into candidates for the cause.
//!
//! Gauges and untyped samples become candidates. Counters, histograms and summaries do not: they
//! only rise, so they would explain any growth. Nor does what restates the process as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use ureq::http::StatusCode;
use ureq::http::header::AUTHORIZATION;

use super::SampleError;
use super::address::{self, BadAddress};
use super::credentials::{Credentials, Variables};
use super::exposition::{ExpositionError, Kind, Sample, samples};
use super::named::{Names, Sums};
use super::tls::{self, BadAuthority, BadCertificate};
use super::well_known::{
    HEAP_GAUGES, REQUESTS_COUNTER, START_GAUGES, TASK_GAUGES, gauges_of, may_be_cause,
};
use crate::{Observation, Signal};

/// Longest that one page may take, from the first packet to the last byte.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What we would like to read.
const TEXT_FORMAT: &str = "text/plain;version=0.0.4";

/// What a connection that is kept holds for each direction: a watch has a thousand of them.
const BUFFER_BYTES: usize = 16 << 10;

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
    /// The file of certificates is of no use.
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    /// It is somebody, and we do not believe who.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// Nobody answers, or not in time.
    #[error("is unreachable; is the service up, and the port right?")]
    Unreachable(#[source] ureq::Error),
    /// Credentials are missing or wrong.
    #[error("refuses us with status {status}; {variables}")]
    Unauthorised {
        /// The status.
        status: u16,
        /// Where our credentials come from.
        variables: Variables,
    },
    /// Another status than 200.
    #[error("answers with status {0}; {hint}", hint = if *.0 < 500 { "is the path right?" } else { "its own log should say why" })]
    Status(u16),
    /// The answer is cut off, too large, or not text.
    #[error("cannot be read to its end (at most 16 MiB of UTF-8)")]
    Body(#[source] ureq::Error),
    /// The answer is not in the text format.
    #[error("is not in the Prometheus text format")]
    Garbage(#[from] ExpositionError),
    /// It tells none of the signals that are to be judged.
    #[error("has none of the gauges {missing}")]
    NoSignal {
        /// Names that would do.
        missing: String,
    },
    /// It is a page about many, and says nothing of one.
    #[error("has {series} series of `{gauge}`; give the page of one process")]
    Several {
        /// The gauge.
        gauge: &'static str,
        /// How often it is there.
        series: usize,
    },
    /// The answer is not JSON.
    #[error("is not JSON")]
    NotJson(#[source] serde_json::Error),
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
    variables: Variables,
    heap_gauge: Option<String>,
    requests_counter: String,
    names: Names,
}

impl MetricsSource {
    /// A source that has asked nothing yet.
    pub fn new(
        url: String,
        credentials: Option<Credentials>,
        heap_gauge: Option<String>,
        requests_counter: Option<String>,
    ) -> Result<Self, SampleError> {
        Self::believing(None, url, credentials, heap_gauge, requests_counter)
    }

    /// The same, which believes the certificates of a file (PEM) instead of those of the system.
    pub fn believing(
        authority: Option<&Path>,
        url: String,
        credentials: Option<Credentials>,
        heap_gauge: Option<String>,
        requests_counter: Option<String>,
    ) -> Result<Self, SampleError> {
        if let Err(bad) = address::check(&url) {
            let source = bad.into();
            return Err(SampleError::Metrics { url: address::without_credentials(&url), source });
        }
        let tls = match tls::config(&url, authority) {
            Ok(tls) => tls,
            Err(bad) => return Err(SampleError::Metrics { url, source: bad.into() }),
        };
        // A proxy of the environment is for the world outside, not for the process next door.
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .proxy(None)
            .http_status_as_error(false)
            .input_buffer_size(BUFFER_BYTES)
            .output_buffer_size(BUFFER_BYTES)
            .tls_config(tls)
            .build();
        Ok(Self {
            agent: config.new_agent(),
            url,
            credentials,
            variables: Variables::default(),
            heap_gauge,
            requests_counter: requests_counter.unwrap_or_else(|| REQUESTS_COUNTER.to_owned()),
            names: Names::default(),
        })
    }

    /// With other names for the variables that a refusal asks for.
    pub(crate) fn asking_for(self, variables: Variables) -> Self {
        Self { variables, ..self }
    }

    /// Also reads the gauges and counters of these names from now on, and no others.
    pub(crate) fn ask_for(&mut self, names: &BTreeSet<String>) {
        self.names = Names::of(names);
    }

    /// Adds the candidates, the requests, the heap and the tasks to an observation, and gives the numbers that were asked
    /// for by name. On an error it is left as it was.
    pub fn add_to(
        &self,
        observation: &mut Observation,
        notes: &mut BTreeSet<String>,
    ) -> Result<BTreeMap<String, f64>, SampleError> {
        let page = self.page()?;
        let heap = page.heap_bytes.map(|bytes| (Signal::HeapBytes, bytes));
        let tasks = page.tasks.map(|tasks| (Signal::Tasks, tasks));
        observation.signals.extend(heap.into_iter().chain(tasks));
        Ok(page.add_rest_to(observation, notes))
    }

    /// An observation of a process that can be seen by its page alone; one that has none of `wanted`, or without these
    /// no memory at all, is an error. With it the numbers that were asked for by name.
    pub(super) fn observe(
        &self,
        t_seconds: f64,
        wanted: &[Signal],
        notes: &mut BTreeSet<String>,
    ) -> Result<(Observation, BTreeMap<String, f64>), SampleError> {
        let page = self.page()?;
        let mut observation = Observation { t_seconds, ..Observation::default() };
        observation.signals = page.signals(wanted).map_err(|source| self.because(source))?;
        observation.start_seconds =
            START_GAUGES.iter().find_map(|name| Some(page.known.get(*name)?.0));
        let named = page.add_rest_to(&mut observation, notes);
        Ok((observation, named))
    }

    fn page(&self) -> Result<Page, SampleError> {
        let page = self.fetch(TEXT_FORMAT).and_then(|page| self.read(&page));
        page.map_err(|source| self.because(source))
    }

    /// The text of the page, within bounds of time and size.
    pub(super) fn fetch(&self, accepted: &str) -> Result<String, MetricsError> {
        let mut request = self.agent.get(&self.url).header("accept", accepted);
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let mut response = request.call().map_err(|error| {
            tls::refused(error).map_or_else(MetricsError::Unreachable, MetricsError::Certificate)
        })?;
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(MetricsError::Unauthorised {
                    status: status.as_u16(),
                    variables: self.variables.clone(),
                });
            }
            status => return Err(MetricsError::Status(status.as_u16())),
        }
        let body = response.body_mut().with_config().limit(LARGEST_PAGE_BYTES);
        body.read_to_string().map_err(MetricsError::Body)
    }

    fn read(&self, text: &str) -> Result<Page, MetricsError> {
        let mut page = Page::default();
        for sample in samples(text) {
            let sample = sample?;
            if sample.value.is_finite() && sample.value >= 0.0 {
                self.sort_in(&sample, &mut page);
            }
        }
        page.heap_bytes = self.heap(&page)?;
        page.tasks = page.first_of(&TASK_GAUGES);
        Ok(page)
    }

    /// Adds one sample to the page, or to the sums of the names that have a meaning of their own.
    fn sort_in(&self, sample: &Sample, page: &mut Page) {
        // By name alone: a page need not declare its counters.
        page.named.add(&self.names, sample);
        if sample.name == self.requests_counter {
            *page.requests_total.get_or_insert(0.0) += sample.value;
        } else if matches!(sample.kind, Kind::Gauge | Kind::Untyped) {
            let wanted = self.heap_gauge.as_deref() == Some(sample.name);
            if may_be_cause(sample.name) && !wanted {
                page.gauges.push((sample.series_name(), sample.value));
            } else {
                let (sum, series) = page.known.entry(sample.name.to_owned()).or_default();
                *sum += sample.value;
                *series += 1;
            }
        }
    }

    fn heap(&self, page: &Page) -> Result<Option<f64>, MetricsError> {
        let Some(wanted) = &self.heap_gauge else { return Ok(page.first_of(&HEAP_GAUGES)) };
        let there = || page.known.keys().filter(|name| name.ends_with("_bytes")).cloned();
        let missing = || MetricsError::NoHeapGauge {
            wanted: wanted.clone(),
            there: there().collect::<Vec<_>>().join(", "),
        };
        page.known.get(wanted).map(|(sum, _)| Some(*sum)).ok_or_else(missing)
    }

    pub(super) fn because(&self, source: MetricsError) -> SampleError {
        SampleError::Metrics { url: self.url.clone(), source }
    }
}

/// What a page says, before it is part of an observation.
#[derive(Debug, Default)]
struct Page {
    gauges: Vec<(String, f64)>,
    /// What restates the process, by name: the sum of its series, and their number.
    known: BTreeMap<String, (f64, usize)>,
    requests_total: Option<f64>,
    heap_bytes: Option<f64>,
    tasks: Option<f64>,
    named: Sums,
}

impl Page {
    fn first_of(&self, names: &[&str]) -> Option<f64> {
        names.iter().find_map(|name| self.known.get(*name).map(|(sum, _)| *sum))
    }

    /// Adds the candidates and the requests, and gives what was asked for by name.
    fn add_rest_to(
        self,
        observation: &mut Observation,
        notes: &mut BTreeSet<String>,
    ) -> BTreeMap<String, f64> {
        if self.gauges.len() > MOST_GAUGES {
            notes.insert(format!("gauges: only the first {MOST_GAUGES} may be named as the cause"));
        }
        observation.gauges.extend(self.gauges.into_iter().take(MOST_GAUGES));
        observation.requests_total = self.requests_total;
        self.named.totals()
    }

    /// Every signal that the page tells.
    fn signals(&self, wanted: &[Signal]) -> Result<BTreeMap<Signal, f64>, MetricsError> {
        let mut signals = BTreeMap::new();
        for signal in Signal::ALL {
            let there = |name: &&'static str| Some((*name, *self.known.get(*name)?));
            let Some((gauge, (value, series))) = gauges_of(signal).iter().find_map(there) else {
                continue;
            };
            // Only the arenas of a heap are parts of a whole.
            if series > 1 && signal != Signal::HeapBytes {
                return Err(MetricsError::Several { gauge, series });
            }
            signals.insert(signal, value);
        }
        signals.extend(self.heap_bytes.map(|bytes| (Signal::HeapBytes, bytes)));
        let missing = missing(&signals, wanted);
        if missing.is_empty() { Ok(signals) } else { Err(MetricsError::NoSignal { missing }) }
    }
}

/// The gauges of what is missing: of every wanted signal, or of memory where nothing is wanted.
fn missing(signals: &BTreeMap<Signal, f64>, wanted: &[Signal]) -> String {
    let has_memory = signals.keys().any(|s| s.is_bytes() || *s == Signal::MemoryUsedPercent);
    let missing: Vec<Signal> = match wanted {
        [] if has_memory => Vec::new(),
        [] => vec![Signal::RssBytes, Signal::HeapBytes],
        wanted => wanted.iter().copied().filter(|signal| !signals.contains_key(signal)).collect(),
    };
    let names: Vec<&str> = missing.iter().flat_map(|signal| gauges_of(*signal)).copied().collect();
    names.join(", ")
}

#[cfg(test)]
mod tests;
