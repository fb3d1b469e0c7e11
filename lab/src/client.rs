//! A leaky service that somebody has brought up, over HTTP: who we are to it, and what it answers.
//!
//! Tokens and passwords come from the environment. What a drill says to the service that it has
//! started itself is another matter, because all of it goes to the journal: [`admin`](crate::admin).

use std::collections::BTreeMap;
use std::time::Duration;

use detector::source::{BadCredentials, Credentials};
use serde_json::Value;
use ureq::http::header::AUTHORIZATION;
use ureq::http::{HeaderValue, Response};
use ureq::{Agent, Body, RequestBuilder};

/// The environment variable with the token that admin calls must carry, if the service asks for one.
const TOKEN_VARIABLE: &str = "LEAKLAB_ADMIN_TOKEN";
/// The longest answer that is read; a metrics page with a leak of labels takes some MiB.
const LONGEST_ANSWER_BYTES: u64 = 64 << 20;
/// What is told of a refusal that is not in the words of the service, characters.
const LONGEST_REFUSAL: usize = 200;
/// The path that has credentials of its own.
const METRICS: &str = "/metrics";

/// Why the service did not do as it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No answer.
    #[error("{url} does not answer; is the lab up (`leaklab up`, or `docker compose up -d`)?")]
    Unanswered {
        /// What was asked.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// An answer that says no.
    #[error("{url} was refused with status {status}: {answer}{}", way_out(*status, url))]
    Refused {
        /// What was asked.
        url: String,
        /// The HTTP status.
        status: u16,
        /// What it said.
        answer: String,
    },
    /// What the environment has for the metrics page cannot be meant.
    #[error("cannot use the credentials for metrics")]
    Credentials(#[from] BadCredentials),
    /// What the environment has for the admin API cannot be sent.
    #[error("{TOKEN_VARIABLE} holds a character that a header cannot carry (a line break?)")]
    Token,
    /// An answer of another kind of service.
    #[error("{url} does not answer as a leaky service does: {missing}")]
    Foreign {
        /// What was asked.
        url: String,
        /// What is not there.
        missing: String,
    },
}

fn way_out(status: u16, url: &str) -> &'static str {
    match status {
        401 if url.ends_with(METRICS) => "; set METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD",
        401 | 403 => "; set LEAKLAB_ADMIN_TOKEN to the service's",
        _ => "",
    }
}

/// The service.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    base: String,
    /// Who we are to the admin API, and to the metrics.
    admin: Option<HeaderValue>,
    scraping: Option<HeaderValue>,
}

impl Client {
    /// The service at this URL, `http://host:port`; each answer must come `within` so long.
    pub fn new(url: &str, within: Duration) -> Result<Self, ClientError> {
        let scraping = Credentials::from_environment()?;
        let config = Agent::config_builder()
            .timeout_global(Some(within))
            .http_status_as_error(false)
            .proxy(None)
            .build();
        Ok(Self {
            agent: config.into(),
            base: url.trim_end_matches('/').to_owned(),
            admin: admin_token()?,
            scraping: scraping.map(|credentials| credentials.header_value().clone()),
        })
    }

    /// What it answers to a GET.
    pub fn get(&self, path: &str) -> Result<String, ClientError> {
        let authorization = if path == METRICS { &self.scraping } else { &self.admin };
        let request = with(self.agent.get(self.url(path)), authorization.as_ref());
        self.read(path, request.call())
    }

    /// What it answers to a GET, if that is JSON.
    pub fn json(&self, path: &str) -> Result<Value, ClientError> {
        let no_json = |error| self.foreign(path, format!("no JSON: {error}"));
        serde_json::from_str(&self.get(path)?).map_err(no_json)
    }

    /// The metrics page.
    pub fn metrics(&self) -> Result<String, ClientError> {
        self.get(METRICS)
    }

