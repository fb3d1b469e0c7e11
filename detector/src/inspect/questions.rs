//! What is asked of Prometheus about the series themselves, in which order, and how much at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::batches::{Batch, Batches};
use super::choice::{Choice, Chosen};
use super::error_chain;
use super::judges::Desk;
use super::restarts::{self, Starts};
use super::shard::Shard;
use crate::Signal;
use crate::rules::{MetricName, Selector};
use crate::source::well_known::gauges_of;
use crate::source::{Labels, Prometheus, PrometheusError, RangeSeries};

/// Series in the first question, before it is known how many samples a series has.
const FIRST_BATCH: usize = 20;
/// Samples in one answer: some 15 MB of text, which no server minds.
const SAMPLES_AT_ONCE: usize = 500_000;
/// Most parts of time in which an expression is asked for that is too much at once.
const MOST_PARTS: u32 = 64;

/// The signal that a metric is known to tell; memory of a process where it is not.
pub fn signal_of(query: &str) -> Signal {
    let name = query.split('{').next().unwrap_or_default().trim();
    let known = |signal: &Signal| gauges_of(*signal).contains(&name);
    Signal::ALL.into_iter().find(known).unwrap_or(Signal::RssBytes)
}

/// All that is asked about series in one inspection.
pub struct Questions<'a> {
    pub server: &'a Prometheus,
    pub query: &'a str,
    /// Unix seconds.
    pub span: (f64, f64),
    pub step: Duration,
    pub choice: &'a Choice,
    pub shard: Option<Shard>,
    pub host_label: &'a str,
}

/// What came of the questions, beside what was handed in to be judged.
#[derive(Debug, Default)]
pub struct Answered {
    /// Series that the query has, in any shard.
    pub there: usize,
    /// What was chosen of these.
    pub chosen: Chosen,
    /// What is not known, and why.
    pub notes: Vec<String>,
    /// Why the rest was not judged, after some was.
    pub broke_off: Option<PrometheusError>,
}

