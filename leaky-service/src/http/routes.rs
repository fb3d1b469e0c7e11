//! All routes, in one table: what answers, who may ask, and what the OpenAPI document says of it.
//!
//! Requests are answered, and the document is made, by this table alone, so neither has a route that
//! the other lacks. It takes the place of axum's router, which copies the service and puts what it
//! found into a map in every request.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::extract::Request;
use axum::handler::Handler;
use axum::http::header::ALLOW;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use super::openapi::{Describe, clients, leaks, memory as looks, seal as sealing};
use super::problem::Problem;
use super::{admin, api, health, memory, openapi, profiles, seal, status, stream, upload, work};
use crate::endpoint::Endpoint;
use crate::service::Service;

/// Answers a request that may be answered.
type Answers = fn(Request, Arc<Service>) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// How `{name}` stands in paths: for one part of them.
const NAME: &str = "{name}";

/// One path, which answers one method.
pub struct Route {
    pub method: Verb,
    pub path: &'static str,
    pub access: Access,
    pub describe: Describe,
    answers: Answers,
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
    /// The same, but nobody while a game day is on: it tells what leaks.
    Truth,
    /// See [`MetricsAccess`](super::MetricsAccess).
    Metrics,
}

/// A handler of axum's, as it stands in the table.
macro_rules! by {
    ($handler:path) => {
        |request, service| Handler::call($handler, request, service)
    };
}

/// Every route there is. What is spelled out stands before what has a name in it.
pub const ROUTES: &[Route] = &[
    reads("/health", Access::Open, by!(health::health), clients::health),
    reads("/health/memory", Access::Open, by!(health::memory), clients::health_memory),
    reads(Endpoint::Data.path(), Access::Open, by!(api::data), clients::data),
    reads(Endpoint::Search.path(), Access::Open, by!(work::search), clients::search),
    reads(Endpoint::Orders.path(), Access::Open, by!(work::orders), clients::orders),
    acts(Endpoint::Upload.path(), Access::Open, by!(upload::upload), clients::upload),
    reads(Endpoint::Stream.path(), Access::Open, by!(stream::stream), clients::stream),
    reads("/metrics", Access::Metrics, by!(api::metrics), clients::metrics),
    reads("/openapi.json", Access::Open, by!(openapi::openapi), clients::openapi),
    reads("/admin/leaks", Access::Truth, by!(admin::list), leaks::list),
    reads("/admin/leaks/status", Access::Truth, by!(status::status), leaks::status),
    acts("/admin/leaks/clear", Access::Truth, by!(admin::clear), leaks::clear),
    Route {
        method: Verb::Post,
        path: "/admin/leaks/{name}",
        access: Access::Truth,
        describe: Describe::EachPattern(leaks::change),
        answers: by!(admin::change),
    },
    acts("/admin/seal", Access::Admin, by!(seal::seal), sealing::seal),
    acts("/admin/seal/open", Access::Admin, by!(seal::open), sealing::open),
    acts("/admin/gc", Access::Admin, by!(memory::collect), looks::gc),
    reads("/admin/memory", Access::Admin, by!(memory::overview), looks::overview),
    reads("/admin/memory/snapshot", Access::Admin, by!(memory::snapshot), looks::snapshot),
    reads("/admin/memory/diff", Access::Admin, by!(memory::diff), looks::diff),
    reads("/admin/memory/flamegraph", Access::Admin, by!(profiles::flamegraph), looks::flamegraph),
    reads("/debug/pprof/heap", Access::Admin, by!(profiles::heap), looks::pprof),
];

const fn reads(
    path: &'static str,
    access: Access,
    answers: Answers,
    describe: openapi::Once,
) -> Route {
    Route { method: Verb::Get, path, access, describe: Describe::Once(describe), answers }
}

const fn acts(
    path: &'static str,
    access: Access,
    answers: Answers,
    describe: openapi::Once,
) -> Route {
    Route { method: Verb::Post, path, access, describe: Describe::Once(describe), answers }
}

