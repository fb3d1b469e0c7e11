//! What is answered to questions: JSON, and the page of metrics.

use serde::Serialize;
use serde_json::{Value, json};

use super::http::{Request, Response};
use super::metrics;
use super::shared::Shared;
use super::store::{StoreError, Wanted};

const SCHEMA_VERSION: u32 = 1;

/// The variable with the token that every question but `/health` must bear, if it is set.
pub const TOKEN: &str = "DETECTOR_API_TOKEN";

/// Longest look at the lag of targets that counts as none.
const USUAL_LAG_SECONDS: f64 = 5.0;

/// Answers.
#[derive(Debug)]
pub struct Api {
    shared: Shared,
    token: Option<String>,
}

impl Api {
    /// To questions about this watch.
    pub fn new(shared: Shared, token: Option<String>) -> Self {
        Self { shared, token }
    }

    /// The answer to one.
    pub fn answer(&self, request: &Request) -> Response {
        if request.method != "GET" {
            return fault(
                "405 Method Not Allowed",
                "only GET is answered",
                "nothing is changed here",
            );
        }
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        if path != "/health" && !self.lets_in(request) {
            return fault(
                "401 Unauthorized",
                "this needs the token",
                "send `authorization: Bearer TOKEN`, the value of DETECTOR_API_TOKEN",
            );
        }
        match path.trim_end_matches('/') {
            "/health" => self.health(),
            "/metrics" => Response {
                status: "200 OK",
                content_type: "text/plain; version=0.0.4; charset=utf-8",
                body: metrics::page(&self.shared),
            },
            "/api/v1/targets" => self.targets(),
            "/api/v1/incidents" => self.incidents(query),
            "/api/v1/inspections" => self.inspections(),
            path => match path.rsplit_once('/').map(|(list, id)| (list, id.parse())) {
                Some(("/api/v1/incidents", Ok(id))) => self.incident(id),
                Some(("/api/v1/inspections", Ok(id))) => self.inspection(id),
                _ => fault(
                    "404 Not Found",
                    "there is nothing here",
                    "ask for /health, /metrics, /api/v1/targets, /api/v1/incidents, \
                     /api/v1/incidents/ID, /api/v1/inspections or /api/v1/inspections/ID",
                ),
            },
        }
    }

    /// Takes as long for a wrong token as for the right one.
    fn lets_in(&self, request: &Request) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let wanted = format!("Bearer {token}").into_bytes();
        let given = request.authorization.as_deref().unwrap_or_default();
        let differing = wanted.iter().zip(given).fold(0, |bits, (a, b)| bits | (a ^ b));
        differing == 0 && wanted.len() == given.len()
    }

    fn health(&self) -> Response {
        let database = self.shared.shelf.health();
        let lag = self.shared.statuses().iter().map(|s| s.lock().lag_seconds).fold(0.0, f64::max);
        let facts = self.shared.facts();
        let well = database.trouble.is_none() && facts.refused.is_none() && lag < USUAL_LAG_SECONDS;
        ok(&json!({
            "schema_version": SCHEMA_VERSION,
            "status": if well { "ok" } else { "degraded" },
            "targets": facts.statuses.len(),
            "lag_seconds": lag,
            "database": database,
            "reports_waiting_for_the_database": facts.pending,
            "configured_seconds": facts.configured_seconds,
            "configuration_refused": facts.refused,
        }))
    }

    fn targets(&self) -> Response {
        let targets: Vec<Value> =
            self.shared.statuses().iter().map(|status| json!(*status.lock())).collect();
        ok(&json!({ "schema_version": SCHEMA_VERSION, "targets": targets }))
    }

    fn incidents(&self, query: &str) -> Response {
        const KEYS: &str = "the query may hold state=open, closed, leaking, firing, growth_stopped, recovered or withdrawn, and target=NAME";
        let mut wanted = Wanted::default();
        for (key, value) in form_urlencoded::parse(query.as_bytes()) {
            match (key.as_ref(), value.as_ref()) {
                ("state", "open") => wanted.open = Some(true),
                ("state", "closed") => wanted.open = Some(false),
                (
                    "state",
                    state @ ("leaking" | "firing" | "growth_stopped" | "recovered" | "withdrawn"),
                ) => {
                    wanted.state = Some(state.to_owned());
                }
                ("target", target) => wanted.target = Some(target.to_owned()),
                (key, value) => {
                    let what = format!("`{key}={value}` means nothing here");
                    return fault("400 Bad Request", &what, KEYS);
                }
            }
        }
        match self.shared.shelf.with(|store| store.incidents(&wanted)) {
            Ok(found) => ok(&json!({ "schema_version": SCHEMA_VERSION, "incidents": found })),
            Err(error) => no_database(&error),
        }
    }

    fn incident(&self, id: i64) -> Response {
        let found = self.shared.shelf.with(|store| {
            let Some(incident) = store.incident(id)? else {
                return Ok(None);
            };
            Ok(Some((incident, store.history(id)?)))
        });
        match found {
            Ok(Some((incident, history))) => ok(&json!({
                "schema_version": SCHEMA_VERSION,
                "incident": incident,
                "history": history,
            })),
            Ok(None) => {
                let what = format!("there is no incident {id}");
                fault("404 Not Found", &what, "it may be forgotten; see /api/v1/incidents")
            }
            Err(error) => no_database(&error),
        }
    }

    fn inspections(&self) -> Response {
        match self.shared.shelf.with(|store| store.inspections()) {
            Ok(found) => ok(&json!({ "schema_version": SCHEMA_VERSION, "inspections": found })),
            Err(error) => no_database(&error),
        }
    }

    fn inspection(&self, id: i64) -> Response {
        match self.shared.shelf.with(|store| store.inspection(id)) {
            Ok(Some(found)) => {
                ok(&json!({ "schema_version": SCHEMA_VERSION, "inspection": found }))
            }
            Ok(None) => {
                let what = format!("there is no inspection {id}");
                fault("404 Not Found", &what, "see /api/v1/inspections")
            }
            Err(error) => no_database(&error),
        }
    }
}

