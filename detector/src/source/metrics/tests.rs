//! Pages, and servers of one answer each.

#![expect(clippy::float_cmp, reason = "these numbers are carried, not computed")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use super::*;

const PAGE: &str = "\
# TYPE http_requests_total counter
http_requests_total{status=\"200\"} 90
http_requests_total{status=\"500\"} 10
# TYPE sessions gauge
sessions{kind=\"b\",area=\"a\"} 7
# TYPE debt gauge
debt -3
# TYPE odd gauge
odd NaN
# TYPE retries_total counter
retries_total 5
# TYPE duration_seconds histogram
duration_seconds_bucket{le=\"+Inf\"} 4
duration_seconds_sum 2
duration_seconds_count 4
queue_depth 12
# TYPE process_resident_memory_bytes gauge
process_resident_memory_bytes 1000
# TYPE allocator_in_use_bytes gauge
allocator_in_use_bytes 800
# TYPE my_heap gauge
my_heap{arena=\"0\"} 300
my_heap{arena=\"1\"} 400
go_goroutines 17
";

fn source(url: &str, heap: Option<&str>) -> MetricsSource {
    MetricsSource::new(url.to_owned(), None, heap.map(str::to_owned), None)
        .expect("a usable address")
}

/// Answers one connection with these bytes and gives what `add_to` makes of it.
fn against(answer: Vec<u8>, heap: Option<&str>) -> Result<Observation, SampleError> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/metrics", listener.local_addr().expect("bound"));
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 1024];
        let length = stream.read(&mut request).expect("a request");
        // The client may hang up early, on a body that is too large.
        let _ = stream.write_all(&answer);
        String::from_utf8_lossy(&request[..length]).to_lowercase()
    });
    let mut observation = Observation::default();
    let added = source(&url, heap).add_to(&mut observation, &mut BTreeSet::new());
    let request = server.join().expect("the server ends");
    assert!(!request.contains("authorization"), "{request}");
    added.map(|_| observation)
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn refusal(answer: &[u8], heap: Option<&str>) -> MetricsError {
    match against(answer.to_vec(), heap) {
        Err(SampleError::Metrics { url, source }) => {
            assert!(url.ends_with("/metrics"), "{url}");
            source
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn only_gauges_and_untyped_samples_become_candidates() {
    let seen = against(ok(PAGE.as_bytes()), None).expect("a page");
    let gauges: Vec<(&str, f64)> = seen.gauges.iter().map(|(k, v)| (k.as_str(), *v)).collect();
    assert_eq!(
        gauges,
        [
            ("my_heap{arena=\"0\"}", 300.0),
            ("my_heap{arena=\"1\"}", 400.0),
            ("queue_depth", 12.0),
            ("sessions{area=\"a\",kind=\"b\"}", 7.0),
        ]
    );
    assert_eq!(seen.requests_total, Some(100.0));
    assert_eq!(seen.signals[&Signal::HeapBytes], 800.0);
    assert_eq!(seen.signals[&Signal::Tasks], 17.0);
}

#[test]
fn the_heap_gauge_that_is_asked_for_is_summed_and_is_no_candidate() {
    let seen = against(ok(PAGE.as_bytes()), Some("my_heap")).expect("a page");
    assert_eq!(seen.signals[&Signal::HeapBytes], 700.0);
    assert!(!seen.gauges.keys().any(|name| name.starts_with("my_heap")));
}

#[test]
fn counters_are_summed_by_name_and_one_of_thresholds_is_not_counted_at_each() {
    let text = "\
# TYPE growth_total counter
growth_total{endpoint=\"/a\",threshold_bytes=\"10\"} 4
growth_total{endpoint=\"/a\",threshold_bytes=\"50\"} 3
growth_total{endpoint=\"/b\",threshold_bytes=\"10\"} 2
# TYPE http_requests_total counter
http_requests_total{status=\"200\"} 90
http_requests_total{status=\"500\"} 10
# TYPE pause_seconds summary
pause_seconds_sum 2
pause_seconds_count 7
# TYPE other_total counter
other_total 5
";
    let names = ["growth_total", "http_requests_total", "pause_seconds_count", "absent_total"];
    let mut source = source("http://host/metrics", None);
    source.ask_for(&names.map(str::to_owned).into());
    let page = source.read(text).expect("a page");
    let mut observation = Observation::default();
    let sums = page.add_rest_to(&mut observation, &mut BTreeSet::new());
    let expected =
        [("growth_total", 6.0), ("http_requests_total", 100.0), ("pause_seconds_count", 7.0)];
    assert_eq!(sums, expected.map(|(name, value)| (name.to_owned(), value)).into());
    assert_eq!(observation.requests_total, Some(100.0));
    assert!(observation.gauges.is_empty());
}

/// What restates the process is no candidate for a cause, and a rule may be about it all the same.
#[test]
fn gauges_are_asked_for_by_name_and_labels_and_summed_over_the_others() {
    let text = "\
# TYPE objects gauge
objects{kind=\"a\",shard=\"1\"} 4
objects{shard=\"2\",kind=\"a\"} 3
objects{kind=\"b\\\"\",shard=\"1\"} 2
# TYPE go_goroutines gauge
go_goroutines 12
";
    let names = [
        ("objects", Some(9.0)),
        (r#"objects{kind="a"}"#, Some(7.0)),
        (r#"objects{ shard = "1", kind="b\"" }"#, Some(2.0)),
        (r#"objects{kind="c"}"#, None),
        ("go_goroutines", Some(12.0)),
        ("objects{", None),
    ];
    let mut source = source("http://host/metrics", None);
    source.ask_for(&names.map(|(name, _)| name.to_owned()).into());
    let page = source.read(text).expect("a page");
    let sums = page.add_rest_to(&mut Observation::default(), &mut BTreeSet::new());
    for (name, value) in names {
        assert_eq!(sums.get(name).copied(), value, "{name}");
    }
}

#[test]
fn each_way_to_fail_is_told_apart() {
    let page = ok(PAGE.as_bytes());
    assert!(matches!(refusal(&page, Some("none")), MetricsError::NoHeapGauge { .. }));
    let status = |line: &str| format!("HTTP/1.1 {line}\r\ncontent-length: 0\r\n\r\n").into_bytes();
    let unauthorised = refusal(&status("401 Unauthorized"), None);
    assert!(matches!(unauthorised, MetricsError::Unauthorised { status: 401, .. }));
    assert!(matches!(refusal(&status("404 Not Found"), None), MetricsError::Status(404)));
    assert!(matches!(refusal(&ok(b"<html>\n"), None), MetricsError::Garbage(_)));
    assert!(matches!(refusal(&ok(b"x\xff 1\n"), None), MetricsError::Body(_)));
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx 1\n";
    assert!(matches!(refusal(cut, None), MetricsError::Body(_)));
    assert!(matches!(refusal(b"no http at all\r\n\r\n", None), MetricsError::Unreachable(_)));
}

#[test]
fn an_endless_page_is_given_up_at_the_bound() {
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(LARGEST_PAGE_BYTES as usize + 100_000, b'\n');
    assert!(matches!(refusal(&endless, None), MetricsError::Body(_)));
}

#[test]
fn nobody_at_the_address_is_unreachable() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|bound| bound.local_addr());
    let url = format!("http://{}/metrics", free.expect("a port that is free again"));
    let error = source(&url, None).add_to(&mut Observation::default(), &mut BTreeSet::new());
    let unreachable = MetricsError::Unreachable(ureq::Error::HostNotFound);
    match error {
        Err(SampleError::Metrics { source, .. }) => {
            assert_eq!(source.to_string(), unreachable.to_string());
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn an_address_without_http_is_refused_before_anything_is_asked() {
    for url in [
        "127.0.0.1:8080/metrics",
        "ftp://host/metrics",
        "http://",
        "https://",
        "",
        "file:///x",
        "http://host:port/metrics",
    ] {
        let refused = MetricsSource::new(url.to_owned(), None, None, None);
        let address = matches!(
            refused,
            Err(SampleError::Metrics { source: MetricsError::Address(BadAddress::NotHttp), .. })
        );
        assert!(address, "{url}");
    }
}

#[test]
fn credentials_in_an_address_are_refused_and_not_repeated() {
    for url in [
        "http://user:secret@host/metrics",
        "http://secret@host/metrics",
        "http://user:se@cret@host/metrics",
        "http://user:secret/secret@host/metrics",
        "http://user:secret?secret@host/metrics",
        "https://user:secret@host/metrics",
        "user:secret@host/metrics",
    ] {
        match MetricsSource::new(url.to_owned(), None, None, None) {
            Err(SampleError::Metrics { url: shown, source }) => {
                assert!(
                    matches!(source, MetricsError::Address(BadAddress::Credentials)),
                    "{url}: {source}"
                );
                assert!(!shown.contains("cret") && shown.ends_with("host/metrics"), "{shown}");
            }
            other => panic!("expected a refusal of {url}, got {other:?}"),
        }
    }
    let at_in_path = MetricsSource::new("http://host/m@1?q=a@b".to_owned(), None, None, None);
    assert!(at_in_path.is_ok());
}
