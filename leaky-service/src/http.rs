//! The HTTP face of the service: which route goes where, and what holds for all of them.
//!
//! The routes are a table in `routes`, of which the OpenAPI document is made as well.
//! What is noted of every answer is in `observe`. Every refusal is JSON, `{error, hint}`, and
//! says what would have been right. Handlers live in the modules below, one per part of the API.

mod access;
mod admin;
mod answer;
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
mod seal;
mod status;
mod stream;
mod turn;
mod upload;
mod work;

pub use access::AdminAccess;
pub use metrics_access::{Login, MetricsAccess};
pub use observe::answer;

/// Bodies beyond this are refused; the largest legitimate one is a few hundred bytes.
const MAX_BODY_BYTES: usize = 64 * 1024;
