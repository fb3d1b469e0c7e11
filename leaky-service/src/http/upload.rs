//! The endpoint that reads a body: piece by piece, so that a large one takes no memory.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use hyper::body::Body as _;
use serde::Serialize;
use tokio::time::timeout;

use super::answer::Answer;
use super::call::Call;
use super::problem::Problem;
use crate::endpoint::Endpoint;
use crate::service::Service;

/// The longest body that is read.
pub const MAX_UPLOAD_BYTES: u64 = 16 << 20;

/// Time that a client has to send all of it.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What has been read.
#[derive(Default, Serialize)]
pub struct Uploaded {
    received_bytes: u64,
    /// FNV-1a of all bytes, 64 bits, in hexadecimal.
    checksum: String,
}

/// Reads a body and answers its length and checksum.
pub async fn upload(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Answer<Uploaded>, Problem> {
    let (parts, body) = request.into_parts();
    if body.size_hint().lower() > MAX_UPLOAD_BYTES {
        return Err(too_large());
    }
    let call = Call::begin(&service, Endpoint::Upload, &parts);
    let Ok(read) = timeout(UPLOAD_TIMEOUT, read(body)).await else {
        return Err(refused(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time"));
    };
    Ok(call.answer(read?))
}

async fn read(mut body: Body) -> Result<Uploaded, Problem> {
    let (mut received_bytes, mut hash) = (0, FNV_OFFSET);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let broken = |_| refused(StatusCode::BAD_REQUEST, "the body broke off");
        let Ok(data) = frame.map_err(broken)?.into_data() else { continue };
        received_bytes += data.len() as u64;
        if received_bytes > MAX_UPLOAD_BYTES {
            return Err(too_large());
        }
        hash = fnv1a(hash, &data);
    }
    Ok(Uploaded { received_bytes, checksum: format!("{hash:016x}") })
}

/// The offset basis and prime of the 64-bit hash by Fowler, Noll and Vo.
const FNV_OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0000_0100_0000_01b3;

fn fnv1a(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}

fn too_large() -> Problem {
    refused(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
}

fn refused(status: StatusCode, error: &str) -> Problem {
    let hint = format!(
        "send at most {MAX_UPLOAD_BYTES} bytes within {} seconds",
        UPLOAD_TIMEOUT.as_secs()
    );
    Problem { status, error: error.to_owned(), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_published_vectors() {
        for (text, expected) in [
            ("", 0xcbf2_9ce4_8422_2325),
            ("a", 0xaf63_dc4c_8601_ec8c),
            ("foobar", 0x8594_4171_f739_67e8),
        ] {
            assert_eq!(fnv1a(FNV_OFFSET, text.as_bytes()), expected, "{text}");
        }
    }
}
