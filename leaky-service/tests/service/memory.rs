//! Memory introspection: diff, snapshot, overview, gc.

use std::process::Command;

use serde_json::{Value, json};

use crate::LEAKS;
use crate::server::{PROGRAM, Server, close, number};

#[test]
fn diff_names_the_line_that_leaks_with_its_bytes_and_blocks() {
    const REQUESTS: usize = 300;
    let server = Server::start(&[]);
    for name in LEAKS {
        let file = format!("leaky-service/src/leak/{name}.rs");
        server.load(50);
        server.post_json(&format!("/admin/leaks/{name}"), r#"{"enabled": true}"#);
        server.get("/admin/memory/diff");
        server.load(REQUESTS);
        let diff = server.get_json("/admin/memory/diff");
        assert_eq!(diff["status"], "diff_computed");
        assert!(diff["tip"].is_string());
        let growing = diff["growing_allocations"].as_array().expect("a list");
        assert!((1..=20).contains(&growing.len()));

        let (found, line) = place(&growing[0]["location"]);
        assert_eq!(found, file, "{diff:#}");
        let source =
            std::fs::read_to_string(format!("{}/src/leak/{name}.rs", env!("CARGO_MANIFEST_DIR")));
        let source = source.expect("the source is here");
        let text = source.lines().nth(line - 1).expect("the line exists");
        assert!(text.contains("FACTS.fill"), "{file}:{line} allocates no payload: {text}");

        let ours: Vec<_> = growing.iter().filter(|row| place(&row["location"]).0 == file).collect();
        let bytes: f64 = ours.iter().map(|row| number(&row["size_diff_bytes"])).sum();
        let expected = (REQUESTS * 10240) as f64;
        assert!((bytes / expected - 1.0).abs() < 0.02, "{bytes} of {expected}: {diff:#}");
        assert!(
            ours.iter().any(|row| row["count_diff"] == REQUESTS),
            "one block per entry: {diff:#}"
        );
        let first = &growing[0];
        assert!(close(number(&first["size_diff_kb"]), number(&first["size_diff_bytes"]) / 1024.0));
        assert!(number(&first["current_size_kb"]) >= number(&first["size_diff_kb"]));
        assert!(number(&diff["total_growth_mb"]) >= expected * 0.98 / 1_048_576.0);

        server.post_json(&format!("/admin/leaks/{name}"), r#"{"enabled": false}"#);
        server.post_json("/admin/leaks/clear", "");
    }
}

#[test]
fn diff_names_the_line_of_leaks_that_keep_their_blocks_in_other_places() {
    let server = Server::start(&[]);
    for (name, allocates) in [
        ("cycles", "FACTS.fill"),
        ("queue", "FACTS.fill"),
        ("slices", "FACTS.fill"),
        ("labels", "get_metric_with_label_values"),
        ("capacity", "Vec::with_capacity"),
        ("forgotten", "FACTS.fill"),
    ] {
        let path = format!("/admin/leaks/{name}");
        server.load(50);
        server.post_json(&path, r#"{"enabled": true}"#);
        server.get("/admin/memory/diff");
        server.load(100);
        let diff = server.get_json("/admin/memory/diff");
        let (file, line) = place(&diff["growing_allocations"][0]["location"]);
        assert_eq!(file, format!("leaky-service/src/leak/{name}.rs"), "{diff:#}");
        let source = format!("{}/src/leak/{name}.rs", env!("CARGO_MANIFEST_DIR"));
        let source = std::fs::read_to_string(source).expect("the source is here");
        let text = source.lines().nth(line - 1).expect("the line exists");
        assert!(text.contains(allocates), "{file}:{line} is {text}");
        server.post_json(&path, r#"{"enabled": false}"#);
        server.post_json("/admin/leaks/clear", "");
    }
}

#[test]
fn the_parts_of_memory_add_up_to_what_is_resident() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(300);
    let memory = server.get_json("/admin/leaks/status")["memory"].clone();
    let parts = memory["parts"].as_object().expect("the kernel tells kinds");
    let sum: f64 = parts.values().map(number).sum();
    assert!(close(sum, number(&memory["rss_bytes"])), "{memory}");
    assert!(number(&parts["allocator_in_use_bytes"]) > 300.0 * 10240.0, "{memory}");
    assert!(number(&parts["file_bytes"]) > 0.0, "the program itself is a file: {memory}");
}

#[test]
fn memory_health_has_the_fields_that_other_tools_poll() {
    let server = Server::start(&[]);
    let before = server.get_json("/health/memory");
    assert_eq!((&before["num_gc"], &before["last_gc_pause_ms"]), (&json!(0), &json!(0.0)));
    for field in ["heap_alloc_mb", "heap_inuse_mb", "heap_idle_mb", "stack_inuse_mb"] {
        assert!(number(&before[field]) >= 0.0, "{field}: {before}");
    }
    assert!(number(&before["heap_alloc_mb"]) > 0.0);
    assert!(number(&before["num_goroutine"]) >= 1.0, "{before}");
    server.post_json("/admin/gc", "");
    let after = server.get_json("/health/memory");
    assert_eq!(after["num_gc"], 1);
    assert!(number(&after["last_gc_pause_ms"]) > 0.0, "{after}");
}

#[test]
fn the_first_diff_sets_the_baseline() {
    let server = Server::start(&[]);
    let first = server.get_json("/admin/memory/diff");
    assert_eq!(first["status"], "baseline_set");
    assert!(first["message"].is_string() && first["baseline_size_mb"].is_number());
}

#[test]
fn memory_snapshot_and_gc_answer_with_the_contracts_fields() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(500);
    let snapshot = server.get_json("/admin/memory/snapshot");
    assert!(snapshot["timestamp"].is_string() && snapshot["tip"].is_string());
    assert!(number(&snapshot["total_traced_mb"]) > 4.8);
    assert!(number(&snapshot["peak_traced_mb"]) >= number(&snapshot["total_traced_mb"]));
    let (files, lines) = (&snapshot["by_file"], &snapshot["by_line"]);
    assert_eq!(files[0]["filename"], "leaky-service/src/leak/cache.rs");
    assert!((number(&files[0]["size_mb"]) / (500.0 * 10240.0 / 1_048_576.0) - 1.0).abs() < 0.02);
    assert!(number(&files[0]["count"]) >= 500.0);
    assert!(files.as_array().expect("a list").len() <= 15);
    assert_eq!(place(&lines[0]["location"]).0, "leaky-service/src/leak/cache.rs");
    assert!(lines.as_array().expect("a list").len() <= 20);

    let memory = server.get_json("/admin/memory");
    assert_eq!(memory["process"]["pid"], server.pid());
    for field in ["rss_mb", "vms_mb", "percent"] {
        assert!(number(&memory["process"][field]) > 0.0, "{field}");
    }
    let top = memory["heap"]["top_allocations"].as_array().expect("a list");
    assert!((1..=10).contains(&top.len()));
    assert_eq!(memory["leaks"]["cache"]["entries"], 500);
    let options = &memory["runtime"]["options"];
    let expected = json!({
        "background_thread": true,
        "dirty_decay_ms": 1000,
        "muzzy_decay_ms": 0,
        "cache_oblivious": false,
    });
    assert_eq!(*options, expected, "the allocator runs with our options");

    server.post_json("/admin/leaks/clear", "");
    let gc = server.post_json("/admin/gc", "");
    assert!(gc["gc_results"].as_array().is_some_and(|steps| steps.len() == 2), "{gc}");
    let (before, after) = (number(&gc["memory_before_mb"]), number(&gc["memory_after_mb"]));
    assert!(close(number(&gc["freed_mb"]), before - after), "{gc}");
    assert!(gc["note"].is_string());
}

#[test]
fn without_debug_information_attribution_is_off_and_says_so_while_books_stay_exact() {
    let directory = tempfile::TempDir::new().expect("a directory for the program");
    let stripped = directory.path().join("leaky-service");
    // Comes with the C compiler, which building the allocator needs anyway.
    let strip = Command::new("strip").arg("-o").arg(&stripped).arg(PROGRAM).status();
    assert!(strip.expect("there is a strip").success());
    let server = Server::run(Command::new(&stripped));
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.load(100);
    let status = server.get_json("/admin/leaks/status");
    assert_eq!(status["attribution"]["enabled"], false);
    let reason = status["attribution"]["reason"].as_str().expect("a reason");
    assert!(reason.contains("debug = 1"), "{reason}");
    let measured = number(&status["leaks"]["cache"]["measured_bytes_per_request"]);
    assert!((measured / 10240.0 - 1.0).abs() < 0.02, "{measured}");
    let snapshot = server.get_json("/admin/memory/snapshot");
    assert_eq!(snapshot["attribution"]["enabled"], false);
    assert_eq!(snapshot["by_line"], json!([]), "nothing is invented");
    for path in ["/admin/memory/flamegraph", "/debug/pprof/heap"] {
        let refused = server.get(path);
        assert_eq!((refused.status, &refused.json()["hint"]), (501, &json!(reason)), "{path}");
    }
}

fn place(location: &Value) -> (String, usize) {
    let location = location.as_str().expect("a string");
    let (file, line) = location.rsplit_once(':').unwrap_or((location, "0"));
    (file.to_owned(), line.parse().unwrap_or(0))
}
