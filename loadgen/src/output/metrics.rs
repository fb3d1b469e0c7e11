//! Metrics for Prometheus while a run goes on, as of its last full second.
//!
//! Counters and histograms with fixed buckets, in the text format. The buckets are counted from the
//! HDR histograms, whose values are exact to 1 in 10^3, and so are the bounds.

use std::{
    fmt::Write,
    io,
    net::{Ipv4Addr, SocketAddr},
};

use hdrhistogram::Histogram;

use super::page_server::{Page, PageServer};
use crate::{
    collector::{Listener, Second},
    recording::Recording,
};

/// Upper bounds in seconds, three a decade from 100 us to 10 s.
const BUCKETS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

/// Keeps the page up to date and serves it until it is dropped.
pub(crate) struct Metrics {
    page: Page,
    rate_asked_per_second: Option<f64>,
    _server: PageServer,
}

impl Metrics {
    /// Starts to serve `/metrics`; says where.
    pub(crate) fn serve(
        address: SocketAddr,
        rate_asked_per_second: Option<f64>,
    ) -> io::Result<(Self, SocketAddr)> {
        let page = Page::default();
        let server = PageServer::start(address, "/metrics", page.clone())?;
        let address = server.address();
        let metrics = Self { page, rate_asked_per_second, _server: server };
        if let Ok(nothing) = Recording::new() {
            metrics.page.set(render(&nothing, rate_asked_per_second));
        }
        Ok((metrics, address))
    }
}

impl Listener for Metrics {
    fn second(&mut self, second: &Second<'_>) {
        self.page.set(render(second.total, self.rate_asked_per_second));
    }
}

/// Where metrics are served, as it is typed: `HOST:PORT`, or a port of this machine's loopback.
pub(crate) fn parse_address(text: &str) -> Result<SocketAddr, MetricsAddressError> {
    match text.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => text.parse().map_err(|_| MetricsAddressError),
    }
}

/// A text is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no address: write `127.0.0.1:9464`, or `9464` for that port on loopback")]
pub(crate) struct MetricsAddressError;

/// The page. Writing to a string cannot fail.
fn render(total: &Recording, rate_asked_per_second: Option<f64>) -> String {
    let counts = total.counts;
    let mut page = String::new();
    for (name, help, value) in [
        ("requests_planned", "Arrivals that have been due.", counts.planned),
        ("requests_sent", "Requests written to a connection.", counts.sent),
        ("requests_completed", "Requests answered in full, as hoped.", counts.completed),
        ("requests_aborted", "Requests whose client went away, as planned.", counts.aborted),
        ("arrivals_dropped", "Arrivals that the backlog could not hold.", total.dropped),
        ("received_bytes", "Bytes of the bodies of whole replies.", total.bytes_received),
    ] {
        head(&mut page, &format!("{name}_total"), "counter", help);
        let _ = writeln!(page, "loadgen_{name}_total {value}");
    }
    head(&mut page, "request_errors_total", "counter", "Requests that failed, by kind.");
    for (kind, count) in total.errors() {
        let _ = writeln!(page, "loadgen_request_errors_total{{kind=\"{}\"}} {count}", kind.name());
    }
    head(&mut page, "arrivals_waiting", "gauge", "Arrivals that wait for a connection.");
    let _ = writeln!(page, "loadgen_arrivals_waiting {}", total.waiting());
    if let Some(rate) = rate_asked_per_second {
        head(&mut page, "rate_asked_per_second", "gauge", "Mean rate of the plan.");
        let _ = writeln!(page, "loadgen_rate_asked_per_second {rate}");
    }
    let times = &total.times;
    for (name, help, histogram) in [
        ("response_time_seconds", "From the intended instant to the reply.", &times.response),
        ("service_time_seconds", "From the sending to the reply.", &times.service),
        ("lateness_seconds", "How late the generator itself was.", &times.lateness),
    ] {
        head(&mut page, name, "histogram", help);
        buckets(&mut page, name, histogram);
    }
    page
}

fn head(page: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(page, "# HELP loadgen_{name} {help}\n# TYPE loadgen_{name} {kind}");
}

fn buckets(page: &mut String, name: &str, histogram: &Histogram<u64>) {
    let mut steps = histogram.iter_recorded().peekable();
    let mut count = 0;
    for bound in BUCKETS {
        while let Some(step) = steps.next_if(|step| step.value_iterated_to() as f64 <= bound * 1e9)
        {
            count += step.count_at_value();
        }
        let _ = writeln!(page, "loadgen_{name}_bucket{{le=\"{bound}\"}} {count}");
    }
    let count = histogram.len();
    let sum = histogram.mean() * count as f64 / 1e9;
    let _ = writeln!(page, "loadgen_{name}_bucket{{le=\"+Inf\"}} {count}");
    let _ = writeln!(page, "loadgen_{name}_sum {sum}\nloadgen_{name}_count {count}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_end_with_all() {
        let mut recording = Recording::new().expect("valid bounds");
        for (nanos, count) in [(50_000, 1), (900_000, 2), (60_000_000_000, 4)] {
            recording.times.response.record_n(nanos, count).expect("within the bounds");
        }
        let page = render(&recording, Some(200.0));
        for line in [
            "loadgen_response_time_seconds_bucket{le=\"0.0001\"} 1",
            "loadgen_response_time_seconds_bucket{le=\"0.0005\"} 1",
            "loadgen_response_time_seconds_bucket{le=\"0.001\"} 3",
            "loadgen_response_time_seconds_bucket{le=\"10\"} 3",
            "loadgen_response_time_seconds_bucket{le=\"+Inf\"} 7",
            "loadgen_response_time_seconds_count 7",
            "loadgen_service_time_seconds_sum 0",
            "loadgen_request_errors_total{kind=\"timeout\"} 0",
        ] {
            assert!(page.lines().any(|found| found == line), "{line} in {page}");
        }
    }

    #[test]
    fn an_address_is_on_loopback_unless_it_says_otherwise() {
        for (text, address) in [
            ("9464", Ok("127.0.0.1:9464")),
            ("0.0.0.0:1", Ok("0.0.0.0:1")),
            ("[::1]:9", Ok("[::1]:9")),
            ("localhost", Err(MetricsAddressError)),
            ("65536", Err(MetricsAddressError)),
        ] {
            let address = address.map(|address| address.parse().expect("an address"));
            assert_eq!(parse_address(text), address, "{text}");
        }
    }
}
