//! A collector that keeps what it is sent: a real gRPC server on a free port.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Ends when dropped.
pub struct Collector {
    pub address: SocketAddr,
    received: Received,
    _runtime: Runtime,
}

#[derive(Clone, Default)]
struct Received(Arc<Mutex<Vec<ResourceSpans>>>);

impl Collector {
    pub fn start() -> Self {
        let runtime = Runtime::new().expect("threads");
        let received = Received::default();
        let service = TraceServiceServer::new(received.clone());
        let listening = TcpListener::bind("127.0.0.1:0");
        let listener = runtime.block_on(listening).expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let server = Server::builder().add_service(service);
        runtime.spawn(server.serve_with_incoming(TcpIncoming::from(listener)));
        Self { address, received, _runtime: runtime }
    }

    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn received(&self) -> Vec<ResourceSpans> {
        self.received.0.lock().expect("nobody panics with it").clone()
    }

    pub fn spans(&self) -> Vec<Span> {
        let scopes = self.received().into_iter().flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans;
        self.0.lock().expect("nobody panics with it").extend(spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// The value of an attribute, as text; `None` if there is none of that name.
pub fn attribute(attributes: &[KeyValue], name: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.as_ref() {
        Some(AnyValue { value: Some(any_value::Value::StringValue(text)) }) => Some(text.clone()),
        Some(AnyValue { value: Some(any_value::Value::IntValue(number)) }) => {
            Some(number.to_string())
        }
        other => panic!("{name} is {other:?}"),
    }
}

/// An identifier of at most 16 bytes in hexadecimal digits.
pub fn hexadecimal(id: &[u8]) -> String {
    let number = id.iter().fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    format!("{number:0width$x}", width = 2 * id.len())
}
