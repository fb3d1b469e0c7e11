//! What clients use: the endpoint that patterns feed on, health, and metrics.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::SERVICE;
use crate::endpoint::Endpoint;
use crate::pattern::{Event, Role};
use crate::process::timestamp;
use crate::service::Service;

/// The answer of `/api/data`.
#[derive(Serialize)]
pub struct DataAnswer {
    service: &'static str,
    request_id: String,
    trace_id: String,
    duration_ms: f64,
    leaks_triggered: Vec<&'static str>,
    decoys_triggered: Vec<&'static str>,
    data: Data,
}

#[derive(Serialize)]
struct Data {
    message: &'static str,
    timestamp: String,
}

pub async fn health() -> Json<Value> {
    Json(json!({ "status": "ok", "service": SERVICE }))
}

/// Works for the configured time, and feeds every enabled pattern.
pub async fn data(State(service): State<Arc<Service>>, request: Request) -> Json<DataAnswer> {
    let began = Instant::now();
    let received = SystemTime::now();
    let id = service.catalogue().next_id();
    let (parts, _body) = request.into_parts();
    let endpoint = Some(Endpoint::Data);
    let visit = service.catalogue().begin(&Event { id, received, parts: &parts, endpoint });
    if !service.delay().is_zero() {
        tokio::time::sleep(service.delay()).await;
    }
    let triggered = |role| {
        let of_role = visit.touched().filter(|facts| facts.role == role);
        of_role.map(|facts| facts.name).collect()
    };
    let answer = DataAnswer {
        service: SERVICE,
        request_id: format!("req-{id}"),
        trace_id: service.trace_id(id),
        duration_ms: began.elapsed().as_secs_f64() * 1000.0,
        leaks_triggered: triggered(Role::Leak),
        decoys_triggered: triggered(Role::Decoy),
        data: Data { message: "hello from the leaky service", timestamp: timestamp() },
    };
    visit.answered();
    Json(answer)
}

pub async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let content_type = [(CONTENT_TYPE, prometheus::TEXT_FORMAT)];
    match service.metrics().scrape(service.catalogue(), service.growth()) {
        Ok(text) => (content_type, text).into_response(),
        Err(error) => Problem::internal(&error, "look at the service's log").into_response(),
    }
}
