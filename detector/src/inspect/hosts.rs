//! What else is known of the host of a finding: what is largest there, what restarted, what was killed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::batches::literal;
use super::{Finding, Largest, error_chain, host};
use crate::source::{Labels, Prometheus, RangeSeries};

/// Findings whose hosts are asked about; beyond that somebody should look at the fleet, not at hosts.
const MOST_FINDINGS: usize = 50;
/// How many of the largest are listed.
const LARGEST: usize = 10;
/// How many events of a kind are listed.
const MOST_EVENTS: usize = 10;
/// What stands for the host in a question.
const HOST: &str = "$host";

/// What is largest, best first: every process of a host by its name, every container, or else the processes that export
/// metrics of their own.
const USERS: [&str; 3] = [
    r#"sum by (groupname) (namedprocess_namegroup_memory_bytes{memtype="resident",instance=~"$host(:[0-9]+)?"})"#,
    r#"sum by (namespace, pod, name) (container_memory_working_set_bytes{container!="POD",name!="",instance=~"$host(:[0-9]+)?"})"#,
    r#"process_resident_memory_bytes{instance=~"$host(:[0-9]+)?"}"#,
];

/// Events of a host, each with a question about how often it happened. (`VictoriaMetrics` takes the first value of a
/// series for a change; that it changed at all is seen from its extremes.)
const EVENTS: [(EventKind, &str); 3] = [
    (
        EventKind::Restart,
        r#"changes(process_start_time_seconds{instance=~"$host(:[0-9]+)?"}[$over]) > 0 and
            max_over_time(process_start_time_seconds{instance=~"$host(:[0-9]+)?"}[$over])
            != min_over_time(process_start_time_seconds{instance=~"$host(:[0-9]+)?"}[$over])"#,
    ),
    (
        EventKind::OomKill,
        r#"increase(node_vmstat_oom_kill{instance=~"$host(:[0-9]+)?"}[$over]) > 0"#,
    ),
    (
        EventKind::ContainerOutOfMemory,
        r#"increase(container_oom_events_total{name!="",instance=~"$host(:[0-9]+)?"}[$over]) > 0"#,
    ),
];

/// Something that happened on a host in the time that was inspected.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// To whom.
    pub labels: Labels,
    /// How often; Prometheus reckons it from samples, so it need not be whole.
    pub times: f64,
}

/// What happens to memory's users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// A process started anew.
    Restart,
    /// The kernel killed a process of the host for want of memory.
    OomKill,
    /// A container reached its memory limit.
    ContainerOutOfMemory,
}

impl EventKind {
    /// As reports say it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Restart => "restarted",
            Self::OomKill => "processes killed for want of memory",
            Self::ContainerOutOfMemory => "out of memory",
        }
    }
}

/// Whom to ask what.
pub struct Hosts<'a> {
    pub server: &'a Prometheus,
    /// The label that names a host.
    pub label: &'a str,
    /// Asks for the largest instead of [`USERS`].
    pub processes_query: Option<&'a str>,
    /// Unix seconds.
    pub span: (f64, f64),
}

#[derive(Clone)]
struct Known {
    largest: Largest,
    events: Vec<Event>,
}

impl Hosts<'_> {
    /// Tells of each finding what is known of its host. What cannot be known is said, and is no reason to fail.
    pub fn tell(&self, findings: &mut [Finding]) -> Vec<String> {
        let (mut known, mut notes) = (BTreeMap::new(), Vec::new());
        for (number, finding) in findings.iter_mut().enumerate() {
            let host = host(&finding.labels, self.label);
            finding.largest = Largest::NoAnalysis(match host {
                _ if number >= MOST_FINDINGS => {
                    format!("only the first {MOST_FINDINGS} findings are looked into")
                }
                None => format!("it has no label `{}` that names its host", self.label),
                Some(host) => {
                    let ask = || self.ask(&host, &mut notes);
                    let Known { largest, events } =
                        known.entry(host.clone()).or_insert_with(ask).clone();
                    (finding.largest, finding.events) = (largest, events);
                    continue;
                }
            });
        }
        notes
    }

    fn ask(&self, host: &str, notes: &mut Vec<String>) -> Known {
        let mut events = Vec::new();
        for (kind, question) in EVENTS {
            match self.server.query(&self.question(question, host), self.span.1) {
                Ok(answer) => events.extend(happened(kind, answer)),
                Err(error) => notes.push(format!(
                    "what happened on {host} is not known: the server {}",
                    error_chain(&error)
                )),
            }
        }
        Known { largest: self.largest_on(host), events }
    }

    fn largest_on(&self, host: &str) -> Largest {
        let own = self.processes_query.as_slice();
        let questions = if own.is_empty() { &USERS[..] } else { own };
        for question in questions {
            let question = format!("topk({LARGEST}, {})", self.question(question, host));
            match self.server.query(&question, self.span.1) {
                Err(error) => {
                    return Largest::NoAnalysis(format!("the server {}", error_chain(&error)));
                }
                Ok(users) if users.is_empty() => {}
                Ok(users) => return Largest::Users(ranked(users)),
            }
        }
        Largest::NoAnalysis(match self.processes_query {
            Some(_) => format!("--processes-query gives nothing for host {host}"),
            None => format!(
                "neither namedprocess_namegroup_memory_bytes nor container_memory_working_set_bytes nor \
                 process_resident_memory_bytes has series of host {host}"
            ),
        })
    }

    fn question(&self, question: &str, host: &str) -> String {
        let over = format!("{}s", (self.span.1 - self.span.0).round());
        question.replace(HOST, &literal(host)).replace("$over", &over)
    }
}

fn happened(kind: EventKind, answer: Vec<RangeSeries>) -> Vec<Event> {
    let event = |RangeSeries { mut metric, value, .. }: RangeSeries| {
        metric.remove("__name__");
        Some(Event { kind, labels: metric, times: value?.1 })
    };
    let mut events: Vec<Event> = answer.into_iter().filter_map(event).collect();
    events.sort_by(|a, b| b.times.total_cmp(&a.times).then_with(|| a.labels.cmp(&b.labels)));
    events.truncate(MOST_EVENTS);
    events
}

/// By size, the largest first.
fn ranked(users: Vec<RangeSeries>) -> Vec<(String, f64)> {
    let named = users.into_iter().filter_map(|user| Some((name_of(&user.metric), user.value?.1)));
    let mut named: Vec<_> = named.collect();
    named.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    named.truncate(LARGEST);
    named
}

/// The value of the only label, or all of several.
fn name_of(labels: &Labels) -> String {
    let own = labels.iter().filter(|(name, value)| *name != "__name__" && !value.is_empty());
    let own: Vec<_> = own.collect();
    match own[..] {
        [] => "(no labels)".to_owned(),
        [(_, value)] => value.clone(),
        _ => {
            own.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Sample;

    #[test]
    fn the_largest_come_first_and_are_named_by_their_labels() {
        let user = |pairs: &[(&str, &str)], size| RangeSeries {
            metric: pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
            values: Vec::new(),
            value: Some(Sample(0.0, size)),
        };
        let users = vec![
            user(&[("groupname", "small"), ("__name__", "m")], 1.0),
            user(&[("namespace", "n"), ("pod", "p"), ("name", "")], 3.0),
            user(&[], 2.0),
        ];
        let expected = [("namespace=n pod=p", 3.0), ("(no labels)", 2.0), ("small", 1.0)];
        assert_eq!(ranked(users), expected.map(|(name, size)| (name.to_owned(), size)));
    }
}