    /// How everything stands, `/admin/leaks/status`; it has leaks and decoys for sure.
    pub fn status(&self) -> Result<Value, ClientError> {
        let path = "/admin/leaks/status";
        let status = self.json(path)?;
        match ["leaks", "decoys"].iter().find(|group| !status[**group].is_object()) {
            Some(missing) => Err(self.foreign(path, format!("no `{missing}`"))),
            None => Ok(status),
        }
    }

    /// The states of leaks and decoys, by name.
    pub fn states(&self) -> Result<BTreeMap<String, Value>, ClientError> {
        let mut status = self.status()?;
        let groups = ["leaks", "decoys"].map(|group| status[group].take());
        Ok(groups.into_iter().filter_map(into_object).flatten().collect())
    }

    /// Asks it to do something.
    pub fn post(&self, path: &str, body: &Value) -> Result<String, ClientError> {
        let request = with(self.agent.post(self.url(path)), self.admin.as_ref());
        self.read(path, request.send_json(body))
    }

    /// What is wrong with an answer to this path.
    pub fn foreign(&self, path: &str, missing: String) -> ClientError {
        ClientError::Foreign { url: self.url(path), missing }
    }

    fn read(
        &self,
        path: &str,
        answered: Result<Response<Body>, ureq::Error>,
    ) -> Result<String, ClientError> {
        let url = self.url(path);
        let unanswered =
            |source| ClientError::Unanswered { url: url.clone(), source: Box::new(source) };
        let mut response = answered.map_err(unanswered)?;
        let limited = response.body_mut().with_config().limit(LONGEST_ANSWER_BYTES);
        let answer = limited.read_to_string().map_err(unanswered)?;
        let status = response.status().as_u16();
        if (200..300).contains(&status) {
            Ok(answer)
        } else {
            Err(ClientError::Refused { url, status, answer: in_words(&answer) })
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn admin_token() -> Result<Option<HeaderValue>, ClientError> {
    let token = std::env::var(TOKEN_VARIABLE).ok().filter(|token| !token.is_empty());
    let header = |token| HeaderValue::from_str(&format!("Bearer {token}"));
    token.map(header).transpose().map_err(|_| ClientError::Token)
}

fn with<B>(request: RequestBuilder<B>, authorization: Option<&HeaderValue>) -> RequestBuilder<B> {
    match authorization {
        Some(value) => request.header(AUTHORIZATION, value),
        None => request,
    }
}

fn into_object(value: Value) -> Option<serde_json::Map<String, Value>> {
    if let Value::Object(object) = value { Some(object) } else { None }
}

/// A refusal as the service means it, `{error, hint}`; the beginning of any other.
fn in_words(answer: &str) -> String {
    let said: Value = serde_json::from_str(answer).unwrap_or_default();
    match (said["error"].as_str(), said["hint"].as_str()) {
        (Some(error), Some(hint)) => format!("{error} ({hint})"),
        _ => answer.trim().chars().take(LONGEST_REFUSAL).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_service_and_any_other_by_its_beginning() {
        assert_eq!(in_words(r#"{"error": "no", "hint": "ask again"}"#), "no (ask again)");
        assert_eq!(in_words(" Bad Gateway\n"), "Bad Gateway");
        assert_eq!(in_words(&"x".repeat(9999)).len(), LONGEST_REFUSAL);
    }

    #[test]
    fn who_is_refused_is_told_which_variable_to_set() {
        let refused = |status, path| {
            let url = format!("http://lab{path}");
            ClientError::Refused { url, status, answer: String::new() }.to_string()
        };
        assert!(refused(401, "/metrics").ends_with("METRICS_AUTH_PASSWORD"));
        assert!(
            refused(401, "/admin/leaks/status").ends_with("LEAKLAB_ADMIN_TOKEN to the service's")
        );
        assert!(refused(403, "/admin/gc").ends_with("LEAKLAB_ADMIN_TOKEN to the service's"));
        assert!(refused(409, "/admin/gc").ends_with(": "));
    }
}
