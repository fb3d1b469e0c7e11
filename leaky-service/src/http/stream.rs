//! The endpoint that answers in pieces, and so may take long: the one whose clients leave early.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, Method};
use axum::response::{IntoResponse, Response};
use hyper::body::Frame;
use tokio::time::{Sleep, sleep};

use super::call::Call;
use super::problem::Problem;
use super::query;
use crate::endpoint::Endpoint;
use crate::service::Service;

/// One piece: 4 KiB of text.
static PIECE: [u8; 4096] = {
    let mut piece = [b'.'; 4096];
    let mut end = 63;
    while end < piece.len() {
        piece[end] = b'\n';
        end += 64;
    }
    piece
};

/// Pieces of an answer: at first, and at most.
pub const PIECES: u32 = 16;
pub const MOST_PIECES: u32 = 1000;

/// The longest pause between two pieces.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// An answer being sent; the call ends with its last piece, or is aborted when this is dropped.
struct Pieces {
    call: Option<Call>,
    left: u32,
    pause: Duration,
    pausing: Option<Pin<Box<Sleep>>>,
}

/// Sends `?pieces=` pieces with a pause of `?pause=` between any two.
pub async fn stream(
    State(service): State<Arc<Service>>,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, _body) = request.into_parts();
    let left = query::number(&parts.uri, "pieces", PIECES, 1..=MOST_PIECES)?;
    let pause = query::duration(&parts.uri, "pause", LONGEST_PAUSE)?;
    let call = Call::begin(&service, Endpoint::Stream, &parts);
    let headers = [
        (CONTENT_TYPE, "text/plain".to_owned()),
        (HeaderName::from_static("x-request-id"), call.request_id().to_string()),
    ];
    if parts.method == Method::HEAD {
        call.finish();
        return Ok((headers, Body::empty()).into_response());
    }
    let pieces = Pieces { call: Some(call), left, pause, pausing: None };
    Ok((headers, Body::new(pieces)).into_response())
}

impl hyper::body::Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pausing) = &mut self.pausing {
            ready!(pausing.as_mut().poll(context));
            self.pausing = None;
        }
        if self.left == 0 {
            if let Some(call) = self.call.take() {
                call.finish();
            }
            return Poll::Ready(None);
        }
        self.left -= 1;
        if self.left > 0 && !self.pause.is_zero() {
            self.pausing = Some(Box::pin(sleep(self.pause)));
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&PIECE)))))
    }
}
