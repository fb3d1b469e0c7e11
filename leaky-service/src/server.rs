//! The loop that accepts connections: bounded in number, in patience, and in how long it takes to
//! end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock;
use crate::http::{Peer, router};
use crate::service::Service;

/// Connections served at once; more wait in the listener's backlog.
const MAX_CONNECTIONS: u32 = 10_000;

/// Time a client has for the head of its next request; an idle connection is closed after it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Time that requests under way have to finish once the service is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after a failed accept: the usual cause is that descriptors ran out, and trying at once
/// would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is ready, then lets requests under way finish, but not for long.
pub async fn run(service: Arc<Service>, listener: TcpListener, stop: impl Future<Output = ()>) {
    let (closing, closed) = watch::channel(false);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS as usize));
    let app = router(Arc::clone(&service));
    let mut tasks = JoinSet::new();
    tasks.spawn(clock::keep_ticking(Arc::clone(service.catalogue())));
    tokio::select! {
        () = accept_forever(&listener, &app, &places, &closed) => {}
        () = service.growth().keep_reading() => {}
        () = stop => {}
    }
    drop(listener);
    tasks.abort_all();
    closing.send_replace(true);
    // All places are free again when the last connection has ended.
    let drained = timeout(DRAIN_TIMEOUT, places.acquire_many(MAX_CONNECTIONS)).await;
    if drained.is_err() {
        eprintln!("stopped with connections still open after {DRAIN_TIMEOUT:?}");
    }
}

async fn accept_forever(
    listener: &TcpListener,
    app: &Router,
    places: &Arc<Semaphore>,
    closed: &watch::Receiver<bool>,
) {
    while let Ok(place) = Arc::clone(places).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                tokio::spawn(serve(stream, peer, app.clone(), place, closed.clone()));
            }
            Err(error) => {
                eprintln!("cannot accept a connection: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    app: Router,
    place: OwnedSemaphorePermit,
    mut closed: watch::Receiver<bool>,
) {
    // Answers are small and awaited: never wait to fill a packet.
    let _ = stream.set_nodelay(true);
    let app = TowerToHyperService::new(app);
    let with_peer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request<Incoming> = request;
        request.extensions_mut().insert(Peer(peer));
        app.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), with_peer);
    let mut connection = std::pin::pin!(connection);
    // A connection that ends in an error (the client went away) has ended all the same.
    let stopped = async move {
        let _ = closed.wait_for(|closed| *closed).await;
    };
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stopped => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    drop(place);
}