impl Verb {
    /// As it stands in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    /// The methods that it answers, as the header has them.
    const fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET,HEAD",
            Self::Post => "POST",
        }
    }

    fn is(self, method: &Method) -> bool {
        match self {
            Self::Get => matches!(*method, Method::GET | Method::HEAD),
            Self::Post => *method == Method::POST,
        }
    }
}

impl Route {
    /// The route that a request's path leads to.
    pub fn matching(path: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.leads(path))
    }

    fn leads(&self, path: &str) -> bool {
        if self.path.len() == path.len() && self.path == path {
            return true;
        }
        let Some(before) = self.path.strip_suffix(NAME) else { return false };
        path.strip_prefix(before).is_some_and(|name| !name.is_empty() && !name.contains('/'))
    }

    /// Answers a request that its path has led here.
    pub async fn answer(
        &self,
        request: Request,
        peer: SocketAddr,
        service: &Arc<Service>,
    ) -> Response {
        if let Err(problem) = self.access.judge(request.headers(), peer, service) {
            return problem.with_challenge(self.access.challenge());
        }
        if !self.method.is(request.method()) {
            return self.wrong_method(&request);
        }
        (self.answers)(request, Arc::clone(service)).await
    }

    fn wrong_method(&self, request: &Request) -> Response {
        let (path, method) = (request.uri().path(), request.method());
        let problem = Problem {
            status: StatusCode::METHOD_NOT_ALLOWED,
            error: format!("{path} does not answer {method}"),
            hint: "the Allow header names the methods it answers: what reads is GET, what acts is POST"
                .to_owned(),
        };
        let allowed = HeaderValue::from_static(self.method.allowed());
        ([(ALLOW, allowed)], problem).into_response()
    }
}

impl Access {
    /// Lets a request pass, or says why not.
    fn judge(
        self,
        headers: &HeaderMap,
        peer: SocketAddr,
        service: &Service,
    ) -> Result<(), Problem> {
        match self {
            Self::Open => Ok(()),
            Self::Admin => service.admin_access().judge(headers, peer),
            Self::Truth => {
                service.admin_access().judge(headers, peer)?;
                seal::judge(service)
            }
            Self::Metrics => service.metrics_access().judge(headers),
        }
    }

    /// How to authenticate, in the words of a refusal.
    const fn challenge(self) -> &'static str {
        match self {
            Self::Open | Self::Admin | Self::Truth => "Bearer realm=\"Admin\"",
            Self::Metrics => "Basic realm=\"Metrics\"",
        }
    }
}

/// Answers a request whose path leads nowhere.
pub fn no_such_route(uri: &Uri) -> Response {
    let problem = Problem {
        status: StatusCode::NOT_FOUND,
        error: format!("there is nothing at {}", uri.path()),
        hint: format!("{}; {}", listed(Verb::Get), listed(Verb::Post)),
    };
    problem.into_response()
}

/// The routes that a method has, for people who have to choose one.
fn listed(method: Verb) -> String {
    let of_method = ROUTES.iter().filter(|route| route.method == method);
    let paths: Vec<_> = of_method.map(|route| route.path).collect();
    format!("{} {}", method.name(), paths.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_leads_to_one_route_and_what_is_spelled_out_goes_first() {
        let odd = [
            ("/admin/leaks/cache", "/admin/leaks/{name}"),
            ("/admin/leaks/%FF", "/admin/leaks/{name}"),
            ("/admin/leaks/{name}", "/admin/leaks/{name}"),
            ("/admin/leaks/clear/", "nowhere"),
            ("/admin/leaks/", "nowhere"),
            ("/admin/leaks/a/b", "nowhere"),
            ("/api/data/", "nowhere"),
            ("//api/data", "nowhere"),
            ("/", "nowhere"),
            ("", "nowhere"),
        ];
        let itself = ROUTES.iter().map(|route| (route.path, route.path));
        for (path, expected) in itself.chain(odd) {
            let found = Route::matching(path).map_or("nowhere", |route| route.path);
            assert_eq!(found, expected, "{path}");
        }
    }
}
