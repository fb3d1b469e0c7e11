//! A dump: the samples of many series, held in memory within bounds until they are rows.
//!
//! A dump tells one series after the other, and a trace one instant after the other; to turn the
//! one into the other, all of it must be there.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use super::Problem;
use super::meaning::Meaning;
use crate::source::exposition::{Kind, excerpt};

/// Most samples of a dump: 58 days of one process with 100 series, scraped every 100 s. They
/// take 120 MB.
pub const MOST_SAMPLES: usize = 5_000_000;

/// What tells one series from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    pub metric: String,
    pub labels: BTreeMap<String, String>,
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.metric)?;
        if self.labels.is_empty() { Ok(()) } else { f.write_str(&braces(&self.labels)) }
    }
}

/// Labels as a selector writes them.
pub fn braces<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let labels = labels.into_iter().map(|(name, value)| format!("{name}={value:?}"));
    format!("{{{}}}", labels.collect::<Vec<_>>().join(","))
}

/// What is known of a series besides its samples.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    pub kind: Kind,
    pub meaning: Meaning,
    last_seconds: f64,
}

impl Facts {
    pub fn has_samples(&self) -> bool {
        self.last_seconds.is_finite()
    }
}

/// One number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    pub t_seconds: f64,
    /// Number of the series in order of appearance.
    pub series: usize,
    pub value: f64,
}

/// All of it.
#[derive(Debug, Default)]
pub struct Dump {
    numbers: HashMap<Series, usize>,
    facts: Vec<Facts>,
    pub samples: Vec<Sample>,
    /// What the reader found worth telling.
    pub notes: Vec<String>,
    /// Series of histograms, which are no numbers.
    pub histograms: usize,
    negative: usize,
}

impl Dump {
    /// The number of a series, a new one if it is new.
    pub fn number(&mut self, series: Series, kind: Kind) -> usize {
        let meaning = Meaning::of(&series.metric);
        let number = *self.numbers.entry(series).or_insert(self.facts.len());
        if number == self.facts.len() {
            self.facts.push(Facts { kind, meaning, last_seconds: f64::NEG_INFINITY });
        }
        number
    }

    /// Takes a sample, later than the series' last. What is no finite number is a missing value.
    pub fn push(&mut self, series: usize, t_seconds: f64, value: f64) -> Result<(), Problem> {
        let Facts { meaning, last_seconds, .. } = self.facts[series];
        if !value.is_finite() {
            return Ok(());
        }
        if value < 0.0 && meaning == Meaning::Other {
            self.negative += 1;
            return Ok(());
        }
        if value < 0.0 && !matches!(meaning, Meaning::Start(_)) {
            let cell = value.to_string();
            return Err(Problem::Negative { column: self.name(series), cell });
        }
        if t_seconds <= last_seconds {
            let (now, before) = (t_seconds.to_string(), last_seconds.to_string());
            return Err(Problem::SampleNotLater { series: self.name(series), now, before });
        }
        if self.samples.len() == MOST_SAMPLES {
            return Err(Problem::TooManySamples);
        }
        self.facts[series].last_seconds = t_seconds;
        self.samples.push(Sample { t_seconds, series, value });
        Ok(())
    }

    /// The name with labels; slow, for messages.
    pub fn name(&self, series: usize) -> String {
        let named = self.numbers.iter().find(|(_, number)| **number == series);
        named.map(|(series, _)| excerpt(&series.to_string())).unwrap_or_default()
    }

    /// The series by their numbers, with what is known of them.
    pub fn take_series(&mut self) -> Vec<(Series, Facts)> {
        let mut series: Vec<(Series, usize)> = self.numbers.drain().collect();
        series.sort_unstable_by_key(|(_, number)| *number);
        series.into_iter().map(|(series, _)| series).zip(self.facts.drain(..)).collect()
    }

    /// What was left out, if anything.
    pub fn left_out(&self) -> impl Iterator<Item = String> + use<> {
        let counted = [(self.negative, "values below zero"), (self.histograms, "histograms")];
        let told = counted.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("left out: {count} {what}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_on_samples_is_the_one_that_is_told() {
        let mut dump = Dump::default();
        let series = Series { metric: "fds".into(), labels: BTreeMap::new() };
        let number = dump.number(series.clone(), Kind::Gauge);
        assert_eq!(dump.number(series, Kind::Gauge), number);
        let pushed = (0..MOST_SAMPLES).try_for_each(|t| dump.push(number, t as f64, 1.0));
        assert_eq!(pushed, Ok(()));
        let refused = dump.push(number, f64::MAX, 1.0);
        assert_eq!(refused, Err(Problem::TooManySamples));
        assert_eq!(dump.samples.len(), 5_000_000);
        assert!(Problem::TooManySamples.to_string().contains("5 million"));
    }
}
