//! The numbers that rules name, as a page tells them: of a name, or of a name with some labels.

use std::collections::{BTreeMap, BTreeSet};

use super::exposition::{LineReader, Sample};

/// Labels that say from how much on something is counted. What reaches a high threshold is counted at the lower ones as
/// well, so these sums are not added up: the largest is the number.
const THRESHOLDS: [&str; 2] = ["threshold", "threshold_bytes"];

/// What rules name: `queue_depth`, or `queue_depth{queue="mail"}`.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Vec<Name>>);

#[derive(Debug)]
struct Name {
    /// As the rule has it.
    text: String,
    labels: Vec<(String, String)>,
}

impl Names {
    /// What is no name stands on no page.
    pub(super) fn of(texts: &BTreeSet<String>) -> Self {
        let mut names = Self::default();
        for (text, (name, labels)) in texts.iter().filter_map(|text| Some((text, parsed(text)?))) {
            names.0.entry(name).or_default().push(Name { text: text.clone(), labels });
        }
        names
    }

    /// The names that a sample counts to: those whose labels it has.
    fn fitting<'a>(&'a self, sample: &'a Sample<'_>) -> impl Iterator<Item = &'a str> {
        let has = move |(name, value): &(String, String)| {
            sample.labels.iter().any(|(label, own)| label == name && own == value)
        };
        let named = self.0.get(sample.name).into_iter().flatten();
        named.filter(move |name| name.labels.iter().all(has)).map(|name| name.text.as_str())
    }
}

/// The name and the labels of a series, as a page has them.
fn parsed(text: &str) -> Option<(String, Vec<(String, String)>)> {
    let line = format!("{text} 0");
    let sample = LineReader::default().read(&line).ok().flatten()?;
    let labels = sample.labels.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    Some((sample.name.to_owned(), labels.collect()))
}

/// Whether it is a name as a page may have it.
pub fn is_name(text: &str) -> bool {
    parsed(text).is_some()
}

/// Sums over all labels that are not named, by name and threshold; no larger than the page, and gone with it.
#[derive(Debug, Default)]
pub(super) struct Sums(BTreeMap<String, BTreeMap<String, f64>>);

impl Sums {
    pub(super) fn add(&mut self, names: &Names, sample: &Sample) {
        let threshold = sample.labels.iter().find(|(label, _)| THRESHOLDS.contains(label));
        let threshold = threshold.map_or("", |(_, value)| value);
        for text in names.fitting(sample) {
            let sums = self.0.entry(text.to_owned()).or_default();
            *sums.entry(threshold.to_owned()).or_default() += sample.value;
        }
    }

    pub(super) fn totals(self) -> BTreeMap<String, f64> {
        let largest = |sums: BTreeMap<String, f64>| sums.into_values().fold(0.0, f64::max);
        self.0.into_iter().map(|(name, sums)| (name, largest(sums))).collect()
    }
}
