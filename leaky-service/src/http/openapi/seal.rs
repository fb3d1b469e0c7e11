//! Game days, in the document.

use serde_json::{Value, json};

use super::operation::Operation;
use super::schema::{described, object};
use crate::http::seal::KEY_CHARACTERS;
use crate::service::Service;

const TAG: &str = "leaks";

/// `POST /admin/seal`
pub fn seal(_: &Service) -> Operation {
    let controls = json!({ "type": "object", "additionalProperties": { "type": "object" } });
    let controls = described(controls, "bodies of POST /admin/leaks/{name}, by name");
    let body = object([("key", key()), ("controls", controls)]);
    let summary =
        "Switch leaks and decoys on for a game day; until it is opened nothing tells which";
    operation("seal", summary, true, body)
}

/// `POST /admin/seal/open`
pub fn open(_: &Service) -> Operation {
    let summary = "End a game day: what leaks can be seen again, and leaks on";
    operation("open_seal", summary, false, object([("key", key())]))
}

fn operation(id: &str, summary: &str, sealed: bool, body: Value) -> Operation {
    let answer = object([("sealed", json!({ "const": sealed }))]);
    Operation::new(TAG, id, summary, answer).body("application/json", true, body).refuses(&[409])
}

fn key() -> Value {
    let (least, most) = KEY_CHARACTERS.into_inner();
    json!({
        "type": "string",
        "minLength": least,
        "maxLength": most,
        "description": "opens the seal",
    })
}
