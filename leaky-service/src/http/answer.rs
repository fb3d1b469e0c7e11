//! What the endpoints that patterns feed on answer, written in one go into one piece of memory: an
//! allocation is what a request costs most, beside the kernel's part.

use std::fmt::{self, Display};

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Serialize, Serializer};

use super::problem::Problem;

/// Room for the text of an answer, in bytes: enough for most; the others grow.
const TEXT_BYTES: usize = 512;

/// What every such endpoint answers, around what it has worked out.
#[derive(Serialize)]
pub struct Answer<T> {
    pub service: &'static str,
    #[serde(serialize_with = "displayed")]
    pub request_id: RequestId,
    pub trace_id: TraceId,
    pub duration_ms: f64,
    pub leaks_triggered: Vec<&'static str>,
    pub decoys_triggered: Vec<&'static str>,
    pub data: T,
}

/// A request's name in answers.
#[derive(Clone, Copy)]
pub struct RequestId(pub u64);

/// Written as 32 hexadecimal digits.
#[derive(Clone, Copy)]
pub struct TraceId(pub u128);

impl<T: Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        let mut text = Vec::with_capacity(TEXT_BYTES);
        if let Err(error) = serde_json::to_writer(&mut text, &self) {
            return Problem::internal(&error, "look at the service's log").into_response();
        }
        let mut response = Response::new(Body::from(text));
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

impl Display for RequestId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "req-{}", self.0)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let digit = |nibble: u8| b"0123456789abcdef"[usize::from(nibble & 15)];
        let mut digits = [0; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(self.0.to_be_bytes()) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(byte)]);
        }
        serializer.serialize_str(str::from_utf8(&digits).unwrap_or_default())
    }
}

/// Writes what can be displayed, without a string of its own.
pub fn displayed<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_id_is_written_as_the_formatter_would() {
        for id in [0, 1, u128::MAX, 0x5f46_7fe7_bf42_676c_05e2_0ba4_a90e_448e] {
            let written = serde_json::to_string(&TraceId(id)).unwrap();
            assert_eq!(written, format!("\"{id:032x}\""));
        }
    }
}
