//! HTTP/2 on one connection, by hyper: several exchanges at a time, each a stream. A connection is
//! shared by as many workers as the plan wants streams on it; whoever finds it lost opens it anew
//! for all.

use std::rc::Rc;

use http_body_util::{BodyExt, Full};
use hyper::{
    Uri,
    body::Bytes,
    client::conn::http2::{self, SendRequest},
    http::{
        HeaderValue, header,
        uri::{PathAndQuery, Scheme},
    },
    rt::Executor,
};
use hyper_util::rt::TokioIo;
use tokio::sync::Mutex;

use super::{MAX_BODY_BYTES, MAX_HEAD_BYTES, Reply, stream::Stream};
use crate::{failure::ErrorKind, requests::Request};

/// Scheme and authority of every request.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    pub(super) scheme: Scheme,
    pub(super) authority: String,
}

/// One stream's worth of a connection.
pub(super) struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    origin: Rc<Origin>,
}

/// Where the workers of one connection find it.
#[derive(Default)]
pub(super) struct Slot(Mutex<Option<SendRequest<Full<Bytes>>>>);

impl Slot {
    /// A stream on the connection; on a new one if it is gone. `dial` opens what it goes over.
    pub(super) async fn open(
        &self,
        origin: Rc<Origin>,
        dial: impl Future<Output = std::io::Result<Stream>>,
    ) -> std::io::Result<Http2> {
        let mut slot = self.0.lock().await;
        if let Some(sender) = slot.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(Http2 { sender: sender.clone(), origin });
        }
        let io = TokioIo::new(dial.await?);
        let (sender, connection) = http2::Builder::new(OnThisThread)
            .max_header_list_size(MAX_HEAD_BYTES as u32)
            .handshake(io)
            .await
            .map_err(std::io::Error::other)?;
        // It ends with the last sender; how it ended, those who wait for replies are told.
        tokio::task::spawn_local(async { drop(connection.await) });
        *slot = Some(sender.clone());
        Ok(Http2 { sender, origin })
    }
}

impl Http2 {
    pub(super) fn is_ready(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends the request and reads the whole reply, whose body goes by `body`. Dropped before its
    /// end, it resets its stream and leaves the connection to the others.
    pub(super) async fn exchange(
        &mut self,
        request: &Request<'_>,
        body: &mut impl FnMut(&[u8]),
    ) -> Result<Reply, ErrorKind> {
        let request = write(request, &self.origin)?;
        self.sender.ready().await?;
        let response = self.sender.send_request(request).await?;
        let status = response.status().as_u16();
        let mut incoming = response.into_body();
        let mut body_bytes = 0;
        while let Some(frame) = incoming.frame().await {
            if let Some(data) = frame?.data_ref() {
                body_bytes += data.len() as u64;
                body(data);
            }
            if body_bytes > MAX_BODY_BYTES {
                return Err(ErrorKind::Oversized);
            }
        }
        Ok(Reply { status, body_bytes })
    }
}

/// The request as HTTP/2 knows it: what `Host` says is the authority.
fn write(request: &Request<'_>, origin: &Origin) -> Result<hyper::Request<Full<Bytes>>, ErrorKind> {
    // The plan was checked: with any of its parts none of this fails.
    let wrong = |_| ErrorKind::Protocol;
    let path = PathAndQuery::try_from(request.path()).map_err(|_| ErrorKind::Protocol)?;
    let uri = Uri::builder()
        .scheme(origin.scheme.clone())
        .authority(origin.authority.as_str())
        .path_and_query(path)
        .build()
        .map_err(wrong)?;
    let mut written = hyper::Request::new(Full::new(Bytes::copy_from_slice(request.body())));
    *written.method_mut() = request.method().clone();
    *written.uri_mut() = uri;
    for (name, value) in request.headers() {
        // Those two are of HTTP/1.1 alone (RFC 9113, 8.2.2 and 8.3.1).
        if *name != header::HOST && *name != header::CONNECTION {
            let value = HeaderValue::from_bytes(value).map_err(|_| ErrorKind::Protocol)?;
            written.headers_mut().append(name, value);
        }
    }
    Ok(written)
}

/// Runs what hyper wants run on the runtime of this thread.
#[derive(Debug, Clone, Copy)]
struct OnThisThread;

impl<F: Future<Output: 'static> + 'static> Executor<F> for OnThisThread {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}
