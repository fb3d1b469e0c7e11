//! What a webhook is sent: one event, with its incident and a text for people.

use serde_json::json;

use crate::service::store::Entry;
use crate::service::template::Templates;

const SCHEMA_VERSION: u32 = 1;

/// The body of the request.
pub fn body(templates: &Templates, entry: &Entry, key: &str) -> String {
    json!({
        "schema_version": SCHEMA_VERSION,
        "key": key,
        "message": entry.message,
        "text": templates.render(entry.message, &entry.incident),
        "incident": entry.incident,
    })
    .to_string()
}
