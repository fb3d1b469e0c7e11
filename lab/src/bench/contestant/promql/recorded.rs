//! Metrics that recording rules make: their expression is put in their place, in brackets.
//!
//! That is what Prometheus says at the same instant if the recording rule has just been evaluated: it stands
//! before the alert in the same group, or in another group of the same interval, which is taken to run first. A range
//! of such a metric is a subquery at that interval. What cannot be said exactly in this way is refused.

use std::collections::BTreeMap;

use super::expression::{After, Selector, selected};
use super::metrics::escaped;
use super::server::{ReadGroup, ReadRule};

/// Recording rules that use recording rules that use recording rules: deeper is a circle, or as good as one.
const DEEPEST: usize = 8;
/// The longest expression that comes of it.
const LONGEST_BYTES: usize = 1 << 16;

/// The recording rules that an alert sees.
pub struct Recorded<'a> {
    interval_seconds: f64,
    by_name: BTreeMap<&'a str, Vec<Recording<'a>>>,
}

struct Recording<'a> {
    rule: &'a ReadRule,
    interval_seconds: f64,
    /// Whether it stands behind the alert in the same group, which so sees what was recorded before.
    is_behind: bool,
}

impl<'a> Recorded<'a> {
    /// For the alert that stands at `index` in `group`, one of the `groups` of its file.
    pub fn seen_by(groups: &[&'a ReadGroup], group: &'a ReadGroup, index: usize) -> Self {
        let mut by_name: BTreeMap<&str, Vec<Recording>> = BTreeMap::new();
        for other in groups {
            let is_same = std::ptr::eq(*other, group);
            for (at, rule) in other.rules.iter().enumerate().filter(|(_, rule)| !rule.is_alert()) {
                let (interval_seconds, is_behind) = (other.interval_seconds, is_same && at > index);
                let recording = Recording { rule, interval_seconds, is_behind };
                by_name.entry(&rule.name).or_default().push(recording);
            }
        }
        Self { interval_seconds: group.interval_seconds, by_name }
    }

    /// The expression without any metric that is recorded; or why it cannot be had.
    pub fn resolve(&self, query: &str) -> Result<String, String> {
        self.resolve_within(query, DEEPEST)
    }

    fn resolve_within(&self, query: &str, depth: usize) -> Result<String, String> {
        let mut resolved = query.to_owned();
        // From the end, so that what stands before keeps its place.
        for selector in selected(query).selectors.iter().rev() {
            let Some(recordings) = self.by_name.get(selector.metric.as_str()) else { continue };
            let expression = self.expression(selector, recordings, depth).map_err(|why| {
                let name = &selector.metric;
                format!("needs {name}, which a recording rule makes, {why}: put its expression in its place")
            })?;
            resolved
                .replace_range(selector.at..selector.at + selector.text.len(), &expression.text);
            if expression.is_range {
                let end = selector.at + expression.text.len();
                let step = (self.interval_seconds * 1e3).round();
                let close = resolved[end..].find(']').map_or(resolved.len(), |close| end + close);
                resolved.insert_str(close, &format!(":{step}ms"));
            }
            if resolved.len() > LONGEST_BYTES {
                return Err("needs recording rules that are too long together".to_owned());
            }
        }
        Ok(resolved)
    }

    fn expression(
        &self,
        selector: &Selector,
        recordings: &[Recording],
        depth: usize,
    ) -> Result<Expression, String> {
        let [Recording { rule, interval_seconds, is_behind }] = recordings else {
            return Err("as others do".to_owned());
        };
        let every = self.interval_seconds;
        let why = match selector.after {
            _ if depth == 0 => "in a circle",
            _ if *is_behind => "behind it",
            _ if (interval_seconds - every).abs() > 1e-9 => "at another interval",
            _ if selector.text != selector.metric => "and selects by its labels",
            After::Modifier => "and asks for it at another time",
            // Subqueries are evaluated at multiples of their step, and traces begin on a whole minute.
            After::Range | After::Subquery if (60.0 % every).abs() > 1e-9 => {
                "and asks for its past, at an interval that does not divide a minute"
            }
            After::Nothing | After::Range | After::Subquery => {
                let inner = self.resolve_within(&rule.query, depth - 1)?;
                let text = format!("({})", labelled(&inner, &rule.labels));
                return Ok(Expression { text, is_range: selector.after == After::Range });
            }
        };
        Err(why.to_owned())
    }
}

struct Expression {
    text: String,
    is_range: bool,
}

/// As a recording rule sets labels.
fn labelled(query: &str, labels: &BTreeMap<String, String>) -> String {
    labels.iter().fold(query.to_owned(), |query, (name, value)| {
        // In a replacement `$1` is a group of the pattern.
        let value = escaped(&value.replace('$', "$$"));
        format!("label_replace({query}, \"{name}\", \"{value}\", \"\", \"\")")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(text: &str) -> Vec<ReadGroup> {
        serde_json::from_str(text).unwrap()
    }

    /// `b` uses `a` in the same group; `c` is of another interval, `d` is made twice, `e` and `f` of one another.
    const GROUPS: &str = r#"[
        {"file": "f", "interval": 60, "rules": [
            {"type": "recording", "name": "a", "query": "sum(x)"},
            {"type": "recording", "name": "b", "query": "a / 2", "labels": {"of": "$\"a"}},
            {"type": "alerting", "name": "A", "query": "a > 1"},
            {"type": "recording", "name": "late", "query": "x"}]},
        {"file": "f", "interval": 60, "rules": [
            {"type": "recording", "name": "job:d", "query": "x"},
            {"type": "recording", "name": "job:d", "query": "y"},
            {"type": "recording", "name": "e", "query": "f"},
            {"type": "recording", "name": "f", "query": "e"},
            {"type": "recording", "name": "g", "query": "y offset 1m"}]},
        {"file": "f", "interval": 30, "rules": [{"type": "recording", "name": "c", "query": "x"}]}]"#;

    #[test]
    fn what_is_recorded_is_replaced_by_its_expression() {
        let groups = groups(GROUPS);
        let all: Vec<&ReadGroup> = groups.iter().collect();
        let recorded = Recorded::seen_by(&all, all[0], 2);
        for (query, expected) in [
            ("x > 1", "x > 1"),
            ("a > 1 and a < g", "(sum(x)) > 1 and (sum(x)) < (y offset 1m)"),
            ("deriv(a[1h])", "deriv((sum(x))[1h:60000ms])"),
            ("max_over_time(a [1h:5m]) + h", "max_over_time((sum(x)) [1h:5m]) + h"),
            ("rate(a[5m] offset 1h)", "rate((sum(x))[5m:60000ms] offset 1h)"),
            ("b", r#"(label_replace((sum(x)) / 2, "of", "$$\"a", "", ""))"#),
        ] {
            assert_eq!(recorded.resolve(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn what_would_be_another_question_is_refused() {
        let groups = groups(GROUPS);
        let all: Vec<&ReadGroup> = groups.iter().collect();
        let recorded = Recorded::seen_by(&all, all[0], 2);
        for (query, why) in [
            (
                "a{job=\"x\"} > 1",
                "needs a, which a recording rule makes, and selects by its labels",
            ),
            ("a offset 5m > 1", "and asks for it at another time"),
            ("a @ end() > 1", "and asks for it at another time"),
            ("c > 1", "at another interval"),
            ("late > 1", "behind it"),
            ("job:d > 1", "as others do"),
            ("e > 1", "in a circle"),
        ] {
            let refused = recorded.resolve(query).unwrap_err();
            assert!(refused.contains(why), "{query}: {refused}");
        }
        let slow = ReadGroup { interval_seconds: 300.0, ..groups[0].clone() };
        let refused = Recorded::seen_by(&[&slow], &slow, 2).resolve("deriv(a[1h])").unwrap_err();
        assert!(refused.contains("does not divide a minute"), "{refused}");
    }
}
