//! What is noted of every request, whatever answers it: its count and time under its route, by how
//! much it raised memory, and its span.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::http::{Method, Request};
use axum::response::Response;
use hyper::body::{Body as _, Incoming};

use super::routes::{Route, no_such_route};
use crate::metrics::Labels;
use crate::service::Service;

/// Stands for the route of requests that matched none, in metrics.
const UNMATCHED: &str = "unmatched";

/// Answers a request that came from `peer`.
pub async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    service: Arc<Service>,
) -> Response {
    let received = Instant::now();
    let method = method_label(request.method());
    let route = Route::matching(request.uri().path());
    let path = route.map(|route| route.path);
    let span = service.spans().map(|spans| spans.begin(&request, method, path, peer));
    // A body that is empty needs no place on the heap.
    let empty = |body: &Incoming| body.is_end_stream();
    let mut request =
        request.map(|body| if empty(&body) { Body::empty() } else { Body::new(body) });
    if let Some(span) = &span {
        request.extensions_mut().insert(span.clone());
    }
    let answering = async {
        match route {
            Some(route) => route.answer(request, peer, &service).await,
            None => no_such_route(request.uri()),
        }
    };
    let (metrics, endpoint) = (service.metrics(), path.unwrap_or(UNMATCHED));
    let growth = metrics.growth_events();
    let (response, rise_bytes) = growth.measure(answering).await;
    let rise_bytes = rise_bytes.filter(|&rise_bytes| growth.note(endpoint, rise_bytes));
    if let Some(span) = span {
        span.end(response.status(), rise_bytes);
    }
    let labels = Labels { method, endpoint, status: response.status() };
    metrics.observe(labels, received.elapsed());
    response
}

/// Clients can invent methods; metrics must not grow with them.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
