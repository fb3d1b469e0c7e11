//! Speaks with the service's control interface; what was asked and answered goes to the journal.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use detector::Signal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use ureq::Agent;

use crate::drill::{FixStep, Target};
use crate::event::Truth;

/// The longest wait for one answer; the service answers within milliseconds.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);
/// The longest answer that is read; a status takes about 30 KiB.
const LONGEST_ANSWER_BYTES: u64 = 1024 * 1024;

/// One request and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// `GET` or `POST`.
    pub method: String,
    /// The path.
    pub path: String,
    /// What was sent.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub body: Value,
    /// The HTTP status; absent if there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What was answered.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub answer: Value,
    /// How long it took.
    pub elapsed_seconds: f64,
}

/// Why the service did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No answer, or none that is HTTP.
    #[error("{method} {path} was not answered")]
    Unanswered {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// An answer that says no.
    #[error("{method} {path} was refused with status {status}: {answer}")]
    Refused {
        /// The method.
        method: &'static str,
        /// The path.
        path: String,
        /// The HTTP status.
        status: u16,
        /// The answer.
        answer: Value,
    },
    /// The status does not describe the target.
    #[error("the service's status does not describe {target}")]
    Unknown {
        /// The leak or decoy.
        target: String,
        /// What is wrong, if it is there at all.
        source: Option<serde_json::Error>,
    },
}

/// The control interface of one service.
#[derive(Debug)]
pub struct Admin {
    agent: Agent,
    base: String,
    exchanges: Vec<Exchange>,
}

/// What the status says of one leak or decoy.
#[derive(Deserialize)]
struct Standing {
    entries: u64,
    held_bytes: u64,
    measured_bytes_per_request: Option<f64>,
    failures: u64,
    capped: bool,
    gauges: Vec<String>,
    signals: BTreeMap<Signal, Option<f64>>,
}

impl Admin {
    /// The service at `address` (`host:port`).
    pub fn new(address: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Self { agent: config.into(), base: format!("http://{address}"), exchanges: Vec::new() }
    }

    /// Whether the service is up.
    pub fn health(&mut self) -> Result<(), AdminError> {
        self.call("GET", "/health", Value::Null).map(drop)
    }

    /// Switches the target on.
    pub fn enable(&mut self, target: &Target) -> Result<(), AdminError> {
        let mut body = json!({ "enabled": true });
        if target.is_fed_by_requests() {
            body["share"] = json!(target.share);
        }
        if let Some(bytes) = target.bytes_per_request {
            body["bytes_per_request"] = json!(bytes);
        }
        for own in target.facts().map_or(&[][..], |facts| facts.parameters) {
            if let Some(value) = target.parameters.get(own.name) {
                body[own.name] = own.written(*value);
            }
        }
        self.call("POST", &format!("/admin/leaks/{}", target.name), body).map(drop)
    }

    /// Applies one step of a fix.
    pub fn fix(&mut self, step: FixStep, target: &Target) -> Result<(), AdminError> {
        let control = format!("/admin/leaks/{}", target.name);
        match step {
            FixStep::Disable => self.call("POST", &control, json!({"enabled": false})),
            FixStep::Patch => self.call("POST", &control, json!({"patched": true})),
            FixStep::Clear => {
                self.call("POST", "/admin/leaks/clear", json!({"leak_type": target.name}))
            }
        }
        .map(drop)
    }

    /// Switches the target off and, where that can be done, empties it; both are tried, and the
    /// first failure is told.
    pub fn roll_back(&mut self, target: &Target) -> Result<(), AdminError> {
        let disabled = self.fix(FixStep::Disable, target);
        if target.unclearable().is_some() {
            // It ends with the service, which is ended next.
            return disabled;
        }
        let cleared = self.fix(FixStep::Clear, target);
        disabled.and(cleared)
    }

    /// What the service says of the target.
    pub fn truth(&mut self, target: &Target) -> Result<Truth, AdminError> {
        let unknown = |source| AdminError::Unknown { target: target.name.clone(), source };
        let mut status = self.call("GET", "/admin/leaks/status", Value::Null)?;
        let group = if target.is_decoy() { "decoys" } else { "leaks" };
        let standing = status.get_mut(group).and_then(|group| group.get_mut(&target.name));
        let standing = standing.map(Value::take).ok_or_else(|| unknown(None))?;
        let standing: Standing =
            serde_json::from_value(standing).map_err(|error| unknown(Some(error)))?;
        Ok(Truth {
            entries: standing.entries,
            held_bytes: standing.held_bytes,
            bytes_per_request: standing.measured_bytes_per_request,
            failures: standing.failures,
            capped: standing.capped,
            gauges: standing.gauges,
            signals: standing.signals,
        })
    }

    /// What was asked and answered since the last call.
    pub fn take_exchanges(&mut self) -> Vec<Exchange> {
        std::mem::take(&mut self.exchanges)
    }

    fn call(&mut self, method: &'static str, path: &str, body: Value) -> Result<Value, AdminError> {
        let began = Instant::now();
        let answered = self.send(method, path, &body);
        let (status, answer) = answered
            .as_ref()
            .map_or((None, Value::Null), |(status, answer)| (Some(*status), answer.clone()));
        let elapsed_seconds = began.elapsed().as_secs_f64();
        let (method_name, path) = (method.to_owned(), path.to_owned());
        self.exchanges.push(Exchange {
            method: method_name,
            path: path.clone(),
            body,
            status,
            answer,
            elapsed_seconds,
        });
        let unanswered =
            |error| AdminError::Unanswered { method, path: path.clone(), source: Box::new(error) };
        let (status, answer) = answered.map_err(unanswered)?;
        if (200..300).contains(&status) {
            Ok(answer)
        } else {
            Err(AdminError::Refused { method, path, status, answer })
        }
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Result<(u16, Value), ureq::Error> {
        let url = format!("{}{path}", self.base);
        let mut response = if method == "GET" {
            self.agent.get(&url).call()?
        } else {
            self.agent.post(&url).send_json(body)?
        };
        let text =
            response.body_mut().with_config().limit(LONGEST_ANSWER_BYTES).read_to_string()?;
        let answer = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok((response.status().as_u16(), answer))
    }
}
