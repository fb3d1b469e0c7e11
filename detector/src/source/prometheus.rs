//! Prometheus, or anything that speaks its HTTP API: Thanos, Mimir, `VictoriaMetrics`.
//!
//! Samples are asked for raw, by range selectors: `query_range` repeats the last value through gaps,
//! and a gap is not a flat stretch.

mod error;
mod reply;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use ureq::http::StatusCode;
use ureq::http::header::AUTHORIZATION;

use super::address;
use super::credentials::Credentials;
use super::tls;
pub use error::PrometheusError;
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
/// Warnings that are kept.
const MOST_WARNINGS: usize = 20;

/// A server to ask.
#[derive(Debug)]
pub struct Prometheus {
    agent: ureq::Agent,
    url: String,
    credentials: Option<Credentials>,
    deadline: Instant,
    told: RefCell<Told>,
}

/// What answers say of themselves.
#[derive(Debug, Default)]
struct Told {
    warnings: BTreeSet<String>,
    is_partial: bool,
}

impl Prometheus {
    /// The server at `http://host:port` or `https://host:port`, or below a path of it; after `deadline` nothing is asked
    /// any more.
    pub fn new(
        url: &str,
        credentials: Option<Credentials>,
        deadline: Instant,
    ) -> Result<Self, PrometheusError> {
        Self::believing(None, url, credentials, deadline)
    }

    /// The same, which believes the certificates of a file (PEM) instead of those of the system.
    pub fn believing(
        authority: Option<&Path>,
        url: &str,
        credentials: Option<Credentials>,
        deadline: Instant,
    ) -> Result<Self, PrometheusError> {
        address::check(url)?;
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .tls_config(tls::config(url, authority)?);
        let (agent, url) = (config.build().new_agent(), url.trim_end_matches('/').to_owned());
        Ok(Self { agent, url, credentials, deadline, told: RefCell::default() })
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

    /// The values of an expression at an instant: a range selector gives samples as they are.
    pub fn query(&self, query: &str, at: f64) -> Result<Vec<RangeSeries>, PrometheusError> {
        let data: Data = self.ask("query", &[("query", query), ("time", &at.to_string())])?;
        Ok(data.result)
    }

    /// The values of an expression every `step` within a span of time, in Unix seconds.
    pub fn query_range(
        &self,
        query: &str,
        (from, to): (f64, f64),
        step: Duration,
    ) -> Result<Vec<RangeSeries>, PrometheusError> {
        let data: Data = self.ask(
            "query_range",
            &[
                ("query", query),
                ("start", &from.to_string()),
                ("end", &to.to_string()),
                ("step", &step.as_secs_f64().to_string()),
            ],
        )?;
        Ok(data.result)
    }

    /// What answers up to now were warned of, at most twenty different things.
    pub fn warnings(&self) -> Vec<String> {
        self.told.borrow().warnings.iter().cloned().collect()
    }

    /// Whether an answer was not all that there is, because a part of the server could not be asked.
    pub fn was_partial(&self) -> bool {
        self.told.borrow().is_partial
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
        let asked = Instant::now();
        let left = self.deadline.saturating_duration_since(asked);
        if left.is_zero() {
            return Err(PrometheusError::OutOfTime);
        }
        let time = left.min(TIMEOUT);
        let mut request = self.agent.post(format!("{}/api/v1/{what}", self.url));
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let request = request.config().timeout_global(Some(time)).build();
        let mut response =
            request.send_form(form.iter().copied()).map_err(|error| match error {
                ureq::Error::Timeout(_) => PrometheusError::Slow(rounded(time)),
                error => tls::refused(error).map_or_else(
                    |error| PrometheusError::Unreachable(Box::new(error)),
                    PrometheusError::Certificate,
                ),
            })?;
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
        let body = response.body_mut().with_config().limit(u64::MAX).reader();
        let mut body = BufReader::with_capacity(1 << 16, body.take(LARGEST_ANSWER_BYTES));
        let reply: Result<Reply<T>, _> = serde_json::from_reader(&mut body);
        let is_late = asked.elapsed() >= time;
        match reply {
            Ok(reply) => {
                self.note(reply.warnings, reply.is_partial);
                Ok(reply.data)
            }
            Err(_) if body.get_ref().limit() == 0 => {
                Err(PrometheusError::TooLarge(LARGEST_ANSWER_BYTES))
            }
            Err(_) if is_late => Err(PrometheusError::Slow(rounded(time))),
            Err(error) => Err(PrometheusError::Garbage(error)),
        }
    }

    /// Keeps what an answer says of itself. Prometheus and Thanos warn, in the same place, of odd queries and of parts
    /// that could not be asked; of the former with a name for the kind.
    fn note(&self, warnings: Vec<String>, is_partial: bool) {
        let mut told = self.told.borrow_mut();
        told.is_partial |= is_partial || warnings.iter().any(|w| !w.starts_with("PromQL "));
        let room = MOST_WARNINGS.saturating_sub(told.warnings.len());
        told.warnings.extend(warnings.into_iter().map(reply::shortened).take(room));
    }
}

/// In whole seconds, or milliseconds below one.
fn rounded(time: Duration) -> Duration {
    let seconds = Duration::from_secs(time.as_secs());
    if seconds.is_zero() { Duration::from_millis(time.as_millis() as u64) } else { seconds }
}
