//! The metrics of the contract, and those beside.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::server::{Server, close, number};

#[test]
fn metrics_count_requests_by_route_and_follow_the_leaks() {
    let server = Server::start(&[]);
    server.post_json("/admin/leaks/history", r#"{"enabled": true}"#);
    server.post_json("/admin/leaks/bounded_cache", r#"{"enabled": true, "max_entries": 10}"#);
    server.load(25);
    for path in ["/a", "/b", "/c?d=e"] {
        assert_eq!(server.get(path).status, 404);
    }
    let state = &server.get_json("/admin/leaks/status")["leaks"]["history"];
    assert!(close(server.metric("leak_history_entries_total"), 25.0));
    assert!(close(server.metric("leak_history_size_bytes"), number(&state["held_bytes"])));
    assert!(close(server.metric("bounded_cache_entries"), 10.0));
    assert!(close(server.metric("bounded_cache_evictions_total"), 15.0));
    for gauge in [
        "process_resident_memory_bytes",
        "process_resident_anon_bytes",
        "process_resident_file_bytes",
        "process_virtual_memory_bytes",
        "process_open_fds",
        "process_threads",
        "tasks_alive",
        "process_start_time_seconds",
        "allocator_in_use_bytes",
        "allocator_active_bytes",
        "allocator_resident_bytes",
    ] {
        assert!(server.metric(gauge) > 0.0, "{gauge}");
    }
    for gauge in [
        "leak_cache_entries_total",
        "leak_cache_size_bytes",
        "leak_listeners_total",
        "leak_listeners_size_bytes",
        "bounded_cache_size_bytes",
        "allocator_retained_bytes",
        "process_resident_shmem_bytes",
        "process_children",
        "memory_growth_rate_bytes_per_second",
    ] {
        server.metric(gauge);
    }
    let text = server.get("/metrics").text;
    let counted = |endpoint, status| {
        format!(
            "http_requests_total{{endpoint=\"{endpoint}\",method=\"GET\",service=\"leaky-service\",status=\"{status}\"}} "
        )
    };
    assert!(text.contains(&format!("{}25\n", counted("/api/data", 200))), "{text}");
    assert!(text.contains(&format!("{}3\n", counted("unmatched", 404))), "{text}");
    for bound in ["0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "+Inf"] {
        let bucket = format!(
            "http_request_duration_seconds_bucket{{endpoint=\"/api/data\",method=\"GET\",service=\"leaky-service\",le=\"{bound}\"}}"
        );
        assert!(text.contains(&bucket), "{bucket}");
    }
}

#[test]
fn a_request_id_as_label_makes_each_scrape_longer_until_it_is_patched() {
    let server = Server::start(&["--bytes-per-request", "4KiB"]);
    let lines = || -> Vec<usize> {
        let text = server.get("/metrics").text;
        text.lines().filter(|line| line.starts_with("app_requests_total{")).map(str::len).collect()
    };
    server.post_json("/admin/leaks/labels", r#"{"enabled": true}"#);
    server.load(10);
    let scraped = lines();
    assert_eq!(scraped.len(), 10);
    assert!(scraped.iter().all(|&length| length > 3000), "{scraped:?}");
    server.post_json("/admin/leaks/labels", r#"{"patched": true}"#);
    server.load(20);
    assert_eq!(lines(), scraped);
    let by_endpoint = "app_requests_by_endpoint_total{endpoint=\"/api/data\"} 20";
    assert!(server.get("/metrics").text.contains(by_endpoint));
    server.post_json("/admin/leaks/clear", r#"{"leak_type": "labels"}"#);
    assert!(lines().is_empty());
}

#[test]
fn alive_tasks_are_told_and_fall_when_the_leaked_ones_are_ended() {
    let server = Server::start(&[]);
    let alive = || server.metric("tasks_alive");
    server.post_json("/admin/leaks/tasks", r#"{"enabled": true}"#);
    server.load(200);
    assert!((200.0..250.0).contains(&alive()), "{} tasks for 200 requests", alive());
    let cleared = server.post_json("/admin/leaks/clear", r#"{"leak_type": "tasks"}"#);
    assert_eq!(cleared["entries_removed"], 200);
    assert!(alive() < 50.0, "{} tasks are left", alive());
    assert!(close(server.metric("leak_tasks_held_bytes"), 0.0));
}

#[test]
fn whatever_clients_invent_the_metrics_grow_by_no_series() {
    const CONNECTIONS: usize = 100;
    const METHODS: [&str; 5] = ["GET", "HEAD", "PUT", "BREW", "x-Y_z"];
    let server = Server::start(&[]);
    let invent = |number: usize| {
        let method = METHODS[number % METHODS.len()];
        let path = match number % 4 {
            0 => format!("/nowhere/{number}"),
            1 => format!("/admin/leaks/leak-{number}"),
            2 => format!("/api/data/{number}?{number}={number}"),
            _ => format!("/api/data?{number}"),
        };
        format!("{method} {path} HTTP/1.1\r\nhost: host-{number}\r\nuser-agent: {number}\r\n")
    };
    // 100 requests on each connection: every method at every kind of path, several times.
    let send = |connection: usize| {
        let numbers = connection * 100..(connection + 1) * 100;
        let last = numbers.end - 1;
        let heads = numbers.map(|number| {
            let end = if number == last { "connection: close\r\n\r\n" } else { "\r\n" };
            invent(number) + end
        });
        let mut stream = TcpStream::connect(&server.address).expect("it listens");
        stream.write_all(heads.collect::<String>().as_bytes()).expect("it reads");
        let mut answers = Vec::new();
        stream.read_to_end(&mut answers).expect("it answers all of them");
        assert_eq!(String::from_utf8_lossy(&answers).matches("HTTP/1.1 ").count(), 100);
    };
    let series = || -> Vec<String> {
        let text = server.get("/metrics").text;
        let name = |line: &str| line.rsplit_once(' ').map(|(name, _)| name.to_owned());
        text.lines().filter(|line| !line.starts_with('#')).filter_map(name).collect()
    };
    series();
    send(0);
    let before = series();
    assert!(before.iter().any(|name| name.contains("method=\"OTHER\"")), "{before:#?}");
    (1..=CONNECTIONS).for_each(send);
    let after = series();
    assert_eq!(after, before);
    let requests = "http_requests_total{endpoint=\"unmatched\",method=\"OTHER\",service=\"leaky-service\",status=\"404\"} ";
    let text = server.get("/metrics").text;
    let counted = text.lines().find_map(|line| line.strip_prefix(requests)?.parse::<u64>().ok());
    assert!(counted.is_some_and(|count| count >= 2000), "{counted:?}");
}
