//! The HTTP face of the service: which route goes where, and what holds for all of them.
//!
//! Every answer is counted and timed under its route. Every refusal is JSON, `{error, hint}`, and
//! says what would have been right. Handlers live in the modules below, one per part of the API.

mod access;
mod admin;
mod api;
mod call;
mod health;
mod memory;
mod metrics_access;
mod problem;
mod profiles;
mod query;
mod status;
mod stream;
mod turn;
mod upload;
mod work;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{DefaultBodyLimit, MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};

use crate::endpoint::Endpoint;
use crate::service::Service;

pub use access::{AdminAccess, Peer};
pub use metrics_access::{Login, MetricsAccess};
use problem::Problem;

/// Bodies beyond this are refused; the largest legitimate one is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Stands for the route of requests that matched none, in metrics.
const UNMATCHED: &str = "unmatched";

/// The whole API over a service.
pub fn router(service: Arc<Service>) -> Router {
    let admin = Router::new()
        .route("/leaks", get(admin::list))
        .route("/leaks/status", get(status::status))
        .route("/leaks/clear", post(admin::clear))
        .route("/leaks/{name}", post(admin::change))
        .route("/gc", post(memory::collect))
        .route("/memory", get(memory::overview))
        .route("/memory/snapshot", get(memory::snapshot))
        .route("/memory/diff", get(memory::diff))
        .route("/memory/flamegraph", get(profiles::flamegraph))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), access::admit));
    let pprof = Router::new()
        .route("/heap", get(profiles::heap))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), access::admit));
    let metrics_admission =
        middleware::from_fn_with_state(Arc::clone(&service), metrics_access::admit);
    Router::new()
        .route("/health", get(health::health))
        .route("/health/memory", get(health::memory))
        .route(Endpoint::Data.path(), get(api::data))
        .route(Endpoint::Search.path(), get(work::search))
        .route(Endpoint::Orders.path(), get(work::orders))
        .route(Endpoint::Upload.path(), post(upload::upload))
        .route(Endpoint::Stream.path(), get(stream::stream))
        .route("/metrics", get(api::metrics).layer(metrics_admission))
        .nest("/admin", admin)
        .nest("/debug/pprof", pprof)
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn_with_state(Arc::clone(&service), observe))
        .with_state(service)
}

/// Counts and times an answer.
async fn observe(State(service): State<Arc<Service>>, request: Request, next: Next) -> Response {
    let received = Instant::now();
    let method = method_label(request.method());
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let endpoint = route.as_ref().map_or(UNMATCHED, MatchedPath::as_str);
    let status = response.status();
    service.metrics().observe(method, endpoint, status.as_str(), received.elapsed());
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

async fn no_such_route(uri: Uri) -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        error: format!("there is nothing at {}", uri.path()),
        hint: "GET /health, /health/memory, /api/data, /api/search, /api/orders, /api/stream, \
               /metrics, /admin/leaks, /admin/leaks/status, /admin/memory, \
               /admin/memory/snapshot, /admin/memory/diff, /admin/memory/flamegraph, \
               /debug/pprof/heap; \
               POST /api/upload, /admin/leaks/{name}, /admin/leaks/clear, /admin/gc"
            .to_owned(),
    }
}

async fn wrong_method(method: Method, uri: Uri) -> Problem {
    Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        error: format!("{} does not answer {method}", uri.path()),
        hint: "the Allow header names the methods it answers: what reads is GET, what acts is POST"
            .to_owned(),
    }
}
