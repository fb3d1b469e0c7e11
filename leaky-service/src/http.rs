//! The HTTP face of the service: which route goes where, and what holds for all of them.
//!
//! The routes themselves are a table in `routes`, of which the OpenAPI document is made as well.
//! What is noted of every answer is in `observe`. Every refusal is JSON, `{error, hint}`, and
//! says what would have been right. Handlers live in the modules below, one per part of the API.

mod access;
mod admin;
mod api;
mod call;
mod health;
mod memory;
mod metrics_access;
mod observe;
mod openapi;
mod problem;
mod profiles;
mod query;
mod routes;
mod status;
mod stream;
mod turn;
mod upload;
mod work;

use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};

use crate::service::Service;

pub use access::{AdminAccess, Peer};
pub use metrics_access::{Login, MetricsAccess};
pub use observe::Observed;
use problem::Problem;
use routes::{Verb, listed};

/// Bodies beyond this are refused; the largest legitimate one is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The whole API over a service.
fn router(service: Arc<Service>) -> Router {
    routes::router(&service)
        .fallback(no_such_route)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        error: format!("there is nothing at {}", uri.path()),
        hint: format!("{}; {}", listed(Verb::Get), listed(Verb::Post)),
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
