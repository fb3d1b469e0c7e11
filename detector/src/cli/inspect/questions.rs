//! What is asked of Prometheus, in which order, and how much at once.

use std::time::{Duration, Instant};

use crate::Signal;
use crate::inspect::batches::{Batches, literal};
use crate::inspect::shard::Shard;
use crate::inspect::{Finding, Inspector, Largest, host};
use crate::rules::{MetricName, Selector};
use crate::source::well_known::gauges_of;
use crate::source::{Prometheus, PrometheusError, RangeSeries};

/// Series in the first question, before it is known how many samples a series has.
const FIRST_BATCH: usize = 20;
/// Samples in one answer: some 15 MB of text, which no server minds.
const SAMPLES_AT_ONCE: usize = 500_000;
/// Findings whose hosts are asked for what is largest; beyond that somebody should look at the fleet, not at hosts.
const MOST_HOSTS: usize = 50;
/// How many of the largest are listed.
const LARGEST: usize = 10;

/// Metrics that tell memory by process or container, with the labels that name it, and the one that names its host.
const USERS: [(&str, &str, &str); 2] = [
    ("namedprocess_namegroup_memory_bytes{memtype=\"resident\"", "groupname", "instance"),
    ("container_memory_working_set_bytes{container!=\"\"", "pod", "instance"),
];

/// The signal that a metric is known to tell; memory of a process where it is not.
pub fn signal_of(query: &str) -> Signal {
    let name = query.split('{').next().unwrap_or_default().trim();
    let known = |signal: &Signal| gauges_of(*signal).contains(&name);
    Signal::ALL.into_iter().find(known).unwrap_or(Signal::RssBytes)
}

/// All that is asked in one inspection.
pub struct Questions<'a> {
    pub server: &'a Prometheus,
    pub query: &'a str,
    /// Unix seconds.
    pub span: (f64, f64),
    pub step: Duration,
    pub shard: Option<Shard>,
}

impl Questions<'_> {
    /// Shows every series of this shard to the inspector. Returns whether there are any, in any shard,
    /// and how long judging took.
    pub fn judge_all(
        &self,
        inspector: &mut Inspector,
    ) -> Result<(bool, Duration), PrometheusError> {
        let mut judging = Duration::ZERO;
        let there = match metric(self.query) {
            Some((name, matchers)) => self.judge_metric(&name, &matchers, inspector, &mut judging),
            None => self.judge_expression(inspector, &mut judging),
        }?;
        Ok((there, judging))
    }

    /// Raw samples, a batch of series at a time.
    fn judge_metric(
        &self,
        name: &MetricName,
        matchers: &str,
        inspector: &mut Inspector,
        judging: &mut Duration,
    ) -> Result<bool, PrometheusError> {
        let mut series = self.server.series(self.query, self.span)?;
        let there = !series.is_empty();
        series.retain(|labels| self.is_ours(labels));
        let mut batches = Batches::of(&series);
        drop(series);
        let (mut about, mut most, mut asked) = (FIRST_BATCH, usize::MAX, 0);
        while let Some(batch) = batches.next(about) {
            let comma = if matchers.is_empty() { "" } else { "," };
            let selector = format!("{name}{{{matchers}{comma}{}}}", batches.matcher(&batch));
            let answer = match self.server.query(&self.range_of(&selector), self.span.1) {
                Err(error) if error.is_too_much() => {
                    most = (batch.series() / 2).max(1);
                    about = most;
                    if batches.halve(batch) {
                        continue;
                    }
                    return Err(error);
                }
                answer => answer?,
            };
            asked += batch.series();
            self.judge(&answer, inspector, judging);
            let samples: usize = answer.iter().map(|series| series.values.len()).sum();
            about = SAMPLES_AT_ONCE * batch.series() / samples.max(1);
            about = about.clamp(1, most.min(20 * asked));
        }
        Ok(there)
    }

    fn judge_expression(
        &self,
        inspector: &mut Inspector,
        judging: &mut Duration,
    ) -> Result<bool, PrometheusError> {
        let (from, to) = self.span;
        let (over, step) = ((to - from).round(), self.step.as_millis());
        let answer = self.server.query(&format!("({})[{over}s:{step}ms]", self.query), to)?;
        self.judge(&answer, inspector, judging);
        Ok(!answer.is_empty())
    }

    fn judge(&self, answer: &[RangeSeries], inspector: &mut Inspector, judging: &mut Duration) {
        let started = Instant::now();
        answer
            .iter()
            .filter(|series| self.is_ours(&series.metric))
            .for_each(|series| inspector.take(series));
        *judging += started.elapsed();
    }

    fn is_ours(&self, labels: &crate::source::Labels) -> bool {
        self.shard.is_none_or(|shard| shard.has(labels))
    }

    fn range_of(&self, selector: &str) -> String {
        format!("{selector}[{}s]", (self.span.1 - self.span.0).round())
    }

    /// Asks for the largest processes or containers on the host of each finding. What cannot be known is said, and
    /// is no reason to fail.
    pub fn name_the_largest(&self, findings: &mut [Finding], host_label: &str) {
        for (number, finding) in findings.iter_mut().enumerate() {
            finding.largest = match host(&finding.labels, host_label) {
                _ if number >= MOST_HOSTS => Largest::NoAnalysis(format!(
                    "only the first {MOST_HOSTS} findings are looked into"
                )),
                None => Largest::NoAnalysis(format!(
                    "it has no label `{host_label}` that names its host"
                )),
                Some(host) => self.largest_on(&host),
            };
        }
    }

    fn largest_on(&self, host: &str) -> Largest {
        let mut names = Vec::new();
        for (series, by, host_label) in USERS {
            let host = literal(host);
            let query = format!(
                "topk({LARGEST}, sum by ({by}) ({series},{host_label}=~\"{host}(:[0-9]+)?\"}}))"
            );
            match self.server.query(&query, self.span.1) {
                Err(error) => return Largest::NoAnalysis(format!("Prometheus {error}")),
                Ok(users) if users.is_empty() => {
                    names.push(series.split('{').next().unwrap_or(series));
                }
                Ok(users) => return Largest::Users(ranked(users, by)),
            }
        }
        Largest::NoAnalysis(format!("neither {} has series of host {host}", names.join(" nor ")))
    }
}

