//! What the service is measured against: axum and one handler that gives the answer of
//! `/api/data`, on plain jemalloc, and nothing else.
//!
//! ```text
//! bare FILE      writes the address it listens on to the file, and serves until it is killed
//! ```
#![expect(clippy::expect_used, reason = "a yardstick that cannot be set up has nothing to do")]

use std::sync::atomic::{AtomicU64, Ordering};

use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use tikv_jemallocator::Jemalloc;
use tokio::net::TcpListener;

#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

static REQUESTS: AtomicU64 = AtomicU64::new(0);

/// The fields of the real answer, without what it takes to know them.
#[derive(Serialize)]
struct Answer {
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
    timestamp: &'static str,
}

fn main() {
    let file = std::env::args().nth(1).expect("a file for the address");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        std::fs::write(file, format!("{address}\n")).expect("a file that can be written");
        let app = Router::new().route("/api/data", get(data));
        axum::serve(listener, app).await.expect("axum serves for ever");
    });
}

async fn data() -> Json<Answer> {
    let id = REQUESTS.fetch_add(1, Ordering::Relaxed);
    Json(Answer {
        service: "leaky-service",
        request_id: format!("req-{id}"),
        trace_id: format!("{id:032x}"),
        duration_ms: 0.001,
        leaks_triggered: Vec::new(),
        decoys_triggered: Vec::new(),
        data: Data { message: "hello from the leaky service", timestamp: "2026-01-01T00:00:00Z" },
    })
}
