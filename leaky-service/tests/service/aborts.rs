//! Clients that go away, as they do: by closing their connection.

use std::io::Write;
use std::net::TcpStream;

use serde_json::Value;

use crate::server::{Server, number, wait_for};

const CLIENTS: u32 = 200;

#[test]
fn replies_leak_one_entry_for_each_client_that_goes_away_and_none_for_the_others() {
    let server = Server::start_slow(&["--delay", "1h"]);
    let state = |name: &str| server.get_json("/admin/leaks/status")["leaks"][name].clone();
    // Fixed, a listener is subscribed for as long as its request is being served.
    server.post_json("/admin/leaks/listeners", r#"{"enabled": true, "patched": true}"#);
    server.post_json("/admin/leaks/replies", r#"{"enabled": true}"#);
    for _ in 0..20 {
        let answer = server.get_json("/api/search");
        assert!(answer["leaks_triggered"].to_string().contains("replies"), "{answer}");
    }
    assert_eq!(state("replies")["entries"], 0, "who was answered is not waited for");

    go_away(&server, || state("listeners"));
    // A listener ends before its reply is given up.
    let replies = wait_for("the replies to be given up", || {
        Some(state("replies")).filter(|replies| replies["entries"] == CLIENTS)
    });
    let expected = f64::from(CLIENTS) * number(&replies["bytes_per_request"]);
    let off = number(&replies["held_bytes"]) / expected - 1.0;
    assert!(off.abs() < 0.02, "{off} off: {replies}");

    server.post_json("/admin/leaks/replies", r#"{"patched": true}"#);
    go_away(&server, || state("listeners"));
    assert_eq!(state("replies")["entries"], CLIENTS, "what has leaked stays, and no more leaks");

    let cleared = server.post_json("/admin/leaks/clear", r#"{"leak_type": "replies"}"#);
    assert_eq!(cleared["entries_removed"], CLIENTS);
    assert_eq!(state("replies")["held_bytes"], 0);
}

/// Clients that ask, and close the connection before the answer; returns when the service has
/// noticed all of them.
fn go_away(server: &Server, listeners: impl Fn() -> Value) {
    let under_way = |expected: u32| (listeners()["count"] == expected).then_some(());
    let ask = |_| {
        let mut client = TcpStream::connect(&server.address).expect("it listens");
        write!(client, "GET /api/data HTTP/1.1\r\nhost: x\r\n\r\n").expect("it reads");
        client
    };
    let clients: Vec<_> = (0..CLIENTS).map(ask).collect();
    wait_for("all requests to be under way", || under_way(CLIENTS));
    drop(clients);
    wait_for("all requests to be aborted", || under_way(0));
}
