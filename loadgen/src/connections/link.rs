//! One connection to the target and one exchange at a time on it: HTTP/1.1 by hyper, at the level
//! of the connection, without a pool. Replies are read to their end, counted and thrown away.

use std::{
    future::poll_fn,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    task::{Context, Poll},
};

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request,
    body::Bytes,
    client::conn::http1::{self, Connection, SendRequest},
    header::{HOST, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::{failure::ErrorKind, plan::Target};

/// Most bytes read at once, and so the longest head of a reply.
const READ_BUFFER_BYTES: usize = 64 * 1024;
/// Longest body of a reply that is read to its end: what is longer is no answer to measure.
const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

type NoBody = Empty<Bytes>;

/// Opens connections to the target, and knows the request that goes over them.
pub(super) struct Dialer {
    addresses: Vec<SocketAddr>,
    request: Request<NoBody>,
}

impl Dialer {
    pub(super) fn new(target: &Target, addresses: Vec<SocketAddr>) -> io::Result<Self> {
        let request = Request::get(target.path().as_str())
            .header(HOST, target.authority())
            .header(USER_AGENT, concat!("loadgen/", env!("CARGO_PKG_VERSION")))
            .body(NoBody::new())
            .map_err(io::Error::other)?;
        Ok(Self { addresses, request })
    }

    pub(super) fn request(&self) -> Request<NoBody> {
        self.request.clone()
    }

    /// Opens a connection to the first address that accepts one.
    pub(super) async fn dial(&self) -> io::Result<Link> {
        let stream = TcpStream::connect(&self.addresses[..]).await?;
        // A request that waits for the acknowledgement of the one before would be late.
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(READ_BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        Ok(Link { sender, wire: Wire(Some(connection)) })
    }
}

/// A whole reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
}

/// One open connection.
pub(super) struct Link {
    sender: SendRequest<NoBody>,
    wire: Wire,
}

impl Link {
    /// Waits until the peer has closed the connection.
    pub(super) async fn closed(&mut self) {
        poll_fn(|cx| self.wire.turn(cx)).await;
    }

    /// Whether another request can be sent.
    pub(super) async fn is_ready(&mut self) -> bool {
        self.wire.drive(poll_fn(|cx| self.sender.poll_ready(cx))).await.is_ok()
    }

    /// Sends the request and reads the whole reply. After an error, or when dropped before its
    /// end, the connection is of no more use.
    pub(super) async fn exchange(&mut self, request: Request<NoBody>) -> Result<Reply, ErrorKind> {
        let response = self.wire.drive(self.sender.send_request(request)).await?;
        let status = response.status().as_u16();
        let mut body = response.into_body();
        let mut body_bytes = 0;
        while let Some(frame) = self.wire.drive(body.frame()).await {
            body_bytes += frame?.data_ref().map_or(0, |data| data.len() as u64);
            if body_bytes > MAX_BODY_BYTES {
                return Err(ErrorKind::Oversized);
            }
        }
        Ok(Reply { status, body_bytes })
    }
}

/// The half of a hyper connection that moves bytes. It is polled by the task that waits for the
/// reply, which spares a task switch per step; it is gone once the connection has ended.
struct Wire(Option<Connection<TokioIo<TcpStream>, NoBody>>);

impl Wire {
    /// Moves what can be moved; ready once the connection has ended.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(connection) = &mut self.0
            && Pin::new(connection).poll(cx).is_pending()
        {
            return Poll::Pending;
        }
        self.0 = None;
        Poll::Ready(())
    }

    /// Keeps bytes moving until `work` is done. When the connection ends, hyper tells `work`.
    async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|cx| {
            let _ended = self.turn(cx);
            work.as_mut().poll(cx)
        })
        .await
    }
}
