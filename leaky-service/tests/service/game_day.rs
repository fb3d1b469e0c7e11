//! Game days: while the seal is on, nothing tells what leaks; what any service shows is there.

use crate::server::Server;

const KEY: &str = "correct horse battery";

fn seal(server: &Server, key: &str, controls: &str) -> u16 {
    let body = format!(r#"{{"key": "{key}", "controls": {controls}}}"#);
    server.post("/admin/seal", &body).status
}

fn open(server: &Server, key: &str) -> u16 {
    server.post("/admin/seal/open", &format!(r#"{{"key": "{key}"}}"#)).status
}

#[test]
fn a_seal_hides_what_leaks_and_its_key_shows_it_again() {
    let server = Server::start(&[]);
    let controls = r#"{"cache": {"enabled": true}, "bounded_cache": {"enabled": true}}"#;
    assert_eq!(seal(&server, KEY, controls), 200);
    for _ in 0..20 {
        let answer = server.get_json("/api/data");
        assert_eq!(answer["leaks_triggered"], serde_json::json!([]));
        assert_eq!(answer["decoys_triggered"], serde_json::json!([]));
    }
    for answer in [
        server.get("/admin/leaks"),
        server.get("/admin/leaks/status"),
        server.post("/admin/leaks/cache", r#"{"enabled": false}"#),
        server.post("/admin/leaks/clear", "{}"),
    ] {
        assert_eq!(answer.status, 409, "{}", answer.text);
        assert!(answer.text.contains("game day"), "{}", answer.text);
    }
    let metrics = server.get("/metrics").text;
    for told in ["leak_", "bounded_cache", "_entries", "held_bytes", "evictions"] {
        assert!(!metrics.contains(told), "{told} is in {metrics}");
    }
    assert!(metrics.contains("process_resident_memory_bytes "), "{metrics}");
    assert!(metrics.contains("allocator_in_use_bytes "), "{metrics}");
    let memory = server.get_json("/admin/memory");
    assert!(memory["leaks"].is_null() && memory["process"]["rss_mb"].is_number(), "{memory}");

    assert_eq!(seal(&server, KEY, "{}"), 200, "with the same key again it does nothing");
    assert_eq!(seal(&server, "another key, as long", "{}"), 409);
    assert_eq!(open(&server, "another key, as long"), 409);
    assert_eq!(open(&server, KEY), 200);
    assert_eq!(open(&server, KEY), 200, "it is open");
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["leaks"]["cache"]["entries"], 20, "it leaked all the while");
    assert_eq!(status["decoys"]["bounded_cache"]["requests"], 20);
    assert!(server.get("/metrics").text.contains("leak_cache_entries_total 20"));
}

#[test]
fn a_seal_on_what_cannot_be_is_refused_and_hides_nothing() {
    let server = Server::start(&[]);
    assert_eq!(seal(&server, "short", "{}"), 400);
    assert_eq!(seal(&server, KEY, r#"{"cache": {"enabled": true}, "cash": {}}"#), 400);
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["leaks"]["cache"]["enabled"], false);
}