/// By size, the largest first.
fn ranked(users: Vec<RangeSeries>, by: &str) -> Vec<(String, f64)> {
    let named = users
        .into_iter()
        .filter_map(|user| Some((user.metric.get(by).cloned().unwrap_or_default(), user.value?.1)));
    let mut named: Vec<_> = named.collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    named
}

/// The name and the matchers of a query that is no more than that.
fn metric(query: &str) -> Option<(MetricName, String)> {
    let query = query.trim();
    let (name, matchers) = match query.split_once('{') {
        None => (query, String::new()),
        Some((name, rest)) if rest.trim() == "}" => (name, String::new()),
        Some((name, rest)) => {
            let selector: Selector = format!("{{{rest}").parse().ok()?;
            (name, selector.matchers())
        }
    };
    Some((name.trim().parse().ok()?, matchers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_with_matchers_is_told_from_an_expression() {
        for (query, expected) in [
            ("up", Some(("up", ""))),
            (" up {} ", Some(("up", ""))),
            (r#"up{job="a"}"#, Some(("up", r#"job="a""#))),
            (r#"up{job="a", x!~"{}"}"#, Some(("up", r#"job="a",x!~"{}""#))),
            (r#"sum(up{job="a"})"#, None),
            (r#"up{job="a"} / 2"#, None),
            ("up * 2", None),
            ("", None),
        ] {
            let found = metric(query).map(|(name, matchers)| (name.to_string(), matchers));
            let expected = expected.map(|(name, matchers)| (name.to_owned(), matchers.to_owned()));
            assert_eq!(found, expected, "{query}");
        }
    }

    #[test]
    fn known_metrics_tell_their_signal() {
        assert_eq!(signal_of(r#"process_open_fds{job="a"}"#), Signal::Fds);
        assert_eq!(signal_of("container_memory_rss"), Signal::RssAnonBytes);
        assert_eq!(signal_of("my_memory_bytes"), Signal::RssBytes);
    }
}
