//! Sends JSON to an address, with bounds.

use std::time::Duration;

use ureq::http::header::AUTHORIZATION;

use super::Carrier;
use crate::service::settings::Receiver;
use crate::source::{
    BadAddress, BadAuthority, BadCertificate, BadCredentials, Credentials, Variables, address, tls,
};

/// Longest that one message may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why something was not told.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The address cannot be asked, or holds credentials.
    #[error(transparent)]
    Address(#[from] BadAddress),
    /// Who we are cannot be told.
    #[error(transparent)]
    Credentials(#[from] BadCredentials),
    /// The file of certificates is of no use.
    #[error(transparent)]
    Authority(#[from] BadAuthority),
    /// It is somebody, and we do not believe who.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// Nobody answers, or not in time.
    #[error("cannot be reached")]
    Unreachable(#[source] ureq::Error),
    /// It answers that it does not take this.
    #[error("answers with status {0}")]
    Status(u16),
}

impl PostError {
    /// Whether the same message would be refused again. A wrong path or password is mended by
    /// people, and what waited is told then.
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Status(400 | 413 | 415 | 422))
    }
}

/// An address that takes JSON.
#[derive(Debug)]
pub struct Post {
    agent: ureq::Agent,
    url: String,
    credentials: Option<Credentials>,
}

impl Post {
    /// Nothing is sent yet.
    pub fn new(Receiver { url, credentials, authority, .. }: &Receiver) -> Result<Self, PostError> {
        address::check(url)?;
        let named = credentials.as_deref().map(Variables::of);
        let named = named.map(|variables| Credentials::from_environment_of(&variables));
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .tls_config(tls::config(url, authority.as_deref())?)
            .build();
        Ok(Self { agent: config.new_agent(), url: url.clone(), credentials: named.transpose()? })
    }
}

impl Carrier for Post {
    fn send(&self, path: &str, body: &str, key: Option<&str>) -> Result<(), PostError> {
        let url = if path.is_empty() {
            self.url.clone()
        } else {
            format!("{}{path}", self.url.trim_end_matches('/'))
        };
        let mut request = self.agent.post(&url).header("content-type", "application/json");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(credentials) = &self.credentials {
            request = request.header(AUTHORIZATION, credentials.header_value());
        }
        let response = request.send(body).map_err(|error| {
            tls::refused(error).map_or_else(PostError::Unreachable, PostError::Certificate)
        })?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(PostError::Status(status.as_u16())) }
    }
}
