//! The OpenAPI document: the whole API, as this very service has it.
//!
//! It is made when somebody asks, of the table of routes and of the catalogue: ranges, units and
//! defaults are the ones that the service checks against, and security is what it is set up with.
//! Every object is closed, so a field that the document does not name is a mistake that a test finds.

pub mod clients;
pub mod leaks;
pub mod memory;
mod operation;
mod pattern;
mod schema;
pub mod seal;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use self::operation::{Operation, refusals};
use super::routes::{Access, ROUTES, Route};
use crate::exhibit::Exhibit;
use crate::service::Service;

/// Says what a route takes and answers.
pub type Once = fn(&Service) -> Operation;

/// What a route becomes in the document.
pub enum Describe {
    /// An operation.
    Once(Once),
    /// An operation for each pattern, whose name fills the path: each has a body of its own.
    EachPattern(fn(&Exhibit) -> Operation),
}

const ABOUT: &str = "A service that leaks memory on demand, exactly, and tells the truth about it. \
    Every leak and decoy is off at first; POST /admin/leaks/{name} switches it on, requests to \
    /api/... make it grow, GET /admin/leaks/status says what it holds. Bodies are read as JSON \
    whatever their content type says. Units stand in the names of fields; `_mb` are MiB, `_kb` KiB.";

/// Answers the document.
pub async fn openapi(State(service): State<Arc<Service>>) -> Json<Value> {
    Json(document(&service))
}

fn document(service: &Service) -> Value {
    let mut paths = Map::new();
    for route in ROUTES {
        for (path, operation) in operations(route, service) {
            let method = route.method.name().to_lowercase();
            paths.insert(path, json!({ method: operation }));
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": crate::SERVICE,
            "version": env!("CARGO_PKG_VERSION"),
            "description": ABOUT,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": [
            { "name": "clients", "description": "what leaks and decoys feed on" },
            { "name": "health", "description": "whether it is up, and its memory" },
            { "name": "leaks", "description": "control of leaks and decoys" },
            { "name": "memory", "description": "where the memory goes" },
        ],
        "paths": paths,
        "components": {
            "schemas": pattern::states(service.catalogue()),
            "responses": refusals(),
            "securitySchemes": {
                "adminToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "LEAKLAB_ADMIN_TOKEN of the service's environment, if set",
                },
                "metricsLogin": {
                    "type": "http",
                    "scheme": "basic",
                    "description": "METRICS_AUTH_USERNAME and METRICS_AUTH_PASSWORD, if set",
                },
            },
        },
    })
}

fn operations(route: &Route, service: &Service) -> Vec<(String, Value)> {
    let written = |operation: Operation| match route.access {
        Access::Open => operation.written(None),
        Access::Admin | Access::Truth => {
            let scheme = service.admin_access().token.as_ref().map(|_| "adminToken");
            let operation = operation.refuses(&[401, 403]);
            let sealable = route.access == Access::Truth;
            if sealable { operation.refuses(&[409]) } else { operation }.written(scheme)
        }
        Access::Metrics => {
            let access = service.metrics_access();
            let is_guarded = access.required || access.login.is_some();
            operation.refuses(&[401]).written(is_guarded.then_some("metricsLogin"))
        }
    };
    match route.describe {
        Describe::Once(describe) => vec![(route.path.to_owned(), written(describe(service)))],
        Describe::EachPattern(describe) => {
            let exhibits = service.catalogue().exhibits().iter();
            let path = |exhibit: &Exhibit| route.path.replace("{name}", exhibit.facts().name);
            exhibits.map(|exhibit| (path(exhibit), written(describe(exhibit)))).collect()
        }
    }
}
