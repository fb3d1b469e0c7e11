//! What is refused, with which status, and what the refusal names.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::{Answer, Server, command};

#[test]
fn settings_outside_their_range_are_refused_with_the_range() {
    let server = Server::start(&[]);
    let cases = [
        ("cache", r#"{"bytes_per_request": 1023}"#, "between 1024 and 16777216"),
        ("cache", r#"{"bytes_per_request": "17MiB"}"#, "between 1024 and 16777216"),
        ("cache", r#"{"bytes_per_request": "many"}"#, "10KiB"),
        ("cache", r#"{"bytes_per_request": -1}"#, "10KiB"),
        ("cache", r#"{"max_entries": 5}"#, "leave max_entries out"),
        ("bounded_cache", r#"{"max_entries": 0}"#, "between 1 and 1000000"),
        ("cache", r#"{"enable": true}"#, "bytes_per_request"),
        ("cache", r#"{"enabled": "yes"}"#, "expected a boolean"),
        ("cache", "{}", "enabled"),
        ("cache", "", "enabled"),
        ("cache", "[1", "JSON"),
    ];
    for (name, body, named) in cases {
        let answer = server.post(&format!("/admin/leaks/{name}"), body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.text);
        refusal_names(&answer, named);
    }
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["leaks"]["cache"]["enabled"], false, "a refused change changes nothing");
    assert_eq!(status["leaks"]["cache"]["bytes_per_request"], 10240);
}

#[test]
fn unknown_leaks_types_routes_and_methods_are_refused_with_a_way_out() {
    let server = Server::start(&[]);
    let cases = [
        (
            server.post("/admin/leaks/cash", r#"{"enabled": true}"#),
            404,
            "cache, listeners, history",
        ),
        (server.post("/admin/leaks/%FF", r#"{"enabled": true}"#), 404, "cache, listeners, history"),
        (server.post("/admin/leaks/clear", r#"{"leak_type": "x"}"#), 400, "all or one of cache"),
        (server.post("/admin/leaks/clear", r#"{"leaktype": "all"}"#), 400, "leak_type"),
        (server.get("/nowhere"), 404, "/admin/leaks/status"),
        (server.get("/admin/nowhere"), 404, "/admin/leaks/status"),
        (server.post("/api/data", ""), 405, "Allow"),
        (server.get("/admin/gc"), 405, "POST"),
        (server.post("/admin/leaks/cache", &"x".repeat(100_000)), 413, "65536"),
    ];
    for (answer, status, named) in &cases {
        assert_eq!(answer.status, *status, "{}", answer.text);
        refusal_names(answer, named);
    }
}

#[test]
fn what_reads_answers_head_without_its_body_and_a_wrong_method_hears_the_right_ones() {
    let server = Server::start(&[]);
    let ask = |method: &str, path: &str| {
        let mut stream = TcpStream::connect(&server.address).expect("it listens");
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.to_lowercase(), body.to_owned())
    };
    let ((got, body), (head, none)) = (ask("GET", "/health"), ask("HEAD", "/health"));
    let length = format!("content-length: {}", body.len());
    assert!(got.contains(&length) && head.contains(&length), "{got} {head}");
    assert!(head.starts_with("http/1.1 200") && none.is_empty(), "{head} {none}");
    for (method, path, allowed) in
        [("POST", "/api/data", "get,head"), ("GET", "/admin/gc", "post"), ("BREW", "/", "")]
    {
        let (head, _) = ask(method, path);
        let said = head.lines().find_map(|line| line.strip_prefix("allow: "));
        assert_eq!(said.unwrap_or_default(), allowed, "{head}");
    }
}

#[test]
fn json_is_accepted_whatever_the_content_type_says() {
    let server = Server::start(&[]);
    for content_type in ["application/x-www-form-urlencoded", "application/json", "text/plain"] {
        let request =
            server.agent().post(server.url("/admin/leaks/clear")).content_type(content_type);
        assert_eq!(
            Answer::of(request.send(r#"{"leak_type":"all"}"#)).status,
            200,
            "{content_type}"
        );
    }
    let body = r#"{"leak_type":"all"}"#;
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    write!(
        stream,
        "POST /admin/leaks/clear HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_token_guards_every_admin_call_and_nothing_else() {
    let server = Server::start_with(&[], &[("LEAKLAB_ADMIN_TOKEN", "sesame")]);
    for path in
        ["/admin/leaks/status", "/admin/memory", "/admin/memory/flamegraph", "/debug/pprof/heap"]
    {
        let refused = server.get(path);
        assert_eq!(refused.status, 401, "{path}");
        refusal_names(&refused, "LEAKLAB_ADMIN_TOKEN");
    }
    let with = |token: &str| {
        let request = server.agent().get(server.url("/admin/leaks/status"));
        Answer::of(request.header("authorization", format!("Bearer {token}")).call()).status
    };
    assert_eq!((with("sesame"), with("sesamf")), (200, 401));
    assert_eq!((server.get("/metrics").status, server.get("/api/data").status), (200, 200));
}

#[test]
fn metrics_may_need_a_name_and_a_password() {
    let unset = Server::start(&["--metrics-auth"]).get("/metrics");
    assert_eq!(unset.status, 500);
    refusal_names(&unset, "METRICS_AUTH_USERNAME");

    let login = [("METRICS_AUTH_USERNAME", "prom"), ("METRICS_AUTH_PASSWORD", "secret")];
    let server = Server::start_with(&["--metrics-auth"], &login);
    let refused = server.agent().get(server.url("/metrics")).call().expect("it answers");
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["www-authenticate"], "Basic realm=\"Metrics\"");
    let with = |encoded: &str| {
        let request = server.agent().get(server.url("/metrics"));
        Answer::of(request.header("authorization", format!("Basic {encoded}")).call()).status
    };
    // base64 of prom:secret, and of prom:wrong.
    assert_eq!((with("cHJvbTpzZWNyZXQ="), with("cHJvbTp3cm9uZw==")), (200, 401));
    assert_eq!((server.get("/health").status, server.get("/api/data").status), (200, 200));

    let output = command().env("METRICS_AUTH_USERNAME", "prom").output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("METRICS_AUTH_PASSWORD"));
}

#[test]
fn a_page_of_another_site_cannot_use_the_admin_api() {
    let server = Server::start(&[]);
    let from = |origin: String| {
        let request = server.agent().post(server.url("/admin/leaks/clear"));
        Answer::of(request.header("origin", origin).send("")).status
    };
    assert_eq!(from("https://example.com".to_owned()), 403);
    assert_eq!(from(format!("http://{}", server.address)), 200);
}

fn refusal_names(answer: &Answer, named: &str) {
    let refusal = answer.json();
    let (error, hint) = (&refusal["error"], &refusal["hint"]);
    assert!(error.is_string() && hint.is_string(), "{refusal}");
    let said = format!("{error} {hint}");
    assert!(said.contains(named), "'{named}' is not in {said}");
}
