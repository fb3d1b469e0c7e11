//! What clients use first: data, and metrics.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use humantime::Rfc3339Timestamp;
use serde::Serialize;

use super::answer::{Answer, displayed};
use super::call::Call;
use super::problem::Problem;
use crate::endpoint::Endpoint;
use crate::process::timestamp;
use crate::service::Service;

/// What `/api/data` answers.
#[derive(Serialize)]
pub struct Data {
    message: &'static str,
    #[serde(serialize_with = "displayed")]
    timestamp: Rfc3339Timestamp,
}

/// Takes the configured time.
pub async fn data(State(service): State<Arc<Service>>, request: Request) -> Answer<Data> {
    let (parts, _body) = request.into_parts();
    let call = Call::begin(&service, Endpoint::Data, &parts);
    if !service.delay().is_zero() {
        tokio::time::sleep(service.delay()).await;
    }
    call.answer(Data { message: "hello from the leaky service", timestamp: timestamp() })
}

pub async fn metrics(State(service): State<Arc<Service>>) -> Response {
    let content_type = [(CONTENT_TYPE, prometheus::TEXT_FORMAT)];
    let sealed = service.seal().is_on();
    match service.metrics().scrape(service.catalogue(), service.growth(), sealed) {
        Ok(text) => (content_type, text).into_response(),
        Err(error) => Problem::internal(&error, "look at the service's log").into_response(),
    }
}
