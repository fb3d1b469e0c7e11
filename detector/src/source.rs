//! Looks at a live process from outside: `/proc`, and the metrics page if it has one.
//!
//! Every way in which looking can fail is a state of its own; none of them is "steady".

pub(crate) mod address;
mod cgroup;
mod container;
mod credentials;
pub mod exposition;
mod json;
mod metrics;
pub(crate) mod named;
mod page;
mod process;
mod prometheus;
mod query;
mod runs;
pub(crate) mod tls;
mod tree;
pub mod well_known;

use std::collections::BTreeSet;

pub use address::{BadAddress, check as check_address, without_credentials};
pub(crate) use cgroup::CgroupEntity;
pub use cgroup::CgroupError;
pub(crate) use container::ContainerEntity;
pub use container::ContainerError;
pub use credentials::{BadCredentials, Credentials, Variables};
pub(crate) use json::JsonEntity;
pub use metrics::{MetricsError, MetricsSource};
pub(crate) use page::PageEntity;
pub(crate) use process::ProcessEntity;
pub use process::{MemoryLimit, ProcessSource};
pub use prometheus::{Labels, Prometheus, PrometheusError, RangeSeries, Sample};
pub(crate) use query::QueryEntity;
pub use query::QueryError;
pub use tls::{BadAuthority, BadCertificate, config as tls_config, refused as refused_certificate};
pub(crate) use tree::TreeEntity;
pub use tree::TreeError;

use crate::Observation;

/// What to sample.
#[derive(Clone, Debug, Default)]
pub struct SamplerOptions {
    /// The process.
    pub pid: u32,
    /// Its metrics page, `http://host:port/path`, or `https://`.
    pub metrics_url: Option<String>,
    /// Who we are to that page.
    pub credentials: Option<Credentials>,
    /// The gauge of bytes in use; by default the first present of [`well_known::HEAP_GAUGES`].
    pub heap_gauge: Option<String>,
    /// The counter of requests; by default [`well_known::REQUESTS_COUNTER`].
    pub requests_counter: Option<String>,
}

/// Why there is no observation.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// There is no such process (any more); a zombie counts as ended.
    #[error("process {pid} does not exist, or has ended")]
    Gone {
        /// The process.
        pid: u32,
    },
    /// It is there, but not ours to read.
    #[error("cannot read {what} of process {pid}; run as its user or as root")]
    Denied {
        /// The process.
        pid: u32,
        /// The refused part of `/proc`.
        what: &'static str,
        /// The refusal.
        source: procfs::ProcError,
    },
    /// The pid is the same and the program is not: what was measured before says nothing about it.
    #[error("process {pid} was restarted: {how}")]
    Restarted {
        /// The process.
        pid: u32,
        /// How it is known.
        how: Restart,
    },
    /// The number is a thread's.
    #[error("{pid} is a thread of process {owner}; name the process")]
    Thread {
        /// The number given.
        pid: u32,
        /// The process it belongs to.
        owner: u32,
    },
    /// A kernel thread.
    #[error("process {pid} has no memory of its own (a kernel thread?)")]
    NoMemory {
        /// The process.
        pid: u32,
    },
    /// `/proc` says something that we do not understand.
    #[error("cannot make sense of {what} of process {pid}")]
    Unreadable {
        /// The process.
        pid: u32,
        /// The part of `/proc`.
        what: &'static str,
        /// What is wrong with it.
        source: procfs::ProcError,
    },
    /// The process could be read, its metrics page could not.
    #[error("metrics page {url}")]
    Metrics {
        /// The page.
        url: String,
        /// What is wrong with it.
        source: MetricsError,
    },
}

/// How a restart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// The start time differs: the old process ended and its pid was given to a new one.
    NewProcess,
    /// The start time is the same and the stack is another: the process replaced its program.
    NewProgram,
}

impl std::fmt::Display for Restart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NewProcess => "another process has its pid now",
            Self::NewProgram => "it replaced its program (exec)",
        })
    }
}

/// Samples one run of one process.
#[derive(Debug)]
pub struct Sampler {
    process: ProcessSource,
    metrics: Option<MetricsSource>,
    requests_counter: Option<String>,
    notes: BTreeSet<String>,
}

impl Sampler {
    /// Opens the process and reads it once; the metrics page is first asked by `sample`.
    pub fn new(options: SamplerOptions) -> Result<Self, SampleError> {
        let process = ProcessSource::open(options.pid)?;
        let metrics = options.metrics_url.map(|url| {
            let counter = options.requests_counter.clone();
            MetricsSource::new(url, options.credentials, options.heap_gauge, counter)
        });
        let requests_counter = options.requests_counter;
        Ok(Self {
            process,
            metrics: metrics.transpose()?,
            requests_counter,
            notes: BTreeSet::new(),
        })
    }

    /// One observation of the process, and of its metrics page if it has one, at `t_seconds`.
    pub fn sample(&mut self, t_seconds: f64) -> Result<Observation, SampleError> {
        let mut observation = self.sample_process(t_seconds)?;
        self.add_metrics(&mut observation)?;
        Ok(observation)
    }

    /// One observation of the process alone.
    pub fn sample_process(&mut self, t_seconds: f64) -> Result<Observation, SampleError> {
        self.process.observe(t_seconds, &mut self.notes)
    }

    /// Adds what the metrics page says, if there is one. On an error the observation keeps what
    /// it had, so that a caller can go on without the page.
    pub fn add_metrics(&mut self, observation: &mut Observation) -> Result<(), SampleError> {
        let Some(metrics) = &self.metrics else {
            return Ok(());
        };
        metrics.add_to(observation, &mut self.notes)?;
        if let (Some(counter), None) = (&self.requests_counter, observation.requests_total) {
            self.notes.insert(format!("requests: no `{counter}` on the metrics page at first"));
        }
        Ok(())
    }

    /// What is missing from the observations and why, one line each.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// The process itself: its name, its memory limit.
    pub fn process(&self) -> &ProcessSource {
        &self.process
    }
}
