//! The OpenAPI document: every route is in it, all that is in it is a route, and what the service
//! answers is what it says.

use serde_json::{Value, json};

use crate::schema::faults;
use crate::server::{Answer, Server};

const TOKEN: [(&str, &str); 1] = [("LEAKLAB_ADMIN_TOKEN", "sesame")];

/// Bodies that a call of each kind takes, by operation; others take none, or an empty one.
const BODIES: [(&str, &str); 4] = [
    ("upload", "abc"),
    ("clear", r#"{"leak_type": "bounded_cache"}"#),
    // In the order of their paths, so that nothing is asked while it is on.
    ("seal", r#"{"key": "sixteen letters.", "controls": {"cache": {"enabled": true}}}"#),
    ("open_seal", r#"{"key": "sixteen letters."}"#),
];

#[test]
fn every_answer_is_what_the_document_says() {
    let server = Server::start_with(&["--max-held", "32MiB"], &TOKEN);
    let document = server.get_json("/openapi.json");
    // Twice: a diff has a baseline then, patterns have something to tell, and are on.
    for _ in 0..2 {
        for (path, method, operation) in operations(&document) {
            let id = operation["operationId"].as_str().expect("every operation has an id");
            let body = BODIES.iter().find(|(with_body, _)| *with_body == id);
            let body = body.map_or(r#"{"enabled": true}"#, |(_, body)| body);
            let (answer, media_type) = call(&server, &method, &path, body);
            assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text);
            let content = &operation["responses"]["200"]["content"];
            assert!(content.get(&media_type).is_some(), "{path} answers {media_type}, {content}");
            if media_type == "application/json" {
                let schema = &content["application/json"]["schema"];
                validate(&document, schema, &answer.json(), &path);
            }
        }
    }
}

#[test]
fn every_refusal_is_what_the_document_says() {
    let server = Server::start(&[]);
    let document = server.get_json("/openapi.json");
    let cases = [
        ("post", "/admin/leaks/cache", r#"{"enabled": 1}"#, 400),
        ("post", "/admin/leaks/cache", r#"{"per_second": 5, "endpoint": "/api/data"}"#, 409),
        ("post", "/admin/leaks/clear", r#"{"leak_type": "cash"}"#, 400),
        ("post", "/admin/seal", r#"{"key": "short", "controls": {}}"#, 400),
        ("get", "/api/orders?items=0", "", 400),
        ("get", "/api/orders?items=1&items=2", "", 400),
        ("get", "/api/search?q=a&q=b", "", 400),
        ("get", "/api/stream?pause=1", "", 400),
    ];
    for (method, target, body, status) in cases {
        let (answer, _) = call(&server, method, target, body);
        assert_eq!(answer.status, status, "{target} {body}: {}", answer.text);
        let path = target.split('?').next().unwrap_or_default();
        let responses = &document["paths"][path][method]["responses"];
        let reference = responses[status.to_string()]["$ref"].as_str();
        let pointer = reference.expect("the status is documented").trim_start_matches('#');
        let refusal = document.pointer(pointer).expect("and so is what it means");
        let schema = &refusal["content"]["application/json"]["schema"];
        validate(&document, schema, &answer.json(), target);
    }
}

#[test]
fn the_document_has_every_route_and_no_other() {
    let server = Server::start(&[]);
    let document = server.get_json("/openapi.json");
    // The refusal of an unknown route lists the table that the router is made of.
    let hint = server.get("/nowhere").json()["hint"].as_str().expect("there is one").to_owned();
    let mut listed = Vec::new();
    for part in hint.split("; ") {
        let (method, paths) = part.split_once(' ').expect("a method and its paths");
        listed.extend(paths.split(", ").map(|path| (path.to_owned(), method.to_lowercase())));
    }
    let catalogue = server.get_json("/admin/leaks");
    let patterns = catalogue["catalogue"].as_array().expect("it is a list");
    let (each, mut expected): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|(path, _)| path.contains("{name}"));
    for (path, method) in each {
        expected.extend(patterns.iter().map(|pattern| {
            let name = pattern["name"].as_str().expect("each has a name");
            (path.replace("{name}", name), method.clone())
        }));
    }
    let mut documented: Vec<_> =
        operations(&document).map(|(path, method, _)| (path, method)).collect();
    expected.sort();
    documented.sort();
    assert_eq!(documented, expected);
    assert!(expected.len() > 40, "{}", expected.len());
}

#[test]
fn the_ranges_in_the_document_are_those_that_are_checked() {
    let server = Server::start(&[]);
    let document = server.get_json("/openapi.json");
    let mut checked = 0;
    for (path, _, operation) in operations(&document) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        for (name, setting) in schema["properties"].as_object().into_iter().flatten() {
            let choices = setting["anyOf"].as_array().cloned().unwrap_or(vec![setting.clone()]);
            let Some(range) = choices.iter().find(|choice| choice["minimum"].is_number()) else {
                continue;
            };
            let bound = |bound: &str| range[bound].as_f64().expect("a bound is a number");
            let (minimum, maximum) = (bound("minimum"), bound("maximum"));
            let whole = range["type"] == "integer";
            let beyond = if whole { 1.0 } else { minimum / 2.0 };
            let cases =
                [(minimum, 200), (maximum, 200), (minimum - beyond, 400), (maximum + beyond, 400)];
            for (value, status) in cases {
                let value = if whole { json!(value as i64) } else { json!(value) };
                let body = json!({ name: value }).to_string();
                let answer = server.post(&path, &body);
                assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
                checked += 1;
            }
            if name == "share" || name == "per_second" {
                server.post_json(&path, r#"{"share": 1, "per_second": null}"#);
            }
        }
    }
    assert!(checked > 4 * 3 * 32, "{checked}");
}

#[test]
fn the_document_says_which_calls_need_a_token() {
    for (variables, needed) in [(&TOKEN[..], 1), (&[][..], 0)] {
        let document = Server::start_with(&[], variables).get_json("/openapi.json");
        for (path, _, operation) in operations(&document) {
            let is_admin = path.starts_with("/admin") || path.starts_with("/debug");
            let schemes = operation["security"].as_array().expect("it is a list");
            assert_eq!(schemes.len(), if is_admin { needed } else { 0 }, "{path}");
        }
    }
}

/// Path, method and operation of all there are.
fn operations(document: &Value) -> impl Iterator<Item = (String, String, &Value)> {
    let paths = document["paths"].as_object().expect("there are paths");
    paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("each has methods");
        methods.iter().map(move |(method, operation)| (path.clone(), method.clone(), operation))
    })
}

/// The answer, and its media type without parameters.
fn call(server: &Server, method: &str, target: &str, body: &str) -> (Answer, String) {
    let (url, token) = (server.url(target), "Bearer sesame");
    let agent = server.agent();
    let answer = match method {
        "get" => agent.get(url).header("authorization", token).call(),
        _ => agent.post(url).header("authorization", token).send(body),
    };
    let answer = answer.expect("the service answers");
    let media_type = answer.headers()["content-type"].to_str().expect("it is text");
    let media_type = media_type.split(';').next().unwrap_or_default().to_owned();
    (Answer::lossy(answer), media_type)
}

fn validate(document: &Value, schema: &Value, value: &Value, what: &str) {
    let faults = faults(document, schema, value, what);
    assert!(faults.is_empty(), "the document says otherwise: {faults:#?}");
}
