//! `rules:`, thresholds beside the core.

use std::collections::BTreeSet;

use super::fields::{Fields, text};
use crate::target::Target;
use crate::threshold::{KEYS, Rule};

/// Most gauges and counters that rules may name: each is looked for at each look at a page.
const MOST_NAMES: usize = 100;

/// A rule, and of which targets it is.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetRule {
    /// The rule.
    pub rule: Rule,
    /// The names of its targets; without any it is of all.
    pub targets: Vec<String>,
}

impl TargetRule {
    /// Whether it is checked on the target of this name.
    pub fn is_of(&self, target: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|name| name == target)
    }
}

/// Reads the list; names are unique.
pub(super) fn read(file: &mut Fields<'_>, targets: &[Target]) -> Vec<TargetRule> {
    let mut rules: Vec<TargetRule> = Vec::new();
    for mut fields in file.maps("rules") {
        let given: Vec<(&str, String)> = KEYS
            .into_iter()
            .filter_map(|key| fields.get(key, text).map(|value| (key, value)))
            .collect();
        let named = fields.list("targets", |name| known(name, targets));
        match Rule::from_keys(given.iter().map(|(key, value)| (*key, value.as_str()))) {
            Ok(rule) if rules.iter().any(|other| other.rule.name == rule.name) => {
                fields.report(format!("two rules are named `{}`; give one a `name`", rule.name));
            }
            Ok(rule) => {
                let rule = TargetRule { rule, targets: named };
                if rule.rule.counts() && !has_page(&rule, targets) {
                    fields.report(
                        "only a page (metrics, json) tells this counter, and no target has one",
                    );
                }
                rules.push(rule);
            }
            Err(problems) => {
                for bad in problems {
                    fields.report_at(&bad.key, bad.to_string());
                }
            }
        }
        fields.close();
    }
    let names: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.rule.asks_for()).collect();
    if names.len() > MOST_NAMES {
        file.report_at("rules", format!("more than {MOST_NAMES} gauges and counters"));
    }
    rules
}

fn known(name: &str, targets: &[Target]) -> Result<String, String> {
    let there = || targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>();
    if there().contains(&name) {
        return Ok(name.to_owned());
    }
    Err(format!("no such target; there are: {}", there().join(", ")))
}

/// What is missing where there is no page is just that.
fn has_page(rule: &TargetRule, targets: &[Target]) -> bool {
    targets.iter().any(|target| rule.is_of(&target.name) && target.has_page())
}
