//! Spans: one per request, sent to an OpenTelemetry collector over OTLP with gRPC.
//!
//! Off unless the environment names a collector, and then nothing of this costs anything. It owns
//! what a span says (the HTTP semantic conventions, and the leaks that the request fed); how spans
//! are sent, and with what limits, is in `spans/exporter.rs`. A span ends with the head of its
//! answer, as the latency metric does; one whose client went away has no status code.

mod environment;
mod exporter;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::Duration;

use axum::http::{HeaderMap, Request, StatusCode, Version};
use hyper::body::Incoming;
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{SpanKind, Status, TraceContextExt, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Runtime;

use crate::SERVICE;
use crate::pattern::Facts;

use environment::Environment;
pub use environment::SpansError;

/// The longest text of a request that a span keeps; a head may have 64 KiB, and a queue of spans
/// is to be bounded in bytes too.
const MAX_TEXT_BYTES: usize = 256;

/// The longest `tracestate` that is passed on: what the W3C asks for at least.
const MAX_STATE_BYTES: usize = 512;

/// Time that the collector has to take what is left when the service ends.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

/// Makes a span for each request.
#[derive(Clone, Debug)]
pub struct Spans {
    tracer: SdkTracer,
}

/// What sends the spans: a queue, a thread that empties it, and a runtime of its own, so that
/// neither the service's tasks nor its threads are busy with it.
#[derive(Debug)]
pub struct Sending {
    provider: SdkTracerProvider,
    runtime: Runtime,
}

/// The span of one request; it ends when the last copy is dropped, or when it is told to.
#[derive(Clone, Debug)]
pub struct RequestSpan(Context);

impl Spans {
    /// What the environment asks for: spans and what sends them, or `None` if it names no
    /// collector. `OTEL_*` variables are those of the OpenTelemetry specification.
    pub fn from_environment() -> Result<Option<(Self, Sending)>, SpansError> {
        let Some(environment) = Environment::read()? else { return Ok(None) };
        let (provider, runtime) = exporter::start(environment)?;
        let spans = Self { tracer: provider.tracer(SERVICE) };
        Ok(Some((spans, Sending { provider, runtime })))
    }

    /// Begins the span of a request, in the trace that its `traceparent` names if it has one.
    pub fn begin(
        &self,
        request: &Request<Incoming>,
        method: &'static str,
        route: Option<&'static str>,
        peer: SocketAddr,
    ) -> RequestSpan {
        let parent = TraceContextPropagator::new()
            .extract_with_context(&Context::new(), &Headers(request.headers()));
        let known_method = if method == "OTHER" { "_OTHER" } else { method };
        let mut attributes = vec![
            KeyValue::new("http.request.method", known_method),
            KeyValue::new("url.scheme", "http"),
            KeyValue::new("url.path", shortened(request.uri().path())),
            KeyValue::new("client.address", peer.ip().to_string()),
        ];
        if let Some(version) = version(request.version()) {
            attributes.push(KeyValue::new("network.protocol.version", version));
        }
        // The conventions have it that a method nobody knows is no name.
        let mut name = Cow::Borrowed(if method == "OTHER" { "HTTP" } else { method });
        if let Some(route) = route {
            attributes.push(KeyValue::new("http.route", route));
            name = Cow::Owned(format!("{name} {route}"));
        }
        let builder = self.tracer.span_builder(name);
        let builder = builder.with_kind(SpanKind::Server).with_attributes(attributes);
        let span = self.tracer.build_with_context(builder, &parent);
        RequestSpan(Context::new().with_span(span))
    }
}

impl RequestSpan {
    /// The trace that it is part of.
    pub fn trace_id(&self) -> u128 {
        u128::from_be_bytes(self.0.span().span_context().trace_id().to_bytes())
    }

    /// The request fed a leak or a decoy.
    pub fn touched(&self, facts: &Facts) {
        let pattern = facts.role.name();
        self.0.span().add_event(pattern, vec![KeyValue::new("leaklab.pattern", facts.name)]);
    }

    /// Ends the span with the status of the answer, and if the request was a growth event, with
    /// the bytes by which resident memory rose.
    pub fn end(&self, status: StatusCode, rise_bytes: Option<i64>) {
        let span = self.0.span();
        span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
        if let Some(rise_bytes) = rise_bytes {
            span.set_attribute(KeyValue::new("leaklab.rss_rise_bytes", rise_bytes));
        }
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

impl Sending {
    /// Sends what is left, but not for long; whether the collector took it.
    pub fn shut_down(self) -> bool {
        let sent = self.provider.shutdown_with_timeout(SHUTDOWN_TIMEOUT).is_ok();
        self.runtime.shutdown_background();
        sent
    }
}

/// The headers that carry a trace.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.to_str().ok()?;
        (value.len() <= MAX_STATE_BYTES).then_some(value)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(axum::http::HeaderName::as_str).collect()
    }
}

fn shortened(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_TEXT_BYTES)].to_owned()
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_at_a_character_within_its_bytes() {
        assert_eq!(shortened("/api/data"), "/api/data");
        // Two bytes each, and one before them: the last would end beyond.
        let long = format!("/{}", "\u{e9}".repeat(MAX_TEXT_BYTES));
        let short = shortened(&long);
        assert!(short.len() == MAX_TEXT_BYTES - 1 && long.starts_with(&short), "{}", short.len());
    }
}
