//! When each entity started, where a metric tells: a restart begins a new run, of which the old one's level says nothing.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::{Labels, RangeSeries, Sample};

/// The metric of start times that belongs to a metric, by its exporter.
pub fn metric_of(name: &str) -> &'static str {
    match name.split('_').next() {
        Some("node") => "node_boot_time_seconds",
        Some("container") => "container_start_time_seconds",
        _ => "process_start_time_seconds",
    }
}

/// Start times over time, by labels.
#[derive(Debug, Default)]
pub struct Starts {
    by_labels: BTreeMap<Labels, Vec<Sample>>,
    /// The sets of label names that occur: a metric of the same entity may have more.
    names: BTreeSet<Vec<String>>,
}

impl Starts {
    /// Those of an answer.
    pub fn of(answer: Vec<RangeSeries>) -> Self {
        let mut starts = Self::default();
        for RangeSeries { mut metric, values, .. } in answer {
            metric.remove("__name__");
            starts.names.insert(metric.keys().cloned().collect());
            starts.by_labels.insert(metric, values);
        }
        starts
    }

    /// Whether the entity that a series is of is among them.
    pub fn has(&self, labels: &Labels) -> bool {
        self.find(labels).is_some()
    }

    /// The start times of the entity that a series is of.
    pub fn of_series(&self, labels: &Labels) -> &[Sample] {
        self.find(labels).map_or(&[], Vec::as_slice)
    }

    /// Of those whose labels the series has, the one with the most.
    fn find(&self, labels: &Labels) -> Option<&Vec<Sample>> {
        let project = |names: &Vec<String>| {
            let pair = |name: &String| Some((name.clone(), labels.get(name)?.clone()));
            names.iter().map(pair).collect::<Option<Labels>>()
        };
        let mut found: Option<(usize, &Vec<Sample>)> = None;
        for names in &self.names {
            let starts = project(names).and_then(|key| self.by_labels.get(&key));
            if let Some(starts) = starts.filter(|_| found.is_none_or(|(n, _)| n < names.len())) {
                found = Some((names.len(), starts));
            }
        }
        found.map(|(_, starts)| starts)
    }
}

/// The start time that was known at an instant: the latest before it, else the first there is.
pub fn start_at(starts: &[Sample], t_seconds: f64) -> Option<f64> {
    let next = starts.partition_point(|sample| sample.0 <= t_seconds);
    starts.get(next.saturating_sub(1)).map(|sample| sample.1).filter(|start| start.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_series_has_the_starts_of_its_entity_though_it_has_more_labels() {
        let series = |pairs, start| RangeSeries {
            metric: labels(pairs),
            values: vec![Sample(0.0, start)],
            value: None,
        };
        let starts = Starts::of(vec![
            series(&[("__name__", "s"), ("job", "a"), ("instance", "1")], 1.0),
            series(&[("__name__", "s"), ("job", "a"), ("instance", "2")], 2.0),
            series(&[("job", "a"), ("instance", "2"), ("pod", "p")], 3.0),
        ]);
        for (pairs, start) in [
            (&[("__name__", "m"), ("job", "a"), ("instance", "1")][..], Some(1.0)),
            (&[("job", "a"), ("instance", "2"), ("area", "heap")], Some(2.0)),
            (&[("job", "a"), ("instance", "2"), ("pod", "p")], Some(3.0)),
            (&[("job", "a")], None),
            (&[("job", "b"), ("instance", "1")], None),
        ] {
            assert_eq!(start_at(starts.of_series(&labels(pairs)), 5.0), start, "{pairs:?}");
        }
    }

    #[test]
    fn the_start_is_that_of_the_instant() {
        let starts = [Sample(10.0, 1.0), Sample(20.0, 15.0)];
        for (at, start) in [(5.0, 1.0), (10.0, 1.0), (19.0, 1.0), (20.0, 15.0), (99.0, 15.0)] {
            assert_eq!(start_at(&starts, at), Some(start));
        }
        assert_eq!(start_at(&[], 1.0), None);
    }
}
