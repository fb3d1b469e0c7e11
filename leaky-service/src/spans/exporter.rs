//! Sending spans: a bounded queue, one batch after the other, and a word in the log when the
//! collector stops or starts taking them.
//!
//! The exporter makes no spans of its own: only requests to this service have any. Its memory is
//! bounded by the queue, which drops what has no room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::{Key, KeyValue};
use opentelemetry_otlp::{RetryPolicy, SpanExporter, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{self, SdkTracerProvider, SpanData};
use tokio::runtime::{Builder, Handle, Runtime};

use super::environment::{Environment, SpansError};
use crate::SERVICE;

/// The most events of a span: one for each pattern, and no more.
const MAX_EVENTS: u32 = 64;

/// Sends batches from a runtime of its own, and says when that begins or ceases to fail.
#[derive(Debug)]
struct Sender {
    exporter: Arc<SpanExporter>,
    runtime: Handle,
    failing: AtomicBool,
}

/// Starts a thread that sends, and one that collects.
pub(super) fn start(_: Environment) -> Result<(SdkTracerProvider, Runtime), SpansError> {
    let runtime =
        Builder::new_multi_thread().worker_threads(1).thread_name("spans").enable_all().build()?;
    let exporter = {
        // Its connection belongs to the runtime that it is made in.
        let _within = runtime.enter();
        // The next batch is the retry: a collector that is gone for longer must not hold up the
        // end of the service.
        let retries = RetryPolicy::disabled();
        SpanExporter::builder().with_tonic().with_retry_policy(retries).build()?
    };
    let (exporter, handle) = (Arc::new(exporter), runtime.handle().clone());
    let sender = Sender { exporter, runtime: handle, failing: AtomicBool::new(false) };
    // The queue holds 2,048 spans and a batch 512, unless OTEL_BSP_* say otherwise.
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(sender)
        .with_max_events_per_span(MAX_EVENTS)
        .with_resource(resource())
        .build();
    Ok((provider, runtime))
}

impl Sender {
    fn tell(&self, outcome: &OTelSdkResult) {
        let failing = outcome.is_err();
        if self.failing.swap(failing, Ordering::Relaxed) == failing {
            return;
        }
        let line = match outcome {
            Err(error) => format!(
                "warning: spans cannot be sent, and are dropped until the collector takes them: {error}"
            ),
            Ok(()) => "the collector takes spans again".to_owned(),
        };
        crate::say(line);
    }
}

impl trace::SpanExporter for Sender {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let sending = self.runtime.spawn(async move { exporter.export(batch).await });
        // Without an outcome the service is ending, which is said elsewhere.
        let outcome = sending.await.map_err(|_| OTelSdkError::AlreadyShutdown)?;
        self.tell(&outcome);
        outcome
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        // Nothing is being sent yet, so there is no other owner.
        if let Some(exporter) = Arc::get_mut(&mut self.exporter) {
            exporter.set_resource(resource);
        }
    }
}

/// Who sends: as the environment has it, else by our own name.
fn resource() -> Resource {
    let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let named = Resource::builder().build();
    let name = named.get(&Key::new("service.name")).map(|name| name.to_string());
    // What the library calls a service without a name.
    let nameless = name.is_none_or(|name| name.starts_with("unknown_service"));
    let builder = Resource::builder().with_attribute(version);
    if nameless { builder.with_service_name(SERVICE).build() } else { builder.build() }
}
