//! Refusals: JSON `{error, hint}` with a proper status, and request bodies that earn them.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
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

/// A JSON body, whatever its content type; an empty one counts as `{}`.
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

    /// The service failed, through no fault of the request.
    pub fn internal(error: &dyn std::error::Error, hint: impl Into<String>) -> Self {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self { status, error: crate::chain(error), hint: hint.into() }
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

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = read_body(request, state).await?;
        let text: &[u8] = if bytes.trim_ascii().is_empty() { b"{}" } else { &bytes };
        let value: Value = serde_json::from_slice(text).map_err(|error| {
            let hint = "send a JSON object, for example {\"enabled\": true}";
            Problem::bad_request(format!("the body is not JSON: {error}"), hint)
        })?;
        serde_json::from_value(value).map(Self).map_err(|error| {
            let hint =
                "the error names what is expected; sizes may be numbers of bytes or \"10KiB\"";
            Problem::bad_request(format!("the body is not understood: {error}"), hint)
        })
    }
}

async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let hint = || format!("send at most {} bytes of JSON, all at once", super::MAX_BODY_BYTES);
    let Ok(read) = timeout(BODY_TIMEOUT, Bytes::from_request(request, state)).await else {
        let status = StatusCode::REQUEST_TIMEOUT;
        return Err(Problem {
            status,
            error: "the body did not arrive in time".to_owned(),
            hint: hint(),
        });
    };
    read.map_err(|rejection| Problem {
        status: rejection.status(),
        error: rejection.body_text().to_lowercase(),
        hint: hint(),
    })
}
