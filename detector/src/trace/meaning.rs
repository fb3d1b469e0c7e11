//! What the metrics of a dump mean to a trace, and which series become which column.
//!
//! A trace is of one process. What a metric says of several is refused and never merged: the sum
//! of two processes is the memory of neither.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Column, Columns};
use super::dump::{Facts, Series, braces};
use super::{Problem, Problems};
use crate::Signal;
use crate::source::exposition::Kind;
use crate::source::well_known::{REQUESTS_COUNTER, START_GAUGES, gauges_of, may_be_cause};

/// Labels that name the process or where it runs; they stand on every series alike and are no
/// part of a column's name.
const ENTITY_LABELS: [&str; 5] = ["job", "instance", "namespace", "pod", "container"];

/// Names that are listed in a message.
const MOST_LISTED: usize = 5;

/// What a metric means. The number is its rank among the metrics of the same meaning, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Signal(Signal, usize),
    Start(usize),
    Requests(usize),
    Other,
}

impl Meaning {
    pub fn of(metric: &str) -> Self {
        let rank = |names: &[&str]| names.iter().position(|name| *name == metric);
        let signal = |signal: &Signal| Some(Self::Signal(*signal, rank(gauges_of(*signal))?));
        Signal::ALL
            .iter()
            .find_map(signal)
            .or_else(|| rank(&START_GAUGES).map(Self::Start))
            .or_else(|| rank(&["requests_total", REQUESTS_COUNTER]).map(Self::Requests))
            .unwrap_or(Self::Other)
    }

    /// The column, and the rank of this metric for it.
    fn column(self) -> Option<(Column, usize)> {
        match self {
            Self::Signal(signal, rank) => Some((Column::Signal(signal), rank)),
            Self::Start(rank) => Some((Column::Start, rank)),
            Self::Requests(rank) => Some((Column::Requests, rank)),
            Self::Other => None,
        }
    }
}

/// Which series become which column.
#[derive(Debug)]
pub struct Layout {
    pub columns: Columns,
    /// The column of each series, or nothing where it is left out.
    pub column_of: Vec<Option<usize>>,
    /// Where the columns with a meaning come from.
    pub notes: Vec<String>,
}

impl Layout {
    pub fn of(series: &[(Series, Facts)]) -> Result<Self, Problems> {
        let taken = taken(series);
        let problems = several(&taken);
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let mut layout = Self {
            columns: Columns(Vec::new()),
            column_of: vec![None; series.len()],
            notes: Vec::new(),
        };
        let mut gauges = 0;
        for (metric, group) in taken {
            for (number, series, column) in group {
                gauges += usize::from(column.is_none());
                let column = column.unwrap_or_else(|| Column::Gauge(gauge_name(series)));
                layout.put(number, column, metric);
            }
        }
        if layout.columns.signals().is_empty() {
            return Err(Problem::NoResource.into());
        }
        layout.notes.push(format!("{gauges} gauges may be named as the cause"));
        Ok(layout)
    }

    fn put(&mut self, number: usize, column: Column, metric: &str) {
        let Columns(columns) = &mut self.columns;
        let summed = column == Column::Requests;
        let at = summed.then(|| columns.iter().position(|there| *there == column)).flatten();
        if at.is_none() {
            if !matches!(column, Column::Gauge(_)) {
                self.notes.push(format!("{} is read from {metric}", column.name()));
            }
            columns.push(column);
        }
        self.column_of[number] = at.or(columns.len().checked_sub(1));
    }
}

/// The series of each metric that is taken, with the column if the metric has a meaning.
type Taken<'a> = BTreeMap<&'a str, Vec<(usize, &'a Series, Option<Column>)>>;

fn taken(all: &[(Series, Facts)]) -> Taken<'_> {
    let ranked = |facts: &Facts| facts.meaning.column();
    let told = all.iter().filter(|(_, facts)| facts.has_samples());
    let mut best: BTreeMap<String, usize> = BTreeMap::new();
    for (column, rank) in told.filter_map(|(_, facts)| ranked(facts)) {
        let least = best.entry(column.name().to_owned()).or_insert(rank);
        *least = rank.min(*least);
    }
    let families = histogram_families(all);
    let mut taken = Taken::new();
    for (number, (series, facts)) in all.iter().enumerate().filter(|(_, (_, f))| f.has_samples()) {
        let column = match ranked(facts) {
            Some((column, rank)) if best.get(column.name()) == Some(&rank) => Some(column),
            None if is_candidate(series, facts.kind, &families) => None,
            _ => continue,
        };
        taken.entry(series.metric.as_str()).or_default().push((number, series, column));
    }
    taken
}

