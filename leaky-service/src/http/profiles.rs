//! The heap as other people's tools show it: a pprof profile, and a flame graph.

use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::IntoResponse;

use super::problem::Problem;
use super::turn::Turn;
use crate::service::Service;
use crate::tracker::{self, CallStack};
use crate::{flamegraph, pprof};

/// Everything that was allocated and what of it is alive, for `go tool pprof`.
pub async fn heap(State(service): State<Arc<Service>>) -> Result<impl IntoResponse, Problem> {
    let taken = SystemTime::now();
    let profile = of_stacks(&service, move |stacks| pprof::encode(stacks, taken)).await?;
    let profile = profile.map_err(|error| Problem::internal(&error, "try again"))?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CONTENT_DISPOSITION, "attachment; filename=\"heap.pb.gz\""),
    ];
    Ok((headers, profile))
}

/// What is alive, as a picture.
pub async fn flamegraph(State(service): State<Arc<Service>>) -> Result<impl IntoResponse, Problem> {
    let svg = of_stacks(&service, flamegraph::render).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg))
}

/// Makes something of all call stacks; refuses where there are none, since an empty picture would
/// say that nothing is allocated.
async fn of_stacks<T: Send + 'static>(
    service: &Service,
    make: impl FnOnce(&[CallStack]) -> T + Send + 'static,
) -> Result<T, Problem> {
    let attribution = tracker::attribution();
    if let Some(reason) = attribution.reason {
        return Err(Problem {
            status: StatusCode::NOT_IMPLEMENTED,
            error: "this program cannot tell who allocated".to_owned(),
            hint: reason,
        });
    }
    let turn = Turn::wait(service).await?;
    turn.ask(|| CallStack::take_all().map(|stacks| make(&stacks))).await
}