impl Questions<'_> {
    /// Hands in every chosen series of this shard.
    pub fn ask_all(&self, desk: &Desk) -> Result<Answered, PrometheusError> {
        match metric(self.query) {
            Some((name, matchers)) => self.ask_metric(&name, &matchers, desk),
            None => self.ask_expression(desk),
        }
    }

    /// Raw samples, a batch of series at a time.
    fn ask_metric(
        &self,
        name: &MetricName,
        matchers: &str,
        desk: &Desk,
    ) -> Result<Answered, PrometheusError> {
        let mut series = self.server.series(self.query, self.span)?;
        let mut answered = Answered { there: series.len(), ..Answered::default() };
        answered.chosen = self.choice.apply(&mut series, |labels| labels, self.host_label);
        series.retain(|labels| self.is_ours(labels));
        let asked_for = series.len();
        let mut batches = Batches::of(&series);
        drop(series);
        let starts = restarts::metric_of(&name.to_string());
        let restarted = self.restarted(starts, matchers, asked_for > 0, &mut answered.notes);
        let (mut about, mut most, mut asked) = (FIRST_BATCH, usize::MAX, 0);
        while let Some(batch) = batches.next(about) {
            let matchers = with(matchers, &batches.matcher(&batch));
            let answer = match self.raw(&format!("{name}{{{matchers}}}")) {
                Err(error) if error.is_too_much() => {
                    most = (batch.series() / 2).max(1);
                    about = most;
                    if batches.halve(batch) {
                        continue;
                    }
                    return broken_off(answered, desk, error);
                }
                Err(error) => return broken_off(answered, desk, error),
                Ok(answer) => answer,
            };
            asked += batch.series();
            let starts = self.starts(starts, &matchers, &answer, &restarted, &mut answered.notes);
            about = next_about(&batch, &answer).clamp(1, most.min(20 * asked));
            self.hand_in(answer, starts, desk);
        }
        let without = asked_for.saturating_sub(desk.taken() as usize);
        if without > 0 {
            answered.notes.push(format!("{without} series have no samples in that time"));
        }
        Ok(answered)
    }

    /// Evaluated at every step, all series at once: which there are, nobody can know before. What is too much is asked
    /// for in ever shorter parts of the time.
    fn ask_expression(&self, desk: &Desk) -> Result<Answered, PrometheusError> {
        let mut parts = 1;
        let mut series = loop {
            match self.in_parts(parts) {
                Err(error) if error.is_too_much() && parts < MOST_PARTS => parts *= 4,
                answer => break answer?,
            }
        };
        let mut answered = Answered { there: series.len(), ..Answered::default() };
        answered.chosen = self.choice.apply(&mut series, |one| &one.metric, self.host_label);
        self.hand_in(series, Starts::default(), desk);
        Ok(answered)
    }

    fn in_parts(&self, parts: u32) -> Result<Vec<RangeSeries>, PrometheusError> {
        let (from, to) = self.span;
        let step_seconds = self.step.as_secs_f64();
        let steps = ((to - from) / step_seconds).floor();
        let at = |part: u32| (steps * f64::from(part) / f64::from(parts)).ceil();
        let mut together: BTreeMap<Labels, RangeSeries> = BTreeMap::new();
        for part in 0..parts {
            let last = if part + 1 == parts { steps } else { at(part + 1) - 1.0 };
            let span = (from + at(part) * step_seconds, from + last * step_seconds);
            for series in self.server.query_range(self.query, span, self.step)? {
                match together.get_mut(&series.metric) {
                    Some(before) => before.values.extend(series.values),
                    None => drop(together.insert(series.metric.clone(), series)),
                }
            }
        }
        Ok(together.into_values().collect())
    }

    /// The entities that restarted in that time, where a metric tells.
    fn restarted(
        &self,
        starts: &str,
        matchers: &str,
        wanted: bool,
        notes: &mut Vec<String>,
    ) -> Starts {
        if !wanted {
            return Starts::default();
        }
        let range = self.range_of(&format!("{starts}{{{matchers}}}"));
        let changed = format!("max_over_time({range}) != min_over_time({range})");
        match self.server.query(&changed, self.span.1) {
            Ok(answer) => Starts::of(answer),
            Err(error) => {
                notes.push(format!(
                    "restarts are not known: {starts}: the server {}",
                    error_chain(&error)
                ));
                Starts::default()
            }
        }
    }

    /// When the entities of an answer started, if one of them restarted: nothing is asked for without need.
    fn starts(
        &self,
        starts: &str,
        matchers: &str,
        answer: &[RangeSeries],
        restarted: &Starts,
        notes: &mut Vec<String>,
    ) -> Starts {
        if !answer.iter().any(|series| restarted.has(&series.metric)) {
            return Starts::default();
        }
        match self.raw(&format!("{starts}{{{matchers}}}")) {
            Ok(answer) => Starts::of(answer),
            Err(error) => {
                let error = error_chain(&error);
                notes.push(format!("restarts of some are not known: {starts}: the server {error}"));
                Starts::default()
            }
        }
    }

    /// Samples as they are.
    fn raw(&self, selector: &str) -> Result<Vec<RangeSeries>, PrometheusError> {
        self.server.query(&self.range_of(selector), self.span.1)
    }

    /// Has what was asked for judged. A matcher of values may match more than was chosen.
    fn hand_in(&self, mut answer: Vec<RangeSeries>, starts: Starts, desk: &Desk) {
        answer.retain(|series| {
            self.is_ours(&series.metric) && self.choice.has(&series.metric, self.host_label)
        });
        desk.hand_in(answer, starts);
    }

    fn is_ours(&self, labels: &Labels) -> bool {
        self.shard.is_none_or(|shard| shard.has(labels))
    }

    fn range_of(&self, selector: &str) -> String {
        format!("{selector}[{}s]", (self.span.1 - self.span.0).round())
    }
}

/// As many series as fit into one answer, if all are like those of this one.
fn next_about(batch: &Batch, answer: &[RangeSeries]) -> usize {
    let samples: usize = answer.iter().map(|series| series.values.len()).sum();
    SAMPLES_AT_ONCE * batch.series() / samples.max(1)
}

/// What was judged before is worth telling; where nothing was, the error is all there is.
fn broken_off(
    answered: Answered,
    desk: &Desk,
    error: PrometheusError,
) -> Result<Answered, PrometheusError> {
    if desk.taken() == 0 {
        return Err(error);
    }
    Ok(Answered { broke_off: Some(error), ..answered })
}

fn with(matchers: &str, one_more: &str) -> String {
    if matchers.is_empty() { one_more.to_owned() } else { format!("{matchers},{one_more}") }
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
