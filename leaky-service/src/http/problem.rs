//! Refusals: JSON `{error, hint}` with a proper status, and request bodies that earn them.

use std::time::Duration;

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use crate::controls::Fault;

/// Time that a client has to send a body, once its head is read.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// What was wrong, and what to do instead.
#[derive(Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub error: String,
    pub hint: String,
}

/// A JSON object, whatever its content type; an empty one counts as `{}`.
///
/// The content type is ignored on purpose: `curl -d` says that it sends a form.
pub struct Body<T>(pub T);

impl Problem {
    /// The request says something that cannot be done.
    pub fn bad_request(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into(), hint: hint.into() }
    }

    /// The request asks for settings that cannot be; all that is wrong, at once.
    pub fn faults(faults: &[Fault]) -> Self {
        let joined =
            |part: fn(&Fault) -> &str| faults.iter().map(part).collect::<Vec<_>>().join("; ");
        Self::bad_request(joined(|fault| &fault.error), joined(|fault| &fault.hint))
    }

    /// The settings that the request asks for can be, but not beside those that are set.
    pub fn contradiction(faults: &[Fault]) -> Self {
        Self { status: StatusCode::CONFLICT, ..Self::faults(faults) }
    }

    /// The service failed, through no fault of the request.
    pub fn internal(error: &dyn std::error::Error, hint: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, error: crate::chain(error), hint: hint.into() }
    }

    /// The answer; one of status 401 says how to authenticate.
    pub fn with_challenge(self, challenge: &'static str) -> Response {
        let is_unauthorized = self.status == StatusCode::UNAUTHORIZED;
        let mut response = self.into_response();
        if is_unauthorized {
            let challenge = HeaderValue::from_static(challenge);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({ "error": self.error, "hint": self.hint });
        (self.status, Json(body)).into_response()
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let bytes = read_body(request).await?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        // Read as an object first: a struct would be read from a list as well.
        let object: Map<String, Value> = serde_json::from_slice(text).map_err(|error| {
            let hint = "send a JSON object, for example {\"enabled\": true}";
            Problem::bad_request(format!("the body is no JSON object: {error}"), hint)
        })?;
        serde_json::from_value(Value::Object(object)).map(Self).map_err(|error| {
            let hint =
                "the error names what is expected; sizes may be numbers of bytes or \"10KiB\"";
            Problem::bad_request(format!("the body is not understood: {error}"), hint)
        })
    }
}

async fn read_body(request: Request) -> Result<Bytes, Problem> {
    let hint = || format!("send at most {} bytes of JSON, all at once", super::MAX_BODY_BYTES);
    let refused = |status, error: &str| Problem { status, error: error.to_owned(), hint: hint() };
    let body = to_bytes(request.into_body(), super::MAX_BODY_BYTES);
    match timeout(BODY_TIMEOUT, body).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_too_long(&error) => {
            Err(refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too long"))
        }
        Ok(Err(_)) => Err(refused(StatusCode::BAD_REQUEST, "the body broke off")),
        Err(_) => Err(refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// Whether reading stopped at the limit, rather than because the client went away.
fn is_too_long(error: &axum::Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<LengthLimitError>)
}
