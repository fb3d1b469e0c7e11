//! A target: what is looked at, by which name, and how it is judged. Opened, it yields observations.
//!
//! A target that is named (a process by its name, a container) is followed through its restarts, which show as another
//! `start_seconds`; a pid is one run of one process, and ends with it.

mod failure;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use failure::{LookError, Reason};

use crate::source::{
    CgroupEntity, ContainerEntity, Credentials, JsonEntity, MemoryLimit, MetricsSource, PageEntity,
    ProcessEntity, QueryEntity, TreeEntity, Variables, address,
};
use crate::{Observation, Signal};

/// What to look at, and how it is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name in the configuration; unique there.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The metrics page beside it, `http://host:port/path`, or `https://`.
    pub metrics: Option<String>,
    /// Its memory limit, where it is known better than what the system says.
    pub limit_bytes: Option<u64>,
    /// How often it is looked at.
    pub every: Option<Duration>,
    /// Shortest growth that may be called a leak.
    pub confirm: Option<Duration>,
    /// The signals to judge; empty means all that it has.
    pub signals: Vec<Signal>,
    /// The gauge of bytes in use; by default the first present of the well-known ones.
    pub heap_gauge: Option<String>,
    /// The counter of requests; by default `http_requests_total`.
    pub requests_counter: Option<String>,
    /// What the names of the environment variables with our credentials begin with: `X` stands for `X_USERNAME` and
    /// `X_PASSWORD`, or `X_TOKEN`. By default `METRICS_AUTH`.
    pub credentials: Option<String>,
    /// A file of the certificates (PEM) to believe instead of those of the system, where it is asked over TLS.
    pub authority: Option<PathBuf>,
}

/// What a target is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One run of one process.
    Pid(u32),
    /// A process by its name, and its children.
    Process(String),
    /// A control group of memory: a folder, or its path below the mount.
    Cgroup(PathBuf),
    /// A container by its name or id.
    Container(String),
    /// A metrics page of a service that is elsewhere.
    Metrics(String),
    /// A page of memory figures in JSON.
    Json(String),
    /// A series of Prometheus.
    Prometheus {
        /// The server.
        url: String,
        /// An expression with one series as its value.
        query: String,
    },
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "process {pid}"),
            Self::Process(name) => write!(f, "process {name}"),
            Self::Cgroup(path) => write!(f, "control group {}", path.display()),
            Self::Container(name) => write!(f, "container {name}"),
            Self::Metrics(url) => write!(f, "metrics page {url}"),
            Self::Json(url) => write!(f, "memory page {url}"),
            Self::Prometheus { url, query } => write!(f, "{query} at {url}"),
        }
    }
}

impl Target {
    /// A target of which nothing more is said.
    pub fn new(name: String, kind: Kind) -> Self {
        Self {
            name,
            kind,
            metrics: None,
            limit_bytes: None,
            every: None,
            confirm: None,
            signals: Vec::new(),
            heap_gauge: None,
            requests_counter: None,
            credentials: None,
            authority: None,
        }
    }

    /// Whether it has a page, which alone tells counters.
    pub(crate) fn has_page(&self) -> bool {
        self.metrics.is_some() || matches!(self.kind, Kind::Metrics(_) | Kind::Json(_))
    }

    /// Whether anything of it is asked over TLS.
    pub fn is_secure(&self) -> bool {
        let of_kind = match &self.kind {
            Kind::Metrics(url) | Kind::Json(url) | Kind::Prometheus { url, .. } => Some(url),
            _ => None,
        };
        of_kind.into_iter().chain(&self.metrics).any(|url| address::is_secure(url))
    }

    /// Makes ready to look. Only what can never work (an address, credentials) is refused here; whether there is
    /// anything to see, [`Looker::look`] finds out, again and again.
    pub fn open(&self) -> Result<Looker, LookError> {
        let page = self.metrics.as_ref().map(|url| self.page(url)).transpose()?;
        let entity: Box<dyn Entity> = match &self.kind {
            Kind::Pid(pid) => Box::new(ProcessEntity::new(*pid)),
            Kind::Process(name) => Box::new(TreeEntity::new(name)),
            Kind::Metrics(url) => Box::new(PageEntity::new(self.page(url)?, &self.signals)),
            Kind::Cgroup(path) => Box::new(CgroupEntity::new(path)),
            Kind::Container(name) => Box::new(ContainerEntity::new(name)),
            Kind::Json(url) => Box::new(JsonEntity::new(self.page(url)?, &self.signals)),
            Kind::Prometheus { url, query } => {
                let (authority, credentials) = (self.authority.as_deref(), self.credentials()?.0);
                Box::new(QueryEntity::new((url, query), authority, credentials, &self.signals)?)
            }
        };
        Ok(Looker { entity, page, notes: BTreeSet::new() })
    }

