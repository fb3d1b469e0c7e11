//! A series of Prometheus, or of anything that speaks its HTTP API.
//!
//! A selector is asked for its raw samples, so that a gap shows as a gap: a sample that was seen before is not seen again.
//! An expression is asked for its value now, which Prometheus carries over gaps of up to five minutes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::well_known::gauges_of;
use super::{Credentials, Labels, Prometheus, PrometheusError, Sample};
use crate::target::{Entity, LookError};
use crate::{Observation, Signal};

/// Longest that one look may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// How old the latest sample may be; as far as Prometheus itself looks back.
const LOOKED_BACK: &str = "5m";

/// Why a query gives no observation.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The server does not answer it.
    #[error("{url}")]
    Server {
        /// The server.
        url: String,
        /// Why.
        source: PrometheusError,
    },
    /// It has no value now.
    #[error("{url} has no sample of {query} from the last {LOOKED_BACK}")]
    NoSeries {
        /// The server.
        url: String,
        /// The query.
        query: String,
    },
    /// It has several.
    #[error("{query} gives {series} series at {url}; select one, or sum them")]
    Several {
        /// The server.
        url: String,
        /// The query.
        query: String,
        /// How many.
        series: usize,
    },
    /// Nobody can say what it is.
    #[error(
        "what is {query}? name its one signal, as in `signals: [rss_bytes]` or `--signal rss_bytes`"
    )]
    NoSignal {
        /// The query.
        query: String,
    },
}

/// Asks for one series.
#[derive(Debug)]
pub(crate) struct QueryEntity {
    url: String,
    query: String,
    authority: Option<PathBuf>,
    credentials: Option<Credentials>,
    signals: Vec<Signal>,
    latest_unix_seconds: f64,
    /// Whether the latest look found the sample of the one before.
    waiting: bool,
}

impl QueryEntity {
    /// Refuses an address or a file of certificates that can never do.
    pub(crate) fn new(
        (url, query): (&str, &str),
        authority: Option<&Path>,
        credentials: Option<Credentials>,
        signals: &[Signal],
    ) -> Result<Self, QueryError> {
        let (url, query, signals) = (url.to_owned(), query.to_owned(), signals.to_vec());
        let authority = authority.map(Path::to_owned);
        let (latest_unix_seconds, waiting) = (0.0, false);
        let entity =
            Self { url, query, authority, credentials, signals, latest_unix_seconds, waiting };
        entity.server()?;
        Ok(entity)
    }

    fn server(&self) -> Result<Prometheus, QueryError> {
        let deadline = Instant::now() + TIME_LIMIT;
        let (authority, credentials) = (self.authority.as_deref(), self.credentials.clone());
        Prometheus::believing(authority, &self.url, credentials, deadline)
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: PrometheusError) -> QueryError {
        QueryError::Server { url: self.url.clone(), source }
    }

    fn ask(&self) -> Result<(Labels, Sample), QueryError> {
        let (url, query) = (self.url.clone(), self.query.clone());
        let raw =
            if is_selector(&query) { format!("{query}[{LOOKED_BACK}]") } else { query.clone() };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let found = self.server()?.query(&raw, now.as_secs_f64());
        let mut found = found.map_err(|source| self.failed(source))?;
        let series = found.len();
        let sample = found.pop().and_then(|one| {
            let latest = one.values.last().copied().or(one.value)?;
            Some((one.metric, latest))
        });
        match (series, sample) {
            (1, Some(sample)) => Ok(sample),
            (0 | 1, _) => Err(QueryError::NoSeries { url, query }),
            _ => Err(QueryError::Several { url, query, series }),
        }
    }

    /// What the series is: as the target says, or as its name does.
    fn signal(&self, labels: &Labels) -> Result<Signal, QueryError> {
        if let [signal] = self.signals[..] {
            return Ok(signal);
        }
        let name = labels.get("__name__").map_or("", String::as_str);
        let signal = Signal::ALL.into_iter().find(|signal| gauges_of(*signal).contains(&name));
        signal.ok_or_else(|| QueryError::NoSignal { query: self.query.clone() })
    }

    /// Each sample is seen once; in between there is nothing to see, which is no news.
    fn take(&mut self, t_seconds: f64, signal: Signal, sample: Sample) -> Observation {
        let Sample(unix_seconds, value) = sample;
        let mut observation = Observation { t_seconds, ..Observation::default() };
        self.waiting = unix_seconds <= self.latest_unix_seconds;
        if !self.waiting && value.is_finite() && value >= 0.0 {
            observation.signals.insert(signal, value);
        }
        self.latest_unix_seconds = unix_seconds;
        observation
    }
}

impl Entity for QueryEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        _notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let (labels, sample) = self.ask()?;
        let signal = self.signal(&labels)?;
        Ok(self.take(t_seconds, signal, sample))
    }

    fn is_waiting(&self) -> bool {
        self.waiting
    }
}

/// Whether it is a plain selector, `name{...}`: nothing before the name, nothing after the brace.
fn is_selector(query: &str) -> bool {
    let (name, rest) = query.trim().split_at(query.trim().find('{').unwrap_or(query.trim().len()));
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    let mut quoted = false;
    let mut before = ' ';
    let end = rest.find(|c| {
        quoted ^= c == '"' && before != '\\';
        before = c;
        c == '}' && !quoted
    });
    name.chars().all(word)
        && end.is_none_or(|end| end + 1 == rest.len())
        && !query.trim().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_told_from_an_expression() {
        for (query, selector) in [
            ("rss_bytes", true),
            ("rss_bytes{job=\"a\"}", true),
            ("{__name__=\"x\",a=\"}\"}", true),
            ("sum(rss_bytes{job=\"a\"})", false),
            ("a{x=\"1\"} / b{x=\"1\"}", false),
            ("rate(x[5m])", false),
            ("a + b", false),
            ("", false),
        ] {
            assert_eq!(is_selector(query), selector, "{query}");
        }
    }

    #[test]
    fn between_two_samples_it_waits_and_a_sample_that_is_no_number_is_one() {
        let signals = [Signal::RssBytes];
        let entity = QueryEntity::new(("http://127.0.0.1:1", "a"), None, None, &signals);
        let mut entity = entity.expect("an address");
        let looks =
            [(100.0, 1.0), (100.0, 1.0), (115.0, 2.0), (130.0, f64::NAN), (130.0, f64::NAN)];
        let seen = looks.map(|(unix_seconds, value)| {
            let seen = entity.take(0.0, Signal::RssBytes, Sample(unix_seconds, value));
            (seen.signals.len(), entity.is_waiting())
        });
        assert_eq!(seen, [(1, false), (0, true), (1, false), (0, false), (0, true)]);
    }
}