fn no_database(error: &StoreError) -> Response {
    fault("503 Service Unavailable", &error.to_string(), "see /health")
}

fn ok(value: &impl Serialize) -> Response {
    json_response("200 OK", value)
}

fn fault(status: &'static str, error: &str, hint: &str) -> Response {
    json_response(status, &json!({ "error": error, "hint": hint }))
}

#[expect(clippy::expect_used, reason = "keys are text, and numbers that are none are null")]
fn json_response(status: &'static str, value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("plain data is JSON") + "\n";
    Response { status, content_type: "application/json", body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::clock::Clock;
    use crate::service::shelf::Shelf;

    fn ask(token: Option<&str>, target: &str, authorization: Option<&str>) -> Response {
        let folder = tempfile::tempdir().expect("a folder");
        let shared = Shared::new(Clock::start(), Shelf::open(folder.path().join("detector.db")));
        let request = Request {
            method: "GET".to_owned(),
            target: target.to_owned(),
            authorization: authorization.map(|value| value.as_bytes().to_vec()),
        };
        Api::new(shared, token.map(str::to_owned)).answer(&request)
    }

    #[test]
    fn every_question_has_an_answer_with_a_proper_status() {
        for (target, status) in [
            ("/health", "200 OK"),
            ("/metrics", "200 OK"),
            ("/api/v1/targets", "200 OK"),
            ("/api/v1/incidents?state=open&target=a%20b", "200 OK"),
            ("/api/v1/incidents?state=lost", "400 Bad Request"),
            ("/api/v1/incidents?target=a&limit=1", "400 Bad Request"),
            ("/api/v1/incidents/1", "404 Not Found"),
            ("/api/v1/incidents/one", "404 Not Found"),
            ("/api/v1/inspections", "200 OK"),
            ("/", "404 Not Found"),
        ] {
            assert_eq!(ask(None, target, None).status, status, "{target}");
        }
    }

    #[test]
    fn with_a_token_only_who_bears_it_is_answered() {
        for (authorization, status) in [
            (None, "401 Unauthorized"),
            (Some("Bearer wrong"), "401 Unauthorized"),
            (Some("Bearer secret2"), "401 Unauthorized"),
            (Some("Bearer secret"), "200 OK"),
        ] {
            assert_eq!(ask(Some("secret"), "/metrics", authorization).status, status);
        }
        assert_eq!(ask(Some("secret"), "/health", None).status, "200 OK");
    }
}