    fn page(&self, url: &str) -> Result<MetricsSource, LookError> {
        let (heap, counter) = (self.heap_gauge.clone(), self.requests_counter.clone());
        let (credentials, variables) = self.credentials()?;
        let (authority, url) = (self.authority.as_deref(), url.to_owned());
        let page = MetricsSource::believing(authority, url, credentials, heap, counter)?;
        Ok(page.asking_for(variables))
    }

    /// Our credentials, and the variables that hold them; those that the target names must be set.
    fn credentials(&self) -> Result<(Option<Credentials>, Variables), LookError> {
        let Some(prefix) = &self.credentials else {
            return Ok((Credentials::from_environment()?, Variables::default()));
        };
        let variables = Variables::of(prefix);
        Ok((Some(Credentials::from_environment_of(&variables)?), variables))
    }
}

/// What can be looked at: one file under `source/` for each kind.
pub(crate) trait Entity: fmt::Debug + Send {
    /// One observation at `t_seconds`. What is missing from it and why goes to `notes`.
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError>;

    /// Asks for the gauges and counters of these names from now on, where a page tells them.
    fn ask_for(&mut self, _names: &BTreeSet<String>) {}

    /// Whether the latest look saw nothing because nothing new was due yet: a series between two of its samples.
    fn is_waiting(&self) -> bool {
        false
    }

    /// What was asked for by name, as the latest look saw it.
    fn named(&mut self) -> BTreeMap<String, f64> {
        BTreeMap::new()
    }

    /// What it is, once it was seen: `process 42 (redis-server)`.
    fn described(&self) -> Option<String> {
        None
    }

    /// The process, where it is one.
    fn pid(&self) -> Option<u32> {
        None
    }

    /// The process's name, where it is one.
    fn process_name(&self) -> Option<String> {
        None
    }

    /// The most memory that it may take, as far as the system says.
    fn memory_limit(&self) -> Option<MemoryLimit> {
        None
    }
}

/// What was seen at one look.
#[derive(Debug)]
pub struct Look {
    /// The observation.
    pub observation: Observation,
    /// What was asked for by name ([`Looker::ask_for`]), be it a candidate for a cause or not.
    pub named: BTreeMap<String, f64>,
    /// Why the metrics page beside the target is not in it, where that could not be had: services under memory
    /// pressure are slow to answer, and that is when they are watched.
    pub page_error: Option<LookError>,
    /// Whether the observation is empty because nothing new was due yet: a series between two of its samples.
    pub waiting: bool,
}

/// Looks at one target, again and again.
#[derive(Debug)]
pub struct Looker {
    entity: Box<dyn Entity>,
    page: Option<MetricsSource>,
    notes: BTreeSet<String>,
}

impl Looker {
    /// Looks once. An error says nothing of the next look: what is gone may come back.
    pub fn look(&mut self, t_seconds: f64) -> Result<Look, LookError> {
        let mut observation = self.entity.observe(t_seconds, &mut self.notes)?;
        let added = self.page.as_ref().map(|page| page.add_to(&mut observation, &mut self.notes));
        let mut named = self.entity.named();
        let page_error = match added.transpose() {
            Ok(more) => {
                named.extend(more.into_iter().flatten());
                None
            }
            Err(error) => Some(LookError::from(error)),
        };
        Ok(Look { observation, named, page_error, waiting: self.entity.is_waiting() })
    }

    /// Asks for the gauges and counters of these names from now on, and no others: `queue_depth`, which is summed over
    /// all labels, or `queue_depth{queue="mail"}`. Only a page tells them.
    pub fn ask_for(&mut self, names: &BTreeSet<String>) {
        self.entity.ask_for(names);
        if let Some(page) = &mut self.page {
            page.ask_for(names);
        }
    }

    /// What is missing from the observations and why, one line each.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        self.notes.iter().map(String::as_str)
    }

    /// What it is, once it was seen: `process 42 (redis-server)`.
    pub fn described(&self) -> Option<String> {
        self.entity.described()
    }

    /// The process, where it is one and was seen.
    pub fn pid(&self) -> Option<u32> {
        self.entity.pid()
    }

    /// The process's name, where it is one and was seen.
    pub fn process_name(&self) -> Option<String> {
        self.entity.process_name()
    }

    /// The most memory that it may take, as far as the system says.
    pub fn memory_limit(&self) -> Option<MemoryLimit> {
        self.entity.memory_limit()
    }
}
