//! The loop that accepts connections: bounded in number, in patience, and in how long it takes to
//! end.

mod patience;
mod places;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::clock;
use crate::descriptors;
use crate::http;
use crate::near_limit;
use crate::say;
use crate::service::Service;
use patience::Patience;
use places::{Place, Places};

/// Connections served at once, where descriptors allow it. One more is accepted and waits for a
/// place; the others wait in the listener's backlog.
const MAX_CONNECTIONS: u64 = 10_000;

/// The largest head of a request; hyper answers 431 to larger ones. It is also how much of an
/// answer is buffered for a slow client.
const MAX_HEAD_BYTES: usize = 64 * 1024;

/// Time that requests under way have to finish once the service is told to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Pause after a failed accept: the usual cause is that descriptors ran out, and trying at once
/// would only burn a core.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` is ready, then lets requests under way finish, but not for long. A client
/// that keeps the service waiting for longer than `client_timeout` loses its connection.
pub async fn run(
    service: Arc<Service>,
    listener: TcpListener,
    client_timeout: Duration,
    stop: impl Future<Output = ()>,
) {
    let most = descriptors::for_connections().clamp(1, MAX_CONNECTIONS);
    let places = Places::new(most as u32);
    let ticking = tokio::spawn(clock::keep_ticking(Arc::clone(service.catalogue())));
    tokio::select! {
        () = accept_forever(&listener, &service, &places, client_timeout) => {}
        () = service.growth().keep_reading() => {}
        () = near_limit::keep_watch(&service) => {}
        () = stop => {}
    }
    drop(listener);
    ticking.abort();
    if !places.close(DRAIN_TIMEOUT).await {
        say(format_args!("stopped with connections still open after {DRAIN_TIMEOUT:?}"));
    }
}

async fn accept_forever(
    listener: &TcpListener,
    service: &Arc<Service>,
    places: &Places,
    client_timeout: Duration,
) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let place = places.take().await;
                tokio::spawn(serve(stream, peer, Arc::clone(service), place, client_timeout));
            }
            Err(error) => {
                say(format_args!("cannot accept a connection: {error}"));
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    service: Arc<Service>,
    mut place: Place,
    client_timeout: Duration,
) {
    set_up(&stream, client_timeout);
    let used = place.used();
    let answered = service_fn(move |request: hyper::Request<Incoming>| {
        used.store(true, Ordering::Relaxed);
        // Boxed: hyper keeps room for an answer under way in every connection, idle ones as well.
        let answering = Box::pin(http::answer(request, peer, Arc::clone(&service)));
        async { Ok::<_, Infallible>(answering.await) }
    });
    let connection = http1::Builder::new()
        .timer(Patience::default())
        .header_read_timeout(client_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answered);
    let mut connection = std::pin::pin!(connection);
    // The place is given up after the connection, which is dropped first.
    // A connection that ends in an error (the client went away) has ended all the same.
    tokio::select! {
        _ = connection.as_mut() => {}
        () = place.asked_to_leave() => {
            // Of a connection that never had a request, hyper would wait for the first.
            if place.is_used() {
                connection.as_mut().graceful_shutdown();
                let _ = connection.await;
            }
        }
    }
}

/// What cannot be set stays as the system has it.
fn set_up(stream: &TcpStream, client_timeout: Duration) {
    // Answers are small and awaited: never wait to fill a packet.
    let _ = stream.set_nodelay(true);
    // Ends connections whose clients do not take what was sent: without it, an answer to one that
    // never reads would be kept for ever (tcp(7), TCP_USER_TIMEOUT; zero-window probes count).
    let milliseconds = u32::try_from(client_timeout.as_millis()).unwrap_or(u32::MAX);
    let _ = set_tcp_user_timeout(stream, milliseconds);
}
