//! One service: its catalogue, its metrics, and what handlers share.
//!
//! It keeps nothing per request except what the patterns keep: ids are a counter, trace ids a
//! keyed hash of it, and every table has a bound.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::catalogue::Catalogue;
use crate::growth::{GrowthSettings, GrowthWindow};
use crate::http::{AdminAccess, MetricsAccess};
use crate::metrics::Metrics;
use crate::near_limit::{self, NearLimit};
use crate::pattern::lock;
use crate::payload::BYTES_PER_REQUEST;
use crate::purges::Purges;
use crate::seal::Seal;
use crate::spans::Spans;
use crate::tracker::{self, Baseline, NoAccountLeft, NotInstalled};

/// What a service is started with.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What an entry of each leak and decoy takes at first, in bytes; 1 KiB to 16 MiB.
    pub bytes_per_request: usize,
    /// What all leaks and decoys together may hold, in bytes; `None` lifts the cap.
    pub max_held_bytes: Option<u64>,
    /// Time that `/api/data` takes without working.
    pub delay: Duration,
    /// Whether live bytes are attributed to source lines, at some cost per allocation.
    pub attribution: bool,
    /// Who may use the admin API.
    pub admin_access: AdminAccess,
    /// Who may scrape the metrics.
    pub metrics_access: MetricsAccess,
    /// The share of the control group's memory limit from which on it is near; 0 to 1.
    pub near_limit: f64,
    /// Which requests are measured for growth events.
    pub growth: GrowthSettings,
}

/// A running service's shared state.
pub struct Service {
    catalogue: Arc<Catalogue>,
    metrics: Metrics,
    growth: GrowthWindow,
    near_limit: NearLimit,
    admin_access: AdminAccess,
    metrics_access: MetricsAccess,
    purges: Purges,
    seal: Seal,
    delay: Duration,
    trace_key: RandomState,
    spans: Option<Spans>,
    baseline: Mutex<Option<Arc<Baseline>>>,
    symbolising: Arc<tokio::sync::Mutex<()>>,
}

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program lacks the tracking allocator.
    #[error("cannot keep exact books")]
    NotInstalled(#[from] NotInstalled),
    /// Too many services in one process.
    #[error("cannot open an account for each leak")]
    NoAccountLeft(#[from] NoAccountLeft),
    /// The metrics contradict each other.
    #[error("cannot register metrics")]
    Metrics(#[from] prometheus::Error),
    /// The size of an entry is out of range.
    #[error("bytes per request is out of range: {0} is not between 1KiB and 16MiB")]
    BytesPerRequest(usize),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            bytes_per_request: 10 * 1024,
            max_held_bytes: Some(1 << 30),
            delay: Duration::ZERO,
            attribution: true,
            admin_access: AdminAccess::default(),
            metrics_access: MetricsAccess::default(),
            near_limit: near_limit::DEFAULT_FRACTION,
            growth: GrowthSettings::default(),
        }
    }
}

impl Service {
    /// Starts tracking allocations and sets up a service with every leak switched off.
    pub fn new(settings: Settings) -> Result<Self, StartError> {
        if !BYTES_PER_REQUEST.contains(&settings.bytes_per_request) {
            return Err(StartError::BytesPerRequest(settings.bytes_per_request));
        }
        tracker::start(settings.attribution)?;
        let catalogue = Catalogue::new(settings.bytes_per_request, settings.max_held_bytes)?;
        Ok(Self {
            metrics: Metrics::new(&catalogue, settings.growth)?,
            catalogue: Arc::new(catalogue),
            growth: GrowthWindow::starting_now(),
            near_limit: NearLimit::from(settings.near_limit),
            admin_access: settings.admin_access,
            metrics_access: settings.metrics_access,
            purges: Purges::default(),
            seal: Seal::default(),
            delay: settings.delay,
            trace_key: RandomState::new(),
            spans: None,
            baseline: Mutex::new(None),
            symbolising: Arc::default(),
        })
    }

    /// The same with a span for each request, if there is somebody to send them.
    #[must_use]
    pub fn with_spans(self, spans: Option<Spans>) -> Self {
        Self { spans, ..self }
    }

    /// Every leak and decoy.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub(crate) fn growth(&self) -> &GrowthWindow {
        &self.growth
    }

    pub(crate) fn near_limit(&self) -> &NearLimit {
        &self.near_limit
    }

    pub(crate) fn admin_access(&self) -> &AdminAccess {
        &self.admin_access
    }

    pub(crate) fn metrics_access(&self) -> &MetricsAccess {
        &self.metrics_access
    }

    pub(crate) fn purges(&self) -> &Purges {
        &self.purges
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.seal
    }

    pub(crate) fn delay(&self) -> Duration {
        self.delay
    }

    pub(crate) fn spans(&self) -> Option<&Spans> {
        self.spans.as_ref()
    }

    /// Held while somebody's question needs symbols.
    pub(crate) fn symbolising(&self) -> &Arc<tokio::sync::Mutex<()>> {
        &self.symbolising
    }

    /// A number that is the request's alone, in this process and, by a random key, among processes.
    pub(crate) fn trace_id(&self, request_id: u64) -> u128 {
        let half = |which: u8| u128::from(self.trace_key.hash_one((request_id, which)));
        half(0) << u64::BITS | half(1)
    }

    /// Sets the baseline of the next diff and returns the last one.
    pub(crate) fn replace_baseline(&self, now: Arc<Baseline>) -> Option<Arc<Baseline>> {
        lock(&self.baseline).replace(now)
    }
}
