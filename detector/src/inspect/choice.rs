//! Which series are inspected: those of the hosts that were asked for, less what filters take out, one after the other.

use std::collections::BTreeSet;
use std::str::FromStr;

use regex_lite::Regex;
use serde::Serialize;

use super::host;
use crate::source::Labels;

/// Longest filter, in bytes: what a person writes.
const LONGEST_FILTER: usize = 10_000;

/// What to keep.
#[derive(Debug, Clone, Default)]
pub struct Choice {
    /// Hosts, with a port or without; without any, all.
    pub include: BTreeSet<String>,
    /// Applied in sequence.
    pub filters: Vec<Filter>,
}

/// A matcher of a label as Prometheus has them: `label="value"`, `!=`, `=~` and `!~`, quotes or not. A series without
/// the label has it with an empty value; an expression matches the whole value.
#[derive(Debug, Clone)]
pub struct Filter {
    text: String,
    label: String,
    wants: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Equal(String),
    Matches(Regex),
}

/// A filter that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// It has no label or no operator.
    #[error("expected a matcher such as 'env=prod' or 'instance=~web-.*'")]
    NoMatcher,
    /// Its expression is none.
    #[error("not a regular expression: {0}")]
    BadExpression(String),
}

impl FromStr for Filter {
    type Err = BadFilter;

    fn from_str(text: &str) -> Result<Self, BadFilter> {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = text.find(|c| !name(c)).ok_or(BadFilter::NoMatcher)?;
        let (label, rest) = text.split_at(end);
        let split = |operator: &str| rest.strip_prefix(operator);
        let (wants, is_expression, value) = None
            .or_else(|| split("=~").map(|value| (true, true, value)))
            .or_else(|| split("!~").map(|value| (false, true, value)))
            .or_else(|| split("!=").map(|value| (false, false, value)))
            .or_else(|| split("=").map(|value| (true, false, value)))
            .filter(|_| !label.is_empty() && text.len() <= LONGEST_FILTER)
            .ok_or(BadFilter::NoMatcher)?;
        let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
        let value = bare.unwrap_or(value);
        let kind = if is_expression {
            let whole = Regex::new(&format!("^(?:{value})$"));
            Test::Matches(whole.map_err(|error| BadFilter::BadExpression(error.to_string()))?)
        } else {
            Test::Equal(value.to_owned())
        };
        Ok(Self { text: text.to_owned(), label: label.to_owned(), wants, test: kind })
    }
}

impl Filter {
    fn keeps(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.label).map_or("", String::as_str);
        let fits = match &self.test {
            Test::Equal(wanted) => value == wanted,
            Test::Matches(expression) => expression.is_match(value),
        };
        fits == self.wants
    }
}

/// How many series one step left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The filter, or the list of hosts.
    pub filter: String,
    /// Series that were there before it.
    pub before: usize,
    /// Series that it left.
    pub left: usize,
}

/// What was chosen of all series.
#[derive(Debug, Default)]
pub struct Chosen {
    /// What every step left.
    pub steps: Vec<Step>,
    /// Hosts that were asked for, and of which there is no series.
    pub absent: Vec<String>,
}

impl Choice {
    /// Whether a series is one that was asked for.
    pub fn has(&self, labels: &Labels, host_label: &str) -> bool {
        let included = self.include.is_empty() || self.included(labels, host_label).is_some();
        included && self.filters.iter().all(|filter| filter.keeps(labels))
    }

    /// Takes out of `series` what was not asked for.
    pub fn apply<T>(
        &self,
        series: &mut Vec<T>,
        labels: impl Fn(&T) -> &Labels,
        host_label: &str,
    ) -> Chosen {
        let mut chosen = Chosen::default();
        if !self.include.is_empty() {
            let before = series.len();
            let mut there = BTreeSet::new();
            series.retain(|series| {
                let named = self.included(labels(series), host_label);
                there.extend(named);
                named.is_some()
            });
            let filter = format!("{} hosts", self.include.len());
            chosen.steps.push(Step { filter, before, left: series.len() });
            let absent = self.include.iter().filter(|host| !there.contains(host.as_str()));
            chosen.absent = absent.cloned().collect();
        }
        for filter in &self.filters {
            let before = series.len();
            series.retain(|series| filter.keeps(labels(series)));
            let filter = filter.text.clone();
            chosen.steps.push(Step { filter, before, left: series.len() });
        }
        chosen
    }

    /// The host of a series as the list has it: with its port, or without.
    fn included(&self, labels: &Labels, host_label: &str) -> Option<&str> {
        let whole = self.include.get(labels.get(host_label)?);
        let bare = || self.include.get(&host(labels, host_label)?);
        whole.or_else(bare).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(instance: &str, env: &str) -> Labels {
        [("instance".to_owned(), instance.to_owned()), ("env".to_owned(), env.to_owned())].into()
    }

    fn chosen(include: &[&str], filters: &[&str]) -> (Vec<String>, Chosen) {
        let mut all =
            vec![series("a:9100", "prod"), series("a:9256", "test"), series("b", "prod"), {
                let mut bare = series("c:1", "");
                bare.remove("env");
                bare
            }];
        let choice = Choice {
            include: include.iter().map(|&host| host.to_owned()).collect(),
            filters: filters.iter().map(|filter| filter.parse().expect("a filter")).collect(),
        };
        let chosen = choice.apply(&mut all, |labels| labels, "instance");
        (all.into_iter().filter_map(|mut labels| labels.remove("instance")).collect(), chosen)
    }

    #[test]
    fn hosts_are_named_with_their_port_or_without_and_absent_ones_are_told() {
        for (include, left, absent) in [
            (&[][..], &["a:9100", "a:9256", "b", "c:1"][..], &[][..]),
            (&["a"], &["a:9100", "a:9256"], &[]),
            (&["a:9100", "b"], &["a:9100", "b"], &[]),
            (&["b", "gone", "c:2"], &["b"], &["c:2", "gone"]),
        ] {
            let (series, chosen) = chosen(include, &[]);
            assert_eq!(series, left, "{include:?}");
            assert_eq!(chosen.absent, absent, "{include:?}");
        }
    }

    #[test]
    fn filters_are_applied_in_sequence_and_say_what_they_left() {
        for (filters, left) in [
            (&["env=prod"][..], &["a:9100", "b"][..]),
            (&[r#"env="prod""#], &["a:9100", "b"]),
            (&["env!=prod"], &["a:9256", "c:1"]),
            (&["env="], &["c:1"]),
            (&["instance=~a.*"], &["a:9100", "a:9256"]),
            (&["instance=~a"], &[]),
            (&["instance!~.:.*", "env=~p.*"], &["b"]),
        ] {
            assert_eq!(chosen(&[], filters).0, left, "{filters:?}");
        }
        let (_, chosen) = chosen(&["a", "b"], &["env=prod", "instance=b"]);
        let counts: Vec<_> = chosen.steps.iter().map(|step| (step.before, step.left)).collect();
        assert_eq!(counts, [(4, 3), (3, 2), (2, 1)]);
    }

    #[test]
    fn a_filter_is_a_label_an_operator_and_a_value() {
        for bad in ["", "env", "=x", "a-b=c", "env<3"] {
            assert_eq!(bad.parse::<Filter>().expect_err("refused"), BadFilter::NoMatcher, "{bad}");
        }
        assert!(matches!("a=~(".parse::<Filter>(), Err(BadFilter::BadExpression(_))));
    }
}
