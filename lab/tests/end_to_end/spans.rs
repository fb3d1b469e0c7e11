//! A service whose collector is gone: by the detector, its memory is steady under load.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::{Bench, LEAKLAB, Running, stderr, stdout, utf8, wait_until};

/// Requests per second; the queue of spans is full after four seconds.
const RATE: &str = "500/s";

/// A queue that is not full before the test is over, and so has no bound as far as one can see.
const ENDLESS: &str = "100000";

#[test]
fn a_collector_that_is_gone_makes_no_leak_and_a_queue_without_a_bound_would() {
    // The exit codes of `detect check`: steady, and a leak.
    for (queue, spans, expected) in [("default", None, 0), ("endless", Some(ENDLESS), 1)] {
        let bench = Bench::new();
        let (server, address) = serve(&bench, spans);
        let _load = load(&format!("http://{address}/api/data"));
        // Until connections, caches and the default queue have their final size.
        wait_until("the queue is full", || (requests(&address) > 4000).then_some(()));
        let pid = server.0.id().to_string();
        let output = bench.run(&[
            "detect",
            "check",
            &pid,
            "--for",
            "40s",
            "--confirm",
            "12s",
            "--every",
            "250ms",
        ]);
        let told = format!("{queue}: {}{}", stdout(&output), stderr(&output));
        assert_eq!(output.status.code(), Some(expected), "{told}");
    }
}

fn serve(bench: &Bench, spans: Option<&str>) -> (Running, String) {
    // Nobody listens there any more.
    let gone = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address_file = bench.path("address");
    let mut command = bench.command(&["serve", "--listen", "127.0.0.1:0", "--delay", "0s"]);
    command.args(["--address-file", utf8(&address_file)]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", gone.expect("a port")));
    command.env("OTEL_BSP_SCHEDULE_DELAY", "500");
    if let Some(spans) = spans {
        command.env("OTEL_BSP_MAX_QUEUE_SIZE", spans);
        // Or else it would be emptied into exports that fail.
        command.env("OTEL_BSP_SCHEDULE_DELAY", "3600000");
        command.env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", spans);
    }
    let server = Running(command.stdout(Stdio::null()).spawn().expect("the service starts"));
    let address = wait_until("the service listens", || std::fs::read_to_string(&address_file).ok());
    (server, address.trim().to_owned())
}

fn load(url: &str) -> Running {
    let mut command = Command::new(LEAKLAB);
    command.args(["load", "--rate", RATE, "--duration", "2m", "--connections", "10", url]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    Running(command.spawn().expect("the load starts"))
}

/// Requests that the service has answered.
fn requests(address: &str) -> u64 {
    let page = ureq::get(&format!("http://{address}/metrics")).call();
    let page = page.and_then(|mut page| page.body_mut().read_to_string()).expect("its metrics");
    let line = |line: &str| {
        line.strip_prefix("http_requests_total{endpoint=\"/api/data\"")?
            .rsplit_once(' ')?
            .1
            .parse()
            .ok()
    };
    page.lines().find_map(line).unwrap_or(0)
}
