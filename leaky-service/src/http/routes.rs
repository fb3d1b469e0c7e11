//! All routes, in one table: what answers, who may ask, and what the OpenAPI document says of it.
//!
//! The router and the document are both made of this table, so neither has a route that the other
//! lacks.

use std::sync::Arc;

use axum::Router;
use axum::middleware;
use axum::routing::{MethodRouter, get, post};

use super::openapi::{Describe, clients, leaks, memory as looks};
use super::{
    access, admin, api, health, memory, metrics_access, openapi, profiles, status, stream, upload,
    work,
};
use crate::endpoint::Endpoint;
use crate::service::Service;

/// One path, which answers one method.
pub struct Route {
    pub method: Verb,
    pub path: &'static str,
    pub access: Access,
    pub describe: Describe,
    handler: fn() -> MethodRouter<Arc<Service>>,
}

/// What a route does: those that read also answer `HEAD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// See [`AdminAccess`](super::AdminAccess).
    Admin,
    /// See [`MetricsAccess`](super::MetricsAccess).
    Metrics,
}

/// Every route there is.
pub const ROUTES: &[Route] = &[
    reads("/health", Access::Open, || get(health::health), clients::health),
    reads("/health/memory", Access::Open, || get(health::memory), clients::health_memory),
    reads(Endpoint::Data.path(), Access::Open, || get(api::data), clients::data),
    reads(Endpoint::Search.path(), Access::Open, || get(work::search), clients::search),
    reads(Endpoint::Orders.path(), Access::Open, || get(work::orders), clients::orders),
    acts(Endpoint::Upload.path(), Access::Open, || post(upload::upload), clients::upload),
    reads(Endpoint::Stream.path(), Access::Open, || get(stream::stream), clients::stream),
    reads("/metrics", Access::Metrics, || get(api::metrics), clients::metrics),
    reads("/openapi.json", Access::Open, || get(openapi::openapi), clients::openapi),
    reads("/admin/leaks", Access::Admin, || get(admin::list), leaks::list),
    reads("/admin/leaks/status", Access::Admin, || get(status::status), leaks::status),
    acts("/admin/leaks/clear", Access::Admin, || post(admin::clear), leaks::clear),
    Route {
        method: Verb::Post,
        path: "/admin/leaks/{name}",
        access: Access::Admin,
        describe: Describe::EachPattern(leaks::change),
        handler: || post(admin::change),
    },
    acts("/admin/gc", Access::Admin, || post(memory::collect), looks::gc),
    reads("/admin/memory", Access::Admin, || get(memory::overview), looks::overview),
    reads("/admin/memory/snapshot", Access::Admin, || get(memory::snapshot), looks::snapshot),
    reads("/admin/memory/diff", Access::Admin, || get(memory::diff), looks::diff),
    reads(
        "/admin/memory/flamegraph",
        Access::Admin,
        || get(profiles::flamegraph),
        looks::flamegraph,
    ),
    reads("/debug/pprof/heap", Access::Admin, || get(profiles::heap), looks::pprof),
];

const fn reads(
    path: &'static str,
    access: Access,
    handler: fn() -> MethodRouter<Arc<Service>>,
    describe: openapi::Once,
) -> Route {
    Route { method: Verb::Get, path, access, describe: Describe::Once(describe), handler }
}

const fn acts(
    path: &'static str,
    access: Access,
    handler: fn() -> MethodRouter<Arc<Service>>,
    describe: openapi::Once,
) -> Route {
    Route { method: Verb::Post, path, access, describe: Describe::Once(describe), handler }
}

impl Verb {
    /// As it stands in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// All of them, each behind its guard.
pub fn router(service: &Arc<Service>) -> Router<Arc<Service>> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let state = Arc::clone(service);
        let handler = (route.handler)();
        let guarded = match route.access {
            Access::Open => handler,
            Access::Admin => handler.layer(middleware::from_fn_with_state(state, access::admit)),
            Access::Metrics => {
                handler.layer(middleware::from_fn_with_state(state, metrics_access::admit))
            }
        };
        router.route(route.path, guarded)
    })
}

/// The path, as it stands in the table, of the route that a request's path leads to.
pub fn matching(path: &str) -> Option<&'static str> {
    let leads = |route: &&Route| match route.path.split_once("{name}") {
        None => route.path == path,
        Some((before, after)) => {
            let name = path.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            name.is_some_and(|name| !name.is_empty() && !name.contains('/'))
        }
    };
    // What is spelled out goes before what has a parameter, as in the router.
    let mut found = ROUTES.iter().filter(leads);
    let first = found.next()?;
    Some(found.find(|route| route.path == path).unwrap_or(first).path)
}

/// The routes that a method has, for people who have to choose one.
pub fn listed(method: Verb) -> String {
    let of_method = ROUTES.iter().filter(|route| route.method == method);
    let paths: Vec<_> = of_method.map(|route| route.path).collect();
    format!("{} {}", method.name(), paths.join(", "))
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::MatchedPath;
    use axum::http::Request;
    use hyper::service::Service as _;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    /// Where axum's own router takes a path, by this table.
    async fn routed(path: &str) -> String {
        let told = || get(async |path: MatchedPath| path.as_str().to_owned());
        let router = ROUTES.iter().fold(Router::new(), |all, route| all.route(route.path, told()));
        let router = router.fallback(async || "nowhere".to_owned());
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = TowerToHyperService::new(router).call(request).await.unwrap();
        let answer = to_bytes(answer.into_body(), 100).await.unwrap();
        String::from_utf8(answer.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn a_path_leads_to_the_route_that_the_router_takes_it_to() {
        let odd = [
            "/admin/leaks/cache",
            "/admin/leaks/%FF",
            "/admin/leaks/clear/",
            "/admin/leaks/",
            "/admin/leaks/a/b",
            "/api/data/",
            "//api/data",
            "/",
        ];
        for path in ROUTES.iter().map(|route| route.path).chain(odd) {
            assert_eq!(matching(path).unwrap_or("nowhere"), routed(path).await, "{path}");
        }
    }
}
