//! Pieces of JSON Schema, as the document needs them.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// A closed object: every field is always there, but for those whose name ends in `?`, and there is
/// no other.
pub fn object<N: Into<String>>(fields: impl IntoIterator<Item = (N, Value)>) -> Value {
    // A name that is given twice is the same field.
    let (mut properties, mut required) = (Map::new(), BTreeSet::new());
    for (name, schema) in fields {
        let name: String = name.into();
        let optional = name.strip_suffix('?').map(str::to_owned);
        if optional.is_none() {
            required.insert(name.clone());
        }
        properties.insert(optional.unwrap_or(name), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Text, and what it is.
pub fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

/// A moment, RFC 3339.
pub fn moment() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

pub fn boolean() -> Value {
    json!({ "type": "boolean" })
}

/// A whole number of things, or of bytes; the field's name says which.
pub fn count() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

/// A whole number that may be negative.
pub fn signed() -> Value {
    json!({ "type": "integer" })
}

/// A number that is not negative.
pub fn amount() -> Value {
    json!({ "type": "number", "minimum": 0 })
}

/// Any number.
pub fn number() -> Value {
    json!({ "type": "number" })
}

/// One of these.
pub fn any_of(schemas: impl Into<Vec<Value>>) -> Value {
    json!({ "anyOf": schemas.into() })
}

/// That, or null.
pub fn nullable(schema: Value) -> Value {
    any_of([schema, json!({ "type": "null" })])
}

/// A list, with the most that it can have where there is a limit.
pub fn list(most: Option<usize>, items: Value) -> Value {
    let mut list = json!({ "type": "array" });
    list["items"] = items;
    if let Some(most) = most {
        list["maxItems"] = json!(most);
    }
    list
}

/// One of these texts.
pub fn one_of<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Value {
    json!({ "enum": values.into_iter().map(Into::into).collect::<Vec<Value>>() })
}

/// A component of the document.
pub fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

/// With a sentence about it.
pub fn described(mut schema: Value, description: &str) -> Value {
    schema["description"] = json!(description);
    schema
}
