//! One operation of the document: what it takes, what it answers, and how it refuses.

use serde_json::{Map, Value, json};

use super::schema::{object, text};

/// Statuses of refusals, and what they mean here.
const REFUSALS: [(u16, &str); 12] = [
    (400, "the request says something that cannot be"),
    (401, "the token, or name and password, are missing or wrong"),
    (403, "asked from another machine without a token, or for a page of another site"),
    (404, "there is no such thing"),
    (408, "the body did not arrive in time"),
    (409, "what is asked for contradicts what is set, or cannot be done to this leak"),
    (413, "the body is too large"),
    (429, "others are asking for source lines, one at a time"),
    (500, "the service could not do it, through no fault of the request"),
    (501, "this program cannot tell who allocated"),
    (503, "too close to the memory limit to read symbols"),
    (504, "it took too long"),
];

/// What a route takes and answers.
pub struct Operation {
    tag: &'static str,
    id: String,
    summary: String,
    parameters: Vec<Value>,
    body: Option<Value>,
    content: Value,
    refuses: Vec<u16>,
}

impl Operation {
    /// Takes nothing, and answers JSON of this schema with status 200.
    pub fn new(
        tag: &'static str,
        id: impl Into<String>,
        summary: impl Into<String>,
        answer: Value,
    ) -> Self {
        let content = content("application/json", answer);
        Self {
            tag,
            id: id.into(),
            summary: summary.into(),
            parameters: Vec::new(),
            body: None,
            content,
            refuses: Vec::new(),
        }
    }

    /// Answers something else than JSON.
    pub fn answers(mut self, media_type: &str, schema: Value) -> Self {
        self.content = content(media_type, schema);
        self
    }

    /// Takes a setting from the query string; it can be left out, and comes once at most.
    pub fn query(mut self, name: &str, description: &str, schema: Value) -> Self {
        let mut parameter = json!({ "name": name, "in": "query", "description": description });
        parameter["schema"] = schema;
        self.parameters.push(parameter);
        self
    }

    /// Takes a body.
    pub fn body(mut self, media_type: &str, required: bool, schema: Value) -> Self {
        let mut body = json!({ "required": required });
        body["content"] = content(media_type, schema);
        self.body = Some(body);
        self.refuses(&[400, 408, 413])
    }

    /// May refuse so.
    pub fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refuses.extend(statuses);
        self
    }

    /// As it stands in the document; `scheme` is the security that it needs.
    pub fn written(self, scheme: Option<&str>) -> Value {
        let mut responses = Map::new();
        let fine = json!({ "description": "as asked for", "content": self.content });
        responses.insert("200".to_owned(), fine);
        for status in &self.refuses {
            let refusal = json!({ "$ref": format!("#/components/responses/{status}") });
            responses.insert(status.to_string(), refusal);
        }
        let mut operation = json!({
            "tags": [self.tag],
            "operationId": self.id,
            "summary": self.summary,
            "parameters": self.parameters,
            "responses": responses,
            "security": scheme.map(|scheme| json!({ scheme: [] })).into_iter().collect::<Vec<_>>(),
        });
        if let Some(body) = self.body {
            operation["requestBody"] = body;
        }
        operation
    }
}

fn content(media_type: &str, schema: Value) -> Value {
    let mut media = json!({});
    media[media_type]["schema"] = schema;
    media
}

/// How the service refuses, by status.
pub fn refusals() -> Value {
    let schema = object([
        ("error", text("what was wrong")),
        ("hint", text("what would have been right, or what to do")),
    ]);
    let refusal = |(status, description): (u16, &str)| {
        let content = json!({ "application/json": { "schema": schema } });
        (status.to_string(), json!({ "description": description, "content": content }))
    };
    Value::Object(REFUSALS.into_iter().map(refusal).collect())
}
