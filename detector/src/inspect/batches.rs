//! Many series in questions of bearable size: by the values of the label that tells most of them apart.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::source::Labels;

/// Longest alternation in one question, in bytes: servers limit what they parse.
const LONGEST_MATCHER: usize = 64 << 10;

/// The values of one label, to be asked for a few at a time.
#[derive(Debug)]
pub struct Batches {
    label: String,
    /// Values yet to be asked for, and how many series have each; the next is last.
    left: Vec<(String, usize)>,
}

/// A few values of the label, as one question asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The values, with how many series have each.
    values: Vec<(String, usize)>,
}

impl Batch {
    /// How many series it asks for.
    pub fn series(&self) -> usize {
        self.values.iter().map(|(_, series)| series).sum()
    }
}

impl Batches {
    /// By the label with the most values among these series.
    pub fn of(series: &[Labels]) -> Self {
        let mut values: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
        for labels in series {
            // The name stands before the braces, and a matcher may not repeat it.
            for (label, value) in labels.iter().filter(|(label, _)| *label != "__name__") {
                *values.entry(label).or_default().entry(value).or_default() += 1;
            }
        }
        // A series without the label has it with an empty value.
        let best = values.into_iter().max_by_key(|(_, values)| values.len());
        let (label, mut values) = best.unwrap_or(("instance", BTreeMap::new()));
        let with = values.values().sum::<usize>();
        if with < series.len() {
            values.insert("", series.len() - with);
        }
        let left =
            values.into_iter().rev().map(|(value, series)| (value.to_owned(), series)).collect();
        Self { label: label.to_owned(), left }
    }

    /// The next values, of about so many series together; at least one value.
    pub fn next(&mut self, about: usize) -> Option<Batch> {
        let mut batch = Batch { values: vec![self.left.pop()?] };
        let mut length = batch.values[0].0.len();
        while let Some((value, series)) = self.left.last() {
            length += value.len();
            if batch.series() + series > about || length > LONGEST_MATCHER {
                break;
            }
            batch.values.extend(self.left.pop());
        }
        Some(batch)
    }

    /// Takes back what was too much at once, to be asked for in halves; `false` if it cannot be halved.
    pub fn halve(&mut self, batch: Batch) -> bool {
        let divisible = batch.values.len() > 1;
        self.left.extend(batch.values.into_iter().rev());
        divisible
    }

    /// The matcher of a batch: `instance=~"a|b"`.
    pub fn matcher(&self, batch: &Batch) -> String {
        let mut pattern = String::new();
        for (number, (value, _)) in batch.values.iter().enumerate() {
            let separator = if number == 0 { "" } else { "|" };
            // Writing to a string cannot fail.
            let _ = write!(pattern, "{separator}{}", literal(value));
        }
        format!("{}=~\"{pattern}\"", self.label)
    }
}

/// A value as a regular expression that matches it alone (RE2), as it stands between double quotes.
pub fn literal(value: &str) -> String {
    let pattern = value.chars().fold(String::new(), |mut text, c| {
        if "\\.+*?()|[]{}^$".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    });
    pattern.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(instance: &str) -> Labels {
        [("instance".to_owned(), instance.to_owned()), ("job".to_owned(), "node".to_owned())].into()
    }

    #[test]
    fn every_series_is_asked_for_once_by_the_label_that_tells_them_apart() {
        let series: Vec<Labels> = (0..10).map(|k| labels(&format!("h{k}"))).collect();
        let mut batches = Batches::of(&series);
        let asked: Vec<_> =
            std::iter::from_fn(|| batches.next(4).map(|b| (b.series(), batches.matcher(&b))))
                .collect();
        assert_eq!(
            asked,
            [
                (4, r#"instance=~"h0|h1|h2|h3""#.to_owned()),
                (4, r#"instance=~"h4|h5|h6|h7""#.to_owned()),
                (2, r#"instance=~"h8|h9""#.to_owned()),
            ]
        );
    }

    #[test]
    fn a_value_matches_itself_whatever_it_holds() {
        let mut batches = Batches::of(&[labels("a.b:9100"), labels(r#"c"\d|"#), Labels::new()]);
        let batch = batches.next(10).expect("a batch");
        assert_eq!(batches.matcher(&batch), r#"instance=~"|a\\.b:9100|c\"\\\\d\\|""#);
    }

    #[test]
    fn series_without_labels_are_asked_for_by_a_label_that_is_empty() {
        let mut batches = Batches::of(&[[("__name__".to_owned(), "m".to_owned())].into()]);
        let batch = batches.next(10).expect("a batch");
        assert_eq!(batches.matcher(&batch), r#"instance=~"""#);
    }

    #[test]
    fn what_was_too_much_comes_back_until_one_value_is_left() {
        let mut batches = Batches::of(&[labels("a"), labels("b"), labels("c")]);
        let all = batches.next(3).expect("a batch");
        assert!(batches.halve(all.clone()));
        assert_eq!(batches.next(3), Some(all));
        let mut one = Batches::of(&[labels("a")]);
        let last = one.next(3).expect("a batch");
        assert!(!one.halve(last));
    }
}
