//! Growth events: which requests raise resident memory, by endpoint and threshold.

use crate::server::Server;

const ENTRY: &str = r#"{"enabled": true, "bytes_per_request": "12MiB", "endpoint": "/api/orders"}"#;

#[test]
fn requests_that_raise_resident_memory_are_counted_by_endpoint_and_threshold() {
    let server = Server::start(&["--growth-thresholds", "4MiB,10MiB,50MiB"]);
    let events = |endpoint: &str, threshold_mib: u64| {
        let bytes = threshold_mib << 20;
        let labels = format!("{{endpoint=\"{endpoint}\",threshold_bytes=\"{bytes}\"}}");
        count(&server, &format!("memory_growth_events_total{labels} "))
    };
    assert_eq!(events("/api/upload", 50), Some(0), "there before the first event");
    server.post_json("/admin/leaks/history", ENTRY);
    for _ in 0..5 {
        assert_eq!(server.get("/api/orders").status, 200);
        server.load(10);
    }
    for threshold_mib in [4, 10] {
        assert_eq!(events("/api/orders", threshold_mib), Some(5), "{threshold_mib}");
        assert_eq!(events("/api/data", threshold_mib), Some(0), "{threshold_mib}");
    }
    assert_eq!(events("/api/orders", 50), Some(0));
    assert_eq!(measured(&server, "/api/data"), Some(50));
}

#[test]
fn memory_outside_the_allocator_counts_as_well() {
    let server = Server::start(&[]);
    let leak = r#"{"enabled": true, "bytes_per_request": "12MiB"}"#;
    server.post_json("/admin/leaks/mappings", leak);
    server.load(3);
    let events = "memory_growth_events_total{endpoint=\"/api/data\",threshold_bytes=\"10485760\"} ";
    assert_eq!(count(&server, events), Some(3));
}

#[test]
fn sampling_measures_its_share_of_the_requests() {
    for (sampling, expected) in [("0", 0), ("0.1", 10)] {
        let server = Server::start(&["--growth-sampling", sampling]);
        server.load(100);
        // The first requests are those of this test; a scrape is measured after its own text.
        assert_eq!(measured(&server, "/api/data"), Some(expected), "{sampling}");
    }
}

fn measured(server: &Server, endpoint: &str) -> Option<u64> {
    let name = "memory_growth_measured_requests_total";
    count(server, &format!("{name}{{endpoint=\"{endpoint}\"}} "))
}

/// The value of the metric whose line begins so.
fn count(server: &Server, line: &str) -> Option<u64> {
    let text = server.get("/metrics").text;
    text.lines().find_map(|found| found.strip_prefix(line)?.parse().ok())
}
