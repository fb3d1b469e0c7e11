//! HTTP/1.1 on one connection, one exchange at a time. A request is bytes that were made before,
//! so sending is one write; a reply is decoded in the buffer it was read into, which all
//! connections of a thread share, and thrown away. Nothing is allocated per request.

mod chunks;
mod decoder;

use std::{
    cell::RefCell,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use self::decoder::Decoder;
use super::Reply;
use crate::failure::ErrorKind;

/// Most bytes read at once.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// What all connections of a thread read into; a borrow never outlasts one poll.
#[derive(Debug, Clone)]
pub(super) struct ReadBuffer(Rc<RefCell<Box<[u8]>>>);

impl ReadBuffer {
    pub(super) fn new() -> Self {
        Self(Rc::new(RefCell::new(vec![0; READ_BUFFER_BYTES].into_boxed_slice())))
    }
}

/// One connection.
pub(super) struct Http1<S> {
    stream: S,
    decoder: Decoder,
    buffer: ReadBuffer,
    open: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Http1<S> {
    pub(super) fn new(stream: S, buffer: ReadBuffer) -> Self {
        Self { stream, decoder: Decoder::default(), buffer, open: true }
    }

    /// Waits until an idle connection is of no more use: the peer closed it, or sent what nobody
    /// asked for.
    pub(super) async fn closed(&mut self) {
        poll_fn(|cx| self.poll_read(cx, &mut |_| {})).await.ok();
        self.open = false;
    }

    /// Whether another request can be sent; costs nothing while the peer is silent.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|cx| {
            self.open = self.open && self.poll_read(cx, &mut |_| {}).is_pending();
            Poll::Ready(self.open)
        })
        .await
    }

    /// Sends the request and reads the whole reply, whose body goes by `body`. After an error, or
    /// when dropped before its end, the connection is of no more use.
    pub(super) async fn exchange(
        &mut self,
        request: &[u8],
        is_head: bool,
        body: &mut impl FnMut(&[u8]),
    ) -> Result<Reply, ErrorKind> {
        self.decoder.expect(is_head);
        self.open = false;
        let mut unsent = request;
        let reply = poll_fn(|cx| {
            // A target may answer and close before it has read all: then the reply says why, so
            // a failed write ends the sending and nothing else.
            if self.poll_write(cx, &mut unsent).is_err() {
                unsent = &[];
            }
            self.poll_read(cx, body)
        })
        .await?;
        self.open = unsent.is_empty() && self.decoder.is_reusable();
        Ok(reply)
    }

    /// Writes as much as goes; what is left is tried again at the next turn.
    fn poll_write(&mut self, cx: &mut Context<'_>, unsent: &mut &[u8]) -> std::io::Result<()> {
        while !unsent.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, unsent) {
                Poll::Ready(Ok(0)) => return Err(std::io::ErrorKind::WriteZero.into()),
                Poll::Ready(written) => *unsent = &unsent[written?..],
                Poll::Pending => break,
            }
        }
        // Over TCP nothing happens here; TLS may still hold bytes.
        match Pin::new(&mut self.stream).poll_flush(cx) {
            Poll::Ready(flushed) => flushed,
            Poll::Pending => Ok(()),
        }
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        body: &mut impl FnMut(&[u8]),
    ) -> Poll<Result<Reply, ErrorKind>> {
        let mut buffer = self.buffer.0.borrow_mut();
        loop {
            let mut read = ReadBuf::new(&mut buffer);
            let outcome = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read));
            let decoded = match (outcome, read.filled()) {
                (Err(_), _) => Err(ErrorKind::Closed),
                (Ok(()), []) => self.decoder.end().map(Some),
                (Ok(()), bytes) => self.decoder.feed(bytes, body),
            };
            if let Some(settled) = decoded.transpose() {
                return Poll::Ready(settled);
            }
        }
    }
}
