//! A corpus as Prometheus would have scraped it.
//!
//! A trace becomes the series of one target, under the names that client libraries and cAdvisor
//! publish (`detector`'s own table), one trace after the other in time. So every expression sees
//! one service at a time, whatever it sums over, and any label may be asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use detector::source::well_known::{REQUESTS_COUNTER, START_GAUGES, gauges_of};
use detector::{Observation, Signal};

use crate::corpus::Trace;

/// Gauges of the memory limit, as cAdvisor, our own service and kube-state-metrics publish it.
const LIMIT_GAUGES: [&str; 3] =
    ["container_spec_memory_limit_bytes", "cgroup_memory_limit_bytes", "memory_limit_bytes"];

/// The signal that a metric is of.
pub fn signal_of(metric: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|signal| gauges_of(*signal).contains(&metric))
}

/// Every name that a corpus has whose traces have every signal, gauges of the traces apart.
pub fn names() -> Vec<&'static str> {
    let signals = Signal::ALL.into_iter().flat_map(gauges_of).copied();
    let others = ["up", REQUESTS_COUNTER].into_iter().chain(LIMIT_GAUGES).chain(START_GAUGES);
    let mut names: Vec<&str> = signals.chain(others).collect();
    names.sort_unstable();
    names
}

/// The series that says which corpus this is: a sample at time 0 of each trace, whose value is that time.
const MARKER: &str = "leaklab_corpus";

/// Writes `OpenMetrics` text, of those metrics only that somebody asks for.
pub struct Writer<W: Write> {
    out: W,
    wanted: Option<BTreeSet<String>>,
    labels: String,
    written: BTreeSet<String>,
}

impl<W: Write> Writer<W> {
    /// Writes the `wanted` metrics, or all, with the same labels.
    pub fn new(
        out: W,
        wanted: Option<BTreeSet<String>>,
        labels: &BTreeMap<String, String>,
    ) -> Self {
        Self { out, wanted, labels: matchers(labels), written: BTreeSet::new() }
    }

    /// Says at time 0 of a trace which corpus it is of.
    pub fn mark(&mut self, sha256: &str, origin_seconds: u64) -> io::Result<()> {
        let labels = &self.labels;
        writeln!(
            self.out,
            "{MARKER}{{{labels},sha256=\"{sha256}\"}} {origin_seconds} {origin_seconds}"
        )
    }

    /// Writes a trace whose time 0 is `origin_seconds` after 1970.
    pub fn trace(&mut self, trace: &Trace, origin_seconds: u64) -> io::Result<()> {
        for seen in &trace.observations {
            for (name, value) in samples(seen, trace.truth.limit, origin_seconds) {
                if self.wanted.as_ref().is_some_and(|wanted| !wanted.contains(name)) {
                    continue;
                }
                let (labels, t_seconds) = (&self.labels, origin_seconds as f64 + seen.t_seconds);
                writeln!(self.out, "{name}{{{labels}}} {value} {t_seconds:.3}")?;
                if !self.written.contains(name) {
                    self.written.insert(name.to_owned());
                }
            }
        }
        Ok(())
    }

    /// Ends the text; which metrics there are.
    pub fn finish(mut self) -> io::Result<BTreeSet<String>> {
        self.out.write_all(b"# EOF\n")?;
        self.out.flush()?;
        Ok(self.written)
    }
}

/// Selects what [`Writer::mark`] writes.
pub fn marker(labels: &BTreeMap<String, String>, sha256: &str) -> String {
    format!("{MARKER}{{{},sha256=\"{sha256}\"}}", matchers(labels))
}

fn matchers(labels: &BTreeMap<String, String>) -> String {
    let pairs = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
    pairs.collect::<Vec<_>>().join(",")
}

fn samples(
    seen: &Observation,
    limit: Option<f64>,
    origin_seconds: u64,
) -> impl Iterator<Item = (&str, f64)> {
    let signals = seen
        .signals
        .iter()
        .flat_map(|(signal, value)| gauges_of(*signal).iter().map(move |name| (*name, *value)));
    let gauges = seen.gauges.iter().filter(|(name, _)| signal_of(name).is_none());
    let gauges = gauges.map(|(name, value)| (name.as_str(), *value));
    let started = seen.start_seconds.map(|start| start + origin_seconds as f64);
    let started = START_GAUGES.into_iter().filter_map(move |name| Some((name, started?)));
    let limits = LIMIT_GAUGES.into_iter().filter_map(move |name| Some((name, limit?)));
    let requests = seen.requests_total.map(|total| (REQUESTS_COUNTER, total));
    signals.chain(gauges).chain(started).chain(limits).chain(requests).chain([("up", 1.0)])
}

/// A value as it stands between quotes.
pub fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::truth::Truth;

    #[test]
    fn a_trace_is_written_as_the_series_of_one_target_and_only_what_is_wanted() {
        let seen = Observation {
            t_seconds: 1.5,
            start_seconds: Some(0.0),
            signals: [(Signal::RssBytes, 5e6), (Signal::Fds, 7.0)].into(),
            gauges: [("queue".to_owned(), 3.0)].into(),
            ..Observation::default()
        };
        let truth = Truth { limit: Some(9e6), ..Truth::default() };
        let trace = Trace { name: "t".into(), truth, observations: vec![seen] };
        let wanted = [
            "process_resident_memory_bytes",
            "queue",
            "process_start_time_seconds",
            "not_there",
            "container_spec_memory_limit_bytes",
        ];
        let mut text = Vec::new();
        let labels = [("job".to_owned(), "a\"b".to_owned())].into();
        let wanted = Some(wanted.map(str::to_owned).into());
        let mut writer = Writer::new(&mut text, wanted, &labels);
        writer.trace(&trace, 100).unwrap();
        let written = writer.finish().unwrap();
        assert_eq!(written.len(), 4);
        let expected = "process_resident_memory_bytes{job=\"a\\\"b\"} 5000000 101.500\n\
                        queue{job=\"a\\\"b\"} 3 101.500\n\
                        process_start_time_seconds{job=\"a\\\"b\"} 100 101.500\n\
                        container_spec_memory_limit_bytes{job=\"a\\\"b\"} 9000000 101.500\n\
                        # EOF\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