/// Families that have buckets. The JSON of a query declares no types, and this shows one.
fn histogram_families(all: &[(Series, Facts)]) -> BTreeSet<&str> {
    let buckets = all.iter().filter(|(series, _)| series.labels.contains_key("le"));
    buckets.filter_map(|(series, _)| series.metric.strip_suffix("_bucket")).collect()
}

/// Whether it may be the cause; what only rises would explain any growth.
fn is_candidate(series: &Series, kind: Kind, families: &BTreeSet<&str>) -> bool {
    const MEMBERS: [&str; 4] = ["_bucket", "_sum", "_count", "_created"];
    let family = || MEMBERS.iter().find_map(|member| series.metric.strip_suffix(member));
    matches!(kind, Kind::Gauge | Kind::Untyped)
        && may_be_cause(&series.metric)
        && !family().is_some_and(|family| families.contains(family))
}

fn gauge_name(series: &Series) -> String {
    let own = |(name, _): &(&String, &String)| !ENTITY_LABELS.contains(&name.as_str());
    let mut labels = series.labels.iter().filter(own).peekable();
    if labels.peek().is_none() {
        return series.metric.clone();
    }
    format!("{}{}", series.metric, braces(labels))
}

/// Everything that is there for more than one process.
fn several(taken: &Taken) -> Vec<Problem> {
    let mut problems: Vec<Problem> =
        ENTITY_LABELS.iter().filter_map(|label| entities(label, taken)).collect();
    if problems.is_empty() {
        problems.extend(taken.values().filter_map(|group| repeated(group)));
    }
    problems
}

/// The label's values, if a metric has several of them.
fn entities(label: &str, taken: &Taken) -> Option<Problem> {
    let value = |series: &Series| series.labels.get(label).cloned().unwrap_or_default();
    let mut values = BTreeSet::new();
    let mut metrics = Vec::new();
    for (metric, group) in taken {
        let here: BTreeSet<String> = group.iter().map(|(_, series, _)| value(series)).collect();
        if here.len() > 1 {
            values.extend(here);
            metrics.push(*metric);
        }
    }
    let metric = (*metrics.first()?).to_owned();
    let one = values.iter().find(|value| !value.is_empty())?;
    let example = format!("{{{label}={one:?}}}");
    let values = listed(values.iter().map(|value| format!("{value:?}")));
    Some(Problem::Entities {
        label: label.to_owned(),
        values,
        metric,
        metrics: metrics.len(),
        example,
    })
}

/// A signal, or the start, that several series tell.
fn repeated(group: &[(usize, &Series, Option<Column>)]) -> Option<Problem> {
    let (_, first, column) = group.first()?;
    let single = column.as_ref().is_some_and(|column| *column != Column::Requests);
    if !single || group.len() == 1 {
        return None;
    }
    let differs = |name: &str| {
        group.iter().any(|(_, series, _)| series.labels.get(name) != first.labels.get(name))
    };
    let shown = |series: &Series| braces(series.labels.iter().filter(|(name, _)| differs(name)));
    let sets = group.iter().map(|(_, series, _)| shown(series));
    let example = group.iter().map(|(_, series, _)| shown(series)).find(|set| set != "{}")?;
    Some(Problem::Repeated { metric: first.metric.clone(), sets: listed(sets), example })
}

/// The first few, and how many more there are.
fn listed(all: impl ExactSizeIterator<Item = String>) -> String {
    let more = all.len().saturating_sub(MOST_LISTED);
    let list = all.take(MOST_LISTED).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{list} and {more} more") } else { list }
}
