//! What is noted of every request, whatever answers it: its count and time under its route, by how
//! much it raised memory, and its span.
//!
//! It stands around the router and not in it: a layer is a copy of the service and a boxed future
//! for every request, which costs more than all that is noted here.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::http::{Method, Request};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;

use super::{Peer, router, routes};
use crate::service::Service;

/// Stands for the route of requests that matched none, in metrics.
const UNMATCHED: &str = "unmatched";

/// The API, with an eye on every request.
#[derive(Clone)]
pub struct Observed {
    service: Arc<Service>,
    api: TowerToHyperService<Router>,
}

impl Observed {
    /// The whole API over a service.
    pub fn new(service: Arc<Service>) -> Self {
        let api = TowerToHyperService::new(router(Arc::clone(&service)));
        Self { service, api }
    }

    /// Answers a request that came from `peer`.
    pub async fn answer(
        self,
        mut request: Request<Incoming>,
        peer: Peer,
    ) -> Result<Response, Infallible> {
        let received = Instant::now();
        let method = method_label(request.method());
        let route = routes::matching(request.uri().path());
        let metrics = self.service.metrics();
        request.extensions_mut().insert(peer);
        let span = self.service.spans().map(|spans| spans.begin(&request, method, route, peer.0));
        if let Some(span) = &span {
            request.extensions_mut().insert(span.clone());
        }
        let growth = metrics.growth_events();
        let (response, rise_bytes) = growth.measure(self.api.call(request)).await;
        let response = response?;
        let (endpoint, status) = (route.unwrap_or(UNMATCHED), response.status());
        let rise_bytes = rise_bytes.filter(|&rise_bytes| growth.note(endpoint, rise_bytes));
        if let Some(span) = span {
            span.end(status, rise_bytes);
        }
        metrics.observe(method, endpoint, status.as_str(), received.elapsed());
        Ok(response)
    }
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
