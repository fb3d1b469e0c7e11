//! One connection to the target, whatever it speaks, and how it is opened.

use std::{io, net::SocketAddr, path::Path, rc::Rc, sync::Arc};

use hyper::http::uri::Scheme;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, AlertDescription},
};

use super::{
    Reply,
    http1::{Http1, ReadBuffer},
    http2::{Http2, Origin, Slot},
    stream::Stream,
};
use crate::{
    error::LoadError,
    failure::ErrorKind,
    plan::{Plan, Protocol},
    requests::Request,
};

/// Where the target is, looked up once per run.
#[derive(Debug, Clone)]
pub(crate) enum Addresses {
    Tcp(Arc<[SocketAddr]>),
    Unix(Arc<Path>),
}

impl Addresses {
    /// Looks the plan's target up; blocks as long as the resolver does.
    pub(crate) fn of(plan: &Plan) -> Result<Self, LoadError> {
        match &plan.options().unix_socket {
            Some(path) => Ok(Self::Unix(path.as_path().into())),
            None => plan.target().resolve().map(|addresses| Self::Tcp(addresses.into())),
        }
    }
}

/// Opens connections to the target.
pub(super) struct Dialer {
    addresses: Addresses,
    plan: Plan,
    origin: Rc<Origin>,
    buffer: ReadBuffer,
}

/// One open connection, or a stream on it.
pub(super) enum Link {
    Http1(Http1<Stream>),
    Http2(Http2),
}

/// A place for a connection, which the workers that share it have in common.
#[derive(Clone)]
pub(super) struct Opener {
    dialer: Rc<Dialer>,
    shared: Rc<Slot>,
}

impl Dialer {
    pub(super) fn new(plan: &Plan, addresses: Addresses) -> Self {
        let scheme = if plan.tls().is_some() { Scheme::HTTPS } else { Scheme::HTTP };
        let authority = plan.target().authority().to_owned();
        let origin = Rc::new(Origin { scheme, authority });
        Self { addresses, plan: plan.clone(), origin, buffer: ReadBuffer::new() }
    }

    /// Opens a stream to the first address that accepts one.
    async fn dial(&self) -> io::Result<Stream> {
        let bare = match &self.addresses {
            Addresses::Tcp(addresses) => {
                let stream = TcpStream::connect(&addresses[..]).await?;
                // A request that waits for the acknowledgement of the one before would be late.
                stream.set_nodelay(true)?;
                Stream::Tcp(stream)
            }
            Addresses::Unix(path) => Stream::Unix(UnixStream::connect(path).await?),
        };
        let Some(tls) = self.plan.tls() else { return Ok(bare) };
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let stream = connector.connect(tls.server_name.clone(), bare).await;
        let stream =
            stream.map_err(|error| if is_no_protocol(&error) { unspoken() } else { error })?;
        // Who has never heard of protocols agrees to none, and speaks HTTP/1.1.
        let agreed = stream.get_ref().1.alpn_protocol();
        if self.plan.options().protocol == Protocol::Http2 && agreed.is_none() {
            return Err(unspoken());
        }
        Ok(Stream::Tls(Box::new(stream)))
    }
}

/// Whether TLS ended because the target speaks nothing that it was asked for.
fn is_no_protocol(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
    matches!(error, Some(rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol)))
}

fn unspoken() -> io::Error {
    let what = "it does not speak this version of HTTP over TLS: use another for `--http`";
    io::Error::new(io::ErrorKind::Unsupported, what)
}

impl Opener {
    pub(super) fn new(dialer: &Rc<Dialer>) -> Self {
        Self { dialer: Rc::clone(dialer), shared: Rc::default() }
    }

    /// Opens a connection, or a stream on the one that is shared.
    pub(super) async fn open(&self) -> io::Result<Link> {
        let Self { dialer, shared } = self;
        let options = dialer.plan.options();
        match options.protocol {
            Protocol::Http1 => {
                Ok(Link::Http1(Http1::new(dialer.dial().await?, dialer.buffer.clone())))
            }
            Protocol::Http2 => {
                let own = Slot::default();
                let slot = if options.keep_alive { &**shared } else { &own };
                slot.open(Rc::clone(&dialer.origin), dialer.dial()).await.map(Link::Http2)
            }
        }
    }
}

impl Link {
    /// Waits until an idle connection is of no more use. One that is shared is looked at when it
    /// is used.
    pub(super) async fn closed(&mut self) {
        match self {
            Self::Http1(link) => link.closed().await,
            Self::Http2(_) => std::future::pending().await,
        }
    }

    /// Whether another request can be sent.
    pub(super) async fn is_ready(&mut self) -> bool {
        match self {
            Self::Http1(link) => link.is_ready().await,
            Self::Http2(link) => link.is_ready(),
        }
    }

    /// Sends the request and reads the whole reply, whose body goes by `body`.
    pub(super) async fn exchange(
        &mut self,
        request: &Request<'_>,
        body: &mut impl FnMut(&[u8]),
    ) -> Result<Reply, ErrorKind> {
        match self {
            Self::Http1(link) => link.exchange(request.bytes, request.is_head(), body).await,
            // Its states are many times as large, and hyper allocates anyway.
            Self::Http2(link) => Box::pin(link.exchange(request, body)).await,
        }
    }
}
