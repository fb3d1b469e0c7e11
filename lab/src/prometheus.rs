//! A Prometheus that somebody else runs, asked over its HTTP API: who we are to it, and whom we believe.

use std::path::Path;
use std::time::Duration;

use detector::source::{
    BadAddress, BadAuthority, BadCertificate, BadCredentials, Credentials, check_address,
    refused_certificate, tls_config, without_credentials,
};
use ureq::http::header::AUTHORIZATION;
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

/// The longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(2);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    #[error("cannot ask {url}")]
    Address { url: String, source: BadAddress },
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    #[error(transparent)]
    Credentials(#[from] BadCredentials),
    #[error("the Prometheus at {url} did not answer")]
    Unanswered { url: String, source: Box<ureq::Error> },
    #[error("the Prometheus at {url}")]
    Certificate { url: String, source: BadCertificate },
    #[error(
        "the Prometheus at {url} refuses us with status {status}; set METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD \
         in the environment, or METRICS_AUTH_TOKEN"
    )]
    Unauthorised { url: String, status: u16 },
}

/// A server to ask.
#[derive(Debug)]
pub struct Prometheus {
    agent: Agent,
    url: String,
    credentials: Option<Credentials>,
}

impl Prometheus {
    /// One that wants no credentials, such as our own.
    pub fn open(url: &str) -> Result<Self, AskError> {
        Self::new(url, None, None)
    }

    /// Somebody's: credentials come from the environment, as those of `detect inspect` do; a server with
    /// TLS is believed by the certificates of `authority`, without it by those of the system.
    pub fn of_user(url: &str, authority: Option<&Path>) -> Result<Self, AskError> {
        Self::new(url, authority, Credentials::from_environment()?)
    }

    fn new(
        url: &str,
        authority: Option<&Path>,
        credentials: Option<Credentials>,
    ) -> Result<Self, AskError> {
        let shown = || without_credentials(url);
        check_address(url).map_err(|source| AskError::Address { url: shown(), source })?;
        let config = Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            // What it refuses, it explains in JSON.
            .http_status_as_error(false)
            // Nobody else is told who we are.
            .max_redirects(0)
            .proxy(None)
            .tls_config(tls_config(url, authority)?);
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { agent: config.build().into(), url, credentials })
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Asks; an answer may be a refusal that says why.
    pub fn get(&self, path: &str, asked: &[(&str, &str)]) -> Result<Response<Body>, AskError> {
        let mut request = self.agent.get(format!("{}{path}", self.url));
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let url = || self.url.clone();
        let answer = request.query_pairs(asked.iter().copied()).call();
        let answer = answer.map_err(|error| match refused_certificate(error) {
            Ok(source) => AskError::Certificate { url: url(), source },
            Err(error) => AskError::Unanswered { url: url(), source: Box::new(error) },
        })?;
        match answer.status() {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let status = answer.status().as_u16();
                Err(AskError::Unauthorised { url: url(), status })
            }
            _ => Ok(answer),
        }
    }
}
