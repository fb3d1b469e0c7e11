//! Pages, without a server.

#![expect(clippy::float_cmp, reason = "these numbers are carried, not computed")]

use super::*;

fn entity(wanted: &[Signal]) -> JsonEntity {
    let page = MetricsSource::new("http://127.0.0.1:1/memory".to_owned(), None, None, None);
    JsonEntity::new(page.expect("an address"), wanted)
}

const PAGE: &str = r#"{"heap_alloc_mb": 12.5, "heap_inuse_mb": 16, "heap_idle_mb": 3, "stack_inuse_mb": 0.5,
    "num_gc": 7, "num_goroutine": 42, "last_gc_pause_ms": 0.1, "status": "ok", "debt": -3,
    "app": {"sessions": 9, "list": [1, 2]}}"#;

#[test]
fn heap_and_tasks_are_signals_and_what_restates_memory_is_no_cause() {
    let numbers = entity(&[]).read(PAGE).expect("a page");
    let signals = numbers.signals();
    assert_eq!(signals[&Signal::HeapBytes], 16.0 * 1024.0 * 1024.0);
    assert_eq!(signals[&Signal::Tasks], 42.0);
    assert_eq!(signals.len(), 2);
    let candidates: Vec<String> = numbers.candidates().into_keys().collect();
    assert_eq!(candidates, ["app.sessions", "last_gc_pause_ms"]);
}

#[test]
fn rules_may_name_every_number_by_its_path_or_by_a_last_part_that_is_its_own() {
    let page = r#"{"heap_inuse_mb": 16, "heap_idle_mb": 3, "num_gc": 7, "num_goroutine": 42, "debt": -3,
        "queue": 1, "in": {"queue": 2, "lag": 3}, "out": {"lag": 4, "sessions": 9}}"#;
    let numbers = entity(&[]).read(page).expect("a page");
    let told = [
        ("heap_idle_mb", Some(3.0)),
        ("heap_inuse_mb", Some(16.0)),
        ("in.lag", Some(3.0)),
        ("num_gc", Some(7.0)),
        ("num_goroutine", Some(42.0)),
        ("queue", Some(1.0)),
        ("sessions", Some(9.0)),
        ("debt", None),
        ("lag", None),
        ("queue{a=\"b\"}", None),
    ];
    let names = told.map(|(name, _)| name.to_owned()).into();
    let found = numbers.all_of(&names);
    for (name, value) in told {
        assert_eq!(found.get(name).copied(), value, "{name}");
    }
}

#[test]
fn a_page_without_memory_is_a_missing_metric_and_no_json_is_garbage() {
    let missing = |wanted: &[Signal], text: &str| entity(wanted).read(text).expect_err("refused");
    assert!(matches!(missing(&[], r#"{"status": "ok"}"#), MetricsError::NoSignal { .. }));
    assert!(matches!(missing(&[], "[1, 2]"), MetricsError::NoSignal { .. }));
    assert!(matches!(missing(&[Signal::Fds], PAGE), MetricsError::NoSignal { .. }));
    for garbage in ["", "<html>", r#"{"heap_alloc_mb": 1"#, &"[".repeat(100_000)] {
        assert!(matches!(missing(&[], garbage), MetricsError::NotJson(_)), "{garbage:.20}");
    }
}
