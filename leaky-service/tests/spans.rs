//! Spans as a collector receives them, and what becomes of a service whose collector is gone.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[path = "spans/collector.rs"]
mod collector;
#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "service/server.rs"]
mod server;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::NamedTempFile;

use collector::{Collector, attribute, hexadecimal};
use server::{Server, command, number, wait_for};

const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// What makes spans arrive before a test loses patience.
const SOON: (&str, &str) = ("OTEL_BSP_SCHEDULE_DELAY", "50");

/// More than draining and sending may take together, on a busy machine.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

#[test]
fn each_request_is_a_span_in_the_words_of_the_conventions() {
    let collector = Collector::start();
    let server = serve(&collector, &[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true}"#);
    server.post_json("/admin/leaks/bounded_cache", r#"{"enabled": true}"#);
    let answer = server.get_json("/api/data");
    assert_eq!(server.get("/no/such/place").status, 404);
    let spans = wait_for("four spans", || Some(collector.spans()).filter(|all| all.len() == 4));

    let data = named(&spans, "GET /api/data");
    assert_eq!(
        answer["trace_id"],
        hexadecimal(&data.trace_id),
        "the answer names its span's trace"
    );
    assert!(data.parent_span_id.is_empty() && data.kind == SpanKind::Server as i32, "{data:?}");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/api/data"),
        ("url.path", "/api/data"),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
        ("network.protocol.version", "1.1"),
        ("client.address", "127.0.0.1"),
    ] {
        assert_eq!(attribute(&data.attributes, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(
        attribute(&data.attributes, "leaklab.rss_rise_bytes"),
        None,
        "it is no growth event"
    );
    let events = data.events.iter().map(|event| {
        (event.name.as_str(), attribute(&event.attributes, "leaklab.pattern").expect("a name"))
    });
    let expected = [("leak", "cache".to_owned()), ("decoy", "bounded_cache".to_owned())];
    assert_eq!(events.collect::<Vec<_>>(), expected);
    assert!(data.end_time_unix_nano > data.start_time_unix_nano);

    let nowhere = named(&spans, "GET");
    assert_eq!(attribute(&nowhere.attributes, "http.response.status_code").as_deref(), Some("404"));
    assert_eq!(attribute(&nowhere.attributes, "http.route"), None);
    let change = named(&spans, "POST /admin/leaks/{name}");
    assert_eq!(attribute(&change.attributes, "url.path").as_deref(), Some("/admin/leaks/cache"));
    let resource = collector.received().remove(0).resource.expect("it says who it is");
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("leaky-service"));
}

#[test]
fn a_request_that_belongs_to_a_trace_continues_it_and_its_sampling() {
    let collector = Collector::start();
    let server = serve(&collector, &[("OTEL_SERVICE_NAME", "shop")]);
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let ask = |path: &str, traceparent: String| {
        let request = server.agent().get(server.url(path)).header("traceparent", traceparent);
        server::Answer::of(request.call()).json()
    };
    let unsampled = ask("/api/search", format!("00-{trace}-{parent}-00"));
    assert_eq!(unsampled["trace_id"], trace, "not sent, but of that trace");
    let sampled = ask("/api/data", format!("00-{trace}-{parent}-01"));
    assert_eq!(sampled["trace_id"], trace);
    let broken = ask("/api/orders", format!("00-{trace}-nonsense-01"));
    assert_ne!(broken["trace_id"], trace);
    wait_for("both spans", || (collector.spans().len() == 2).then_some(()));

    let spans = collector.spans();
    let data = named(&spans, "GET /api/data");
    assert_eq!(hexadecimal(&data.trace_id), trace);
    assert_eq!(hexadecimal(&data.parent_span_id), parent);
    let orders = named(&spans, "GET /api/orders");
    assert!(orders.parent_span_id.is_empty());
    let resource = collector.received().remove(0).resource.expect("it says who it is");
    assert_eq!(attribute(&resource.attributes, "service.name").as_deref(), Some("shop"));
}

#[test]
fn a_growth_event_says_in_its_span_by_how_much_memory_rose() {
    let collector = Collector::start();
    let server = serve(&collector, &[]);
    server.post_json("/admin/leaks/cache", r#"{"enabled": true, "bytes_per_request": "12MiB"}"#);
    server.load(1);
    let spans = wait_for("both spans", || Some(collector.spans()).filter(|all| all.len() == 2));
    let rise = attribute(&named(&spans, "GET /api/data").attributes, "leaklab.rss_rise_bytes");
    let rise: u64 = rise.expect("it is an event").parse().expect("a number");
    assert!((11 << 20..14 << 20).contains(&rise), "{rise}");
}

#[test]
fn what_is_left_is_sent_at_the_end() {
    let collector = Collector::start();
    // Nothing would be sent for an hour.
    let mut server = serve(&collector, &[("OTEL_BSP_SCHEDULE_DELAY", "3600000")]);
    server.load(20);
    assert!(collector.spans().is_empty());
    end(&mut server);
    assert_eq!(collector.spans().len(), 20);
}

#[test]
fn a_long_path_does_not_make_a_span_large() {
    let collector = Collector::start();
    let server = serve(&collector, &[]);
    assert_eq!(server.get(&format!("/{}", "x".repeat(30_000))).status, 404);
    let spans = wait_for("the span", || Some(collector.spans()).filter(|all| all.len() == 1));
    let path = attribute(&spans[0].attributes, "url.path").expect("a path");
    assert_eq!(path.len(), 256);
}

#[test]
fn what_spans_take_is_not_put_down_to_the_leaks() {
    let collector = Collector::start();
    let bytes_of = |server: Server| {
        server.post_json("/admin/leaks/history", r#"{"enabled": true}"#);
        server.load(500);
        number(&server.get_json("/admin/leaks/status")["leaks"]["history"]["held_bytes"])
    };
    let (with, without) = (bytes_of(serve(&collector, &[])), bytes_of(Server::start(&[])));
    assert!((with / without - 1.0).abs() < 1e-3, "{with} with spans, {without} without");
}

#[test]
fn the_service_ends_in_time_although_its_collector_never_answers() {
    // It accepts connections, by its backlog, and says nothing at all.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().map(|address| (silent, address)).expect("it is bound");
    // Nobody listens here any more.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    for address in [silent.1, gone.expect("it was bound")] {
        let endpoint = format!("http://{address}");
        // Left to itself, the exporter would wait for an answer for ten minutes.
        let patient = ("OTEL_EXPORTER_OTLP_TIMEOUT", "600000");
        let mut server = Server::start_with(&[], &[(ENDPOINT, &endpoint), SOON, patient]);
        server.load(3000);
        end(&mut server);
    }
}

#[test]
fn that_spans_cannot_be_sent_is_said_once() {
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let endpoint = format!("http://{}", gone.expect("it was bound"));
    let log = NamedTempFile::new().expect("a file for the log");
    let mut service = command();
    service.env(ENDPOINT, &endpoint).env(SOON.0, SOON.1);
    service.stderr(log.reopen().expect("the log is ours"));
    let mut server = Server::run(service);
    let said = || std::fs::read_to_string(log.path()).expect("the log is text");
    let warned = || said().matches("warning: spans cannot be sent, and are dropped").count();
    wait_for("the warning", || {
        server.load(1);
        (warned() > 0).then_some(())
    });
    for _ in 0..20 {
        server.load(1);
        std::thread::sleep(Duration::from_millis(10));
    }
    end(&mut server);
    assert_eq!(warned(), 1, "{}", said());
}

#[test]
fn without_a_collector_or_switched_off_nothing_is_sent() {
    let collector = Collector::start();
    for (name, value) in [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_SAMPLER", "always_off")] {
        let mut server = serve(&collector, &[(name, value)]);
        server.load(5);
        end(&mut server);
        assert_eq!(collector.spans(), [], "{name}");
    }
}

#[test]
fn settings_that_cannot_be_had_are_refused_before_anything_starts() {
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not an address"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://localhost:4317"),
    ] {
        let mut command = command();
        command.env(ENDPOINT, "http://127.0.0.1:4317").env(name, value);
        let output = command.args(["--listen", "127.0.0.1:0"]).output().expect("it starts");
        assert_eq!(output.status.code(), Some(2), "{name}={value}");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.starts_with("error: cannot send spans: ") && said.contains("OTEL_"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

fn serve(collector: &Collector, variables: &[(&str, &str)]) -> Server {
    let endpoint = collector.endpoint();
    // What comes later in the list counts.
    let variables = [&[(ENDPOINT, &*endpoint), SOON][..], variables].concat();
    Server::start_with(&[], &variables)
}

fn named<'a>(spans: &'a [Span], name: &str) -> &'a Span {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

fn end(server: &mut Server) {
    let began = Instant::now();
    let pid = i32::try_from(server.pid()).ok().and_then(Pid::from_raw).expect("a pid");
    kill_process(pid, Signal::TERM).expect("it runs");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < ENDS_WITHIN, "{:?}", began.elapsed());
}
