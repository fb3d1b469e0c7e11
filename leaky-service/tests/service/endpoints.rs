//! The endpoints that patterns feed on: what they answer, and whose requests touch what.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::server::{Answer, Server, number, wait_for};

#[test]
fn each_endpoint_does_its_work_and_is_counted_by_itself() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/history", r#"{"enabled": true}"#);
    let found = server.get_json("/api/search?q=tiny+blue%20lamp");
    assert_eq!(found["data"]["products"], json!(["tiny blue lamp"]));
    let order = server.get_json("/api/orders?items=7");
    assert_eq!(order["data"]["items"].as_array().map(Vec::len), Some(7));
    let uploaded = server.post_json("/api/upload", "foobar");
    let expected = json!({ "received_bytes": 6, "checksum": "85944171f73967e8" });
    assert_eq!(uploaded["data"], expected);
    for answer in [&found, &order, &uploaded] {
        assert_eq!(answer["leaks_triggered"], json!(["history"]), "{answer}");
        assert!(answer["request_id"].is_string() && answer["duration_ms"].is_f64(), "{answer}");
    }
    assert_eq!(server.get("/api/stream?pieces=3").text.len(), 3 * 4096);
    assert_eq!(server.get_json("/admin/leaks/status")["leaks"]["history"]["requests"], 4);

    let text = server.get("/metrics").text;
    for (method, endpoint) in
        [("GET", "search"), ("GET", "orders"), ("GET", "stream"), ("POST", "upload")]
    {
        let counted = format!(
            "http_requests_total{{endpoint=\"/api/{endpoint}\",method=\"{method}\",service=\"leaky-service\",status=\"200\"}} 1\n"
        );
        assert!(text.contains(&counted), "{counted}");
    }
}

#[test]
fn a_leak_can_be_bound_to_one_endpoint() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true, "endpoint": "/api/orders"}"#);
    server.load(5);
    assert_eq!(server.get_json("/api/orders")["leaks_triggered"], json!(["cache"]));
    let state = server.get_json("/admin/leaks/status")["leaks"]["cache"].clone();
    assert_eq!((&state["entries"], &state["endpoint"]), (&json!(1), &json!("/api/orders")));
    server.post_json("/admin/leaks/cache", r#"{"endpoint": null}"#);
    assert_eq!(server.get_json("/api/data")["leaks_triggered"], json!(["cache"]));
}

#[test]
fn what_endpoints_cannot_do_is_refused_with_what_they_can_and_touches_nothing() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    for (path, named) in [
        ("/api/orders?items=0", "between 1 and 1000"),
        ("/api/orders?items=many", "between 1 and 1000"),
        ("/api/stream?pieces=1001", "between 1 and 1000"),
        ("/api/stream?pause=2s", "at most 1s"),
    ] {
        let answer = server.get(path);
        assert_eq!(answer.status, 400, "{path}");
        let hint = &answer.json()["hint"];
        assert!(hint.as_str().is_some_and(|hint| hint.contains(named)), "{path}: {hint}");
    }
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    let head = "POST /api/upload HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    write!(stream, "{head}content-length: 99999999\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("16777216"), "{answer}");
    assert_eq!(server.get_json("/admin/leaks/status")["leaks"]["cache"]["entries"], 0);
}

#[test]
fn an_upload_of_many_pieces_is_read_to_its_end() {
    let server = Server::start(&[]);
    let body = "x".repeat(3 << 20);
    let answer = Answer::of(server.agent().post(server.url("/api/upload")).send(&body)).json();
    assert_eq!(answer["data"]["received_bytes"], 3 << 20);
}

#[test]
fn a_client_that_goes_away_aborts_its_request() {
    let server = Server::start_slow(&["--delay", "10m"]);
    // Fixed, a listener is subscribed for as long as its request is being served.
    server.post_json("/admin/leaks/listeners", r#"{"enabled": true, "patched": true}"#);
    let subscribed =
        || number(&server.get_json("/admin/leaks/status")["leaks"]["listeners"]["count"]);
    for path in ["/api/data", "/api/stream?pieces=1000&pause=1s"] {
        let mut client = TcpStream::connect(&server.address).expect("it listens");
        write!(client, "GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").expect("it reads");
        wait_for("the request to be served", || (subscribed() > 0.5).then_some(()));
        drop(client);
        wait_for("the request to be aborted", || (subscribed() < 0.5).then_some(()));
    }
}
