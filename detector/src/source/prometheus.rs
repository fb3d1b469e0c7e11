//! Prometheus, or anything that speaks its HTTP API: Thanos, Mimir, `VictoriaMetrics`.
//!
//! Samples are asked for raw, by range selectors: `query_range` repeats the last value through gaps,
//! and a gap is not a flat stretch.

mod reply;

use std::collections::BTreeMap;
use std::io::BufReader;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::http::StatusCode;
use ureq::http::header::AUTHORIZATION;

use super::address::{self, BadAddress};
use super::credentials::Credentials;
use reply::{Data, Reply};
pub use reply::{RangeSeries, Sample};

/// Labels of a series, its name among them as `__name__`.
pub type Labels = BTreeMap<String, String>;

/// Longest that one answer may take.
const TIMEOUT: Duration = Duration::from_mins(2);
/// Largest answer that is read: some eight million samples.
const LARGEST_ANSWER_BYTES: u64 = 256 << 20;
/// Largest message of a refusal that is read.
const LARGEST_MESSAGE_BYTES: u64 = 64 << 10;
/// Pauses before a question is asked again that was not answered for no fault of its own.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(2)];

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// The address is none that we can ask.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// Nobody answers, or not in time.
    #[error("is unreachable, or too slow")]
    Unreachable(#[source] Box<ureq::Error>),
    /// Credentials are missing or wrong.
    #[error(
        "refuses us with status {0}; set METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD in the environment, or \
         METRICS_AUTH_TOKEN"
    )]
    Unauthorised(u16),
    /// It does not like the question.
    #[error("refuses the query with status {status}: {message}")]
    Refused {
        /// The status.
        status: u16,
        /// What it says.
        message: String,
    },
    /// It is in trouble itself.
    #[error("answers with status {0}")]
    Status(u16),
    /// The answer is cut off, too large, or of another kind.
    #[error("gives an answer that cannot be read to its end")]
    Garbage(#[source] serde_json::Error),
    /// All the time that there was is used up.
    #[error("has not answered everything within the time limit")]
    OutOfTime,
}

impl PrometheusError {
    /// Whether the same question may be answered later.
    fn may_pass(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Status(500..) | Self::Garbage(_))
    }

    /// Whether it was too much that was asked for at once.
    pub fn is_too_much(&self) -> bool {
        matches!(self, Self::Refused { status: 422, .. })
    }
}

/// A server to ask.
#[derive(Debug)]
pub struct Prometheus {
    agent: ureq::Agent,
    url: String,
    credentials: Option<Credentials>,
    deadline: Instant,
}

impl Prometheus {
    /// The server at `http://host:port`, or below a path of it; after `deadline` nothing is asked any more.
    pub fn new(
        url: &str,
        credentials: Option<Credentials>,
        deadline: Instant,
    ) -> Result<Self, PrometheusError> {
        address::check(url)?;
        let config = ureq::Agent::config_builder().proxy(None).http_status_as_error(false).build();
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.new_agent(), url, credentials, deadline })
    }

    /// The series that a selector names within a span of time, in Unix seconds.
    pub fn series(
        &self,
        selector: &str,
        (from, to): (f64, f64),
    ) -> Result<Vec<Labels>, PrometheusError> {
        self.ask(
            "series",
            &[("match[]", selector), ("start", &from.to_string()), ("end", &to.to_string())],
        )
    }

    /// The values of an expression at an instant: a range selector or subquery gives samples.
    pub fn query(&self, query: &str, at: f64) -> Result<Vec<RangeSeries>, PrometheusError> {
        let data: Data = self.ask("query", &[("query", query), ("time", &at.to_string())])?;
        Ok(data.result)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        what: &str,
        form: &[(&str, &str)],
    ) -> Result<T, PrometheusError> {
        let mut pauses = PAUSES.iter();
        loop {
            let error = match self.ask_once(what, form) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match pauses.next() {
                Some(pause) if error.may_pass() && Instant::now() + *pause < self.deadline => {
                    thread::sleep(*pause);
                }
                _ => return Err(error),
            }
        }
    }

    fn ask_once<T: DeserializeOwned>(
        &self,
        what: &str,
        form: &[(&str, &str)],
    ) -> Result<T, PrometheusError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(PrometheusError::OutOfTime);
        }
        let mut request = self.agent.post(format!("{}/api/v1/{what}", self.url));
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let request = request.config().timeout_global(Some(left.min(TIMEOUT))).build();
        let mut response = request
            .send_form(form.iter().copied())
            .map_err(|error| PrometheusError::Unreachable(Box::new(error)))?;
        let status = response.status();
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(PrometheusError::Unauthorised(status.as_u16()));
        }
        if status != StatusCode::OK {
            let body =
                response.body_mut().with_config().limit(LARGEST_MESSAGE_BYTES).read_to_string();
            let message = body.ok().and_then(|body| reply::message(&body));
            let status = status.as_u16();
            return Err(message.map_or(PrometheusError::Status(status), |m| {
                PrometheusError::Refused { status, message: m }
            }));
        }
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER_BYTES).reader();
        let reply: Reply<T> = serde_json::from_reader(BufReader::with_capacity(1 << 16, body))
            .map_err(PrometheusError::Garbage)?;
        Ok(reply.data)
    }
}
