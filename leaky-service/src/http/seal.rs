//! Game days: leaks that are switched on under a seal, and the seal's opening.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::problem::{Body, Problem};
use crate::seal::WrongKey;
use crate::service::Service;
use crate::startup;

/// Characters of a key: too many to try, and few enough for a line.
pub const KEY_CHARACTERS: std::ops::RangeInclusive<usize> = 16..=128;

/// What is to be hidden.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealBody {
    key: String,
    /// The same as the start-up file: controls by name.
    controls: Map<String, Value>,
}

/// The key alone.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenBody {
    key: String,
}

/// Switches leaks and decoys on, and tells nobody which.
pub async fn seal(
    State(service): State<Arc<Service>>,
    Body(SealBody { key, controls }): Body<SealBody>,
) -> Result<Json<Value>, Problem> {
    check(&key)?;
    let prepare = || startup::apply_controls(service.catalogue(), &controls);
    let sealed = service.seal().put_on(&key, prepare).map_err(refused)?;
    sealed.map_err(|wrong| {
        let hint = "controls are those of POST /admin/leaks/{name}, by name";
        Problem::bad_request(wrong.join("; "), hint)
    })?;
    Ok(Json(json!({ "sealed": true })))
}

/// Opens the seal; what is on stays on.
pub async fn open(
    State(service): State<Arc<Service>>,
    Body(OpenBody { key }): Body<OpenBody>,
) -> Result<Json<Value>, Problem> {
    check(&key)?;
    service.seal().take_off(&key).map_err(refused)?;
    Ok(Json(json!({ "sealed": false })))
}

fn check(key: &str) -> Result<(), Problem> {
    if KEY_CHARACTERS.contains(&key.chars().count()) {
        return Ok(());
    }
    let (least, most) = KEY_CHARACTERS.into_inner();
    let hint = format!("choose {least} to {most} characters that nobody guesses");
    Err(Problem::bad_request("the key is too short or too long", hint))
}

fn refused(wrong: WrongKey) -> Problem {
    Problem {
        status: StatusCode::CONFLICT,
        error: wrong.to_string(),
        hint: "only whoever began the game day can end it; a restart of the service ends it, too"
            .to_owned(),
    }
}

/// Refuses what would give it away.
pub fn judge(service: &Service) -> Result<(), Problem> {
    if !service.seal().is_on() {
        return Ok(());
    }
    Err(Problem {
        status: StatusCode::CONFLICT,
        error: "a game day is on: what leaks here is sealed".to_owned(),
        hint: "look at /metrics, /admin/memory, /admin/memory/diff and /debug/pprof/heap; \
               'leaklab gameday answer' opens the seal"
            .to_owned(),
    })
}
