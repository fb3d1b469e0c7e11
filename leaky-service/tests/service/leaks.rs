//! Switching, sizing, clearing and capping the leaks.

use serde_json::json;

use crate::LEAKS;
use crate::server::{Server, close, number, wait_for};

#[test]
fn health_and_data_answer_with_the_contracts_fields() {
    let server = Server::start(&[]);
    assert_eq!(server.get_json("/health"), json!({ "status": "ok", "service": "leaky-service" }));
    let (first, second) = (server.get_json("/api/data"), server.get_json("/api/data"));
    assert_eq!(first["service"], "leaky-service");
    assert_ne!(first["request_id"], second["request_id"]);
    let trace_id = first["trace_id"].as_str().expect("a string");
    assert_eq!(trace_id.len(), 32);
    assert!(trace_id.bytes().all(|digit| digit.is_ascii_hexdigit()), "{trace_id}");
    assert_ne!(first["trace_id"], second["trace_id"]);
    assert!(first["duration_ms"].is_f64());
    assert_eq!(first["leaks_triggered"], json!([]));
    assert!(first["data"]["message"].is_string() && first["data"]["timestamp"].is_string());
}

#[test]
fn a_leak_grows_only_while_enabled_and_keeps_what_has_leaked() {
    let server = Server::start(&["--bytes-per-request", "16KiB"]);
    for (name, count_field, removed_field) in [
        ("cache", "entries", "entries_removed"),
        ("listeners", "count", "callbacks_removed"),
        ("history", "entries", "records_removed"),
    ] {
        let path = format!("/admin/leaks/{name}");
        let state = || server.get_json("/admin/leaks/status")["leaks"][name].clone();
        server.load(5);
        assert_eq!(state()[count_field], 0);
        let answer = server.post_json(&path, r#"{"enabled": true}"#);
        assert_eq!((&answer["leak"], &answer["enabled"]), (&json!(name), &json!(true)));
        assert!(answer["description"].is_string());
        assert_eq!(server.get_json("/api/data")["leaks_triggered"], json!([name]));
        server.load(99);
        assert_eq!(server.post_json(&path, r#"{"enabled": false}"#)["enabled"], false);
        server.load(5);

        let held = state();
        assert_eq!(held["enabled"], false);
        assert_eq!((&held[count_field], &held["requests"]), (&json!(100), &json!(100)));
        assert_eq!((&held["bytes_per_request"], &held["capped"]), (&json!(16384), &json!(false)));
        let held_bytes = number(&held["held_bytes"]);
        assert!((held_bytes / 1_638_400.0 - 1.0).abs() < 0.02, "{held}");
        assert!(close(number(&held["measured_bytes_per_request"]), held_bytes / 100.0));
        assert!(close(number(&held["estimated_size_mb"]), held_bytes / 1_048_576.0));

        let cleared =
            server.post_json("/admin/leaks/clear", &json!({ "leak_type": name }).to_string());
        assert_eq!((&cleared["cleared"], &cleared[removed_field]), (&json!(name), &json!(100)));
        assert!(close(number(&cleared["freed_bytes"]), held_bytes));
        assert_eq!(state()["held_bytes"], 0);
        let again =
            server.post_json("/admin/leaks/clear", &json!({ "leak_type": name }).to_string());
        assert_eq!(again[removed_field], 0);
    }
}

#[test]
fn clear_without_a_body_clears_everything_and_counts_each() {
    let server = Server::start(&[]);
    for name in LEAKS.into_iter().chain(["bounded_cache"]) {
        server.post_json(&format!("/admin/leaks/{name}"), r#"{"enabled": true}"#);
    }
    server.load(7);
    let cleared = server.post_json("/admin/leaks/clear", "");
    assert_eq!(cleared["cleared"], "all");
    for field in [
        "cache_entries_removed",
        "listeners_removed",
        "history_records_removed",
        "bounded_cache_entries_removed",
    ] {
        assert_eq!(cleared[field], 7, "{field}");
    }
    assert_eq!(server.get_json("/admin/leaks/status")["cap"]["held_bytes"], 0);
}

#[test]
fn status_tells_memory_cap_and_attribution() {
    let server = Server::start(&[]);
    let status = server.get_json("/admin/leaks/status");
    for field in ["rss_mb", "vms_mb", "growth_since_start_mb"] {
        assert!(status["memory"][field].is_number(), "{field}: {status}");
    }
    assert!(number(&status["memory"]["rss_mb"]) > 1.0);
    assert_eq!(status["cap"]["max_held_bytes"], 1 << 30);
    assert_eq!(status["attribution"], json!({ "enabled": true, "reason": null }));
    assert_eq!(
        status["leaks"]["cache"]["gauges"],
        json!(["leak_cache_entries_total", "leak_cache_size_bytes"])
    );
    assert_eq!(status["decoys"]["bounded_cache"]["max_entries"], 1000);
    let listed = server.get_json("/admin/leaks");
    let listed = listed["catalogue"].as_array().expect("a list");
    let named = |role| {
        let of_role = listed.iter().filter(move |entry| entry["role"] == role);
        of_role.map(|entry| entry["name"].as_str().expect("a name"))
    };
    assert!(named("leak").zip(LEAKS).all(|(name, contract)| name == contract));
    assert_eq!(named("decoy").next(), Some("bounded_cache"));
    for entry in listed {
        assert!(entry["description"].is_string() && entry["resource"].is_string(), "{entry}");
        assert_eq!(entry["state"]["enabled"], false, "{entry}");
        let by_the_clock = ["step", "batch", "burst_retention"].map(|name| json!(name));
        let share = (!by_the_clock.contains(&entry["name"])).then_some(1.0);
        assert_eq!(entry["parameters"]["share"]["value"].as_f64(), share, "{entry}");
    }
}

#[test]
fn controls_say_which_requests_touch_and_when() {
    let server = Server::start(&[]);
    let state = || server.get_json("/admin/leaks/status")["leaks"]["cache"].clone();
    assert_eq!(state()["since"], json!(null));
    server.post_json("/admin/leaks/cache", r#"{"enabled": true, "share": 0.3}"#);
    let since = state()["since"].clone();
    assert!(since.as_str().is_some_and(|since| since.ends_with('Z')), "{since}");
    server.load(100);
    assert_eq!((&state()["requests"], &state()["entries"]), (&json!(30), &json!(30)));
    server.post_json("/admin/leaks/cache", r#"{"enabled": true, "start_after": "1h"}"#);
    server.load(10);
    assert_eq!((&state()["requests"], &state()["since"]), (&json!(30), &since));
    let body = r#"{"start_after": 0, "share": 1, "endpoint": "/api/search"}"#;
    assert_eq!(server.post_json("/admin/leaks/cache", body)["endpoint"], "/api/search");
    server.load(10);
    assert_eq!(state()["requests"], 30);
}

#[test]
fn events_by_time_need_no_requests() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/history", r#"{"enabled": true, "per_second": 200}"#);
    let entries = || number(&server.get_json("/admin/leaks/status")["leaks"]["history"]["entries"]);
    wait_for("50 records", || (entries() >= 50.0).then_some(()));
    let cleared = server.post_json("/admin/leaks/history", r#"{"per_second": null}"#);
    let kept = number(&cleared["entries"]);
    server.load(3);
    // Events that were being given while the answer was made may still have arrived.
    wait_for("three more", || (entries() >= kept + 3.0).then_some(()));
}

#[test]
fn a_patched_leak_serves_on_and_grows_no_more() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(20);
    let answer = server.post_json("/admin/leaks/cache", r#"{"patched": true}"#);
    assert_eq!((&answer["patched"], &answer["entries"]), (&json!(true), &json!(20)));
    server.load(300);
    let state = &server.get_json("/admin/leaks/status")["leaks"]["cache"];
    assert_eq!((&state["entries"], &state["requests"]), (&json!(120), &json!(320)));
}

#[test]
fn at_the_cap_leaks_stop_growing_and_say_so() {
    let server = Server::start(&["--max-held", "1MiB"]);
    for name in LEAKS {
        server.post_json(&format!("/admin/leaks/{name}"), r#"{"enabled": true}"#);
    }
    server.load(200);
    let status = server.get_json("/admin/leaks/status");
    let held_bytes = number(&status["cap"]["held_bytes"]);
    assert!((0.95..=1.0).contains(&(held_bytes / 1_048_576.0)), "{status}");
    assert_eq!(status["cap"]["capped"], true);
    for name in LEAKS {
        assert_eq!(status["leaks"][name]["capped"], true, "{name}");
    }
    assert_eq!(server.get_json("/api/data")["leaks_triggered"], json!([]));
    server.post_json("/admin/leaks/clear", "");
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["cap"]["capped"], false);
    assert_eq!(server.get_json("/api/data")["leaks_triggered"], json!(LEAKS));
}

#[test]
fn what_cannot_be_cleared_is_refused_with_the_reason_and_named_by_a_clear_of_all() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/forgotten", r#"{"enabled": true}"#);
    server.post_json("/admin/leaks/history", r#"{"enabled": true}"#);
    server.load(20);
    let refused = server.post("/admin/leaks/clear", r#"{"leak_type": "forgotten"}"#);
    assert_eq!(refused.status, 409);
    for said in ["no owner", "restart"] {
        assert!(refused.text.contains(said), "{}", refused.text);
    }
    let cleared = server.post_json("/admin/leaks/clear", "");
    assert_eq!(cleared["history_records_removed"], 20);
    assert_eq!(cleared["not_cleared"][0]["leak"], "forgotten");

    let state = server.post_json("/admin/leaks/forgotten", r#"{"patched": true}"#);
    assert_eq!(state["entries"], 20);
    server.load(50);
    let held =
        || number(&server.get_json("/admin/leaks/status")["leaks"]["forgotten"]["held_bytes"]);
    let patched = held();
    server.load(200);
    assert!(close(held(), patched), "it grows no more");
}

#[test]
fn a_queue_is_as_long_as_its_consumer_is_slow() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/queue", r#"{"enabled": true}"#);
    server.load(50);
    let entries = || number(&server.get_json("/admin/leaks/status")["leaks"]["queue"]["entries"]);
    assert!(entries() >= 49.0, "the consumer takes one record a minute");
    server.post_json("/admin/leaks/queue", r#"{"consumer_time": "1ms"}"#);
    wait_for("the backlog to drain", || (entries() == 0.0).then_some(()));
}
