//! A call of one of the endpoints that patterns feed on, from its head to its answer.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::http::request::Parts;

use super::answer::{Answer, RequestId, TraceId};
use crate::SERVICE;
use crate::catalogue::Visit;
use crate::endpoint::Endpoint;
use crate::pattern::{Event, Role};
use crate::service::Service;
use crate::spans::RequestSpan;

/// A request that has touched the patterns. Dropped before its answer, it was aborted.
pub struct Call {
    service: Arc<Service>,
    id: u64,
    began: Instant,
    visit: Visit,
    span: Option<RequestSpan>,
}

impl Call {
    /// Feeds every pattern that is on for this endpoint.
    pub fn begin(service: &Arc<Service>, endpoint: Endpoint, parts: &Parts) -> Self {
        let began = Instant::now();
        let (id, received) = (service.catalogue().next_id(), SystemTime::now());
        let event = Event { id, received, parts, endpoint: Some(endpoint) };
        let visit = service.catalogue().begin(&event);
        let span = parts.extensions.get::<RequestSpan>().cloned();
        if let Some(span) = &span
            && !service.seal().is_on()
        {
            visit.touched().for_each(|facts| span.touched(facts));
        }
        Self { service: Arc::clone(service), id, began, visit, span }
    }

    /// The request's name in answers.
    pub fn request_id(&self) -> RequestId {
        RequestId(self.id)
    }

    /// Ends the call with what it has worked out.
    pub fn answer<T>(self, data: T) -> Answer<T> {
        let answer = Answer {
            service: SERVICE,
            request_id: self.request_id(),
            trace_id: self.trace_id(),
            duration_ms: self.began.elapsed().as_secs_f64() * 1000.0,
            leaks_triggered: self.triggered(Role::Leak),
            decoys_triggered: self.triggered(Role::Decoy),
            data,
        };
        self.finish();
        answer
    }

    /// Ends the call after an answer of another kind.
    pub fn finish(self) {
        self.visit.answered();
    }

    /// That of its span, or without one a name of its own.
    fn trace_id(&self) -> TraceId {
        let own = || self.service.trace_id(self.id);
        TraceId(self.span.as_ref().map_or_else(own, RequestSpan::trace_id))
    }

    fn triggered(&self, role: Role) -> Vec<&'static str> {
        let told = !self.service.seal().is_on();
        let of_role = self.visit.touched().filter(|facts| told && facts.role == role);
        of_role.map(|facts| facts.name).collect()
    }
}
