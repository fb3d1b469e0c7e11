//! Rules as the YAML that Prometheus reads.

use std::fmt::Write;

use super::Rule;

/// One group with the rules in their order.
pub fn file(group: &str, rules: &[Rule]) -> String {
    let mut text = format!("groups:\n  - name: {group}\n    rules:\n");
    for rule in rules {
        // Writing to a string cannot fail.
        let _ = write!(text, "{}", Item(rule));
    }
    text
}

struct Item<'a>(&'a Rule);

impl std::fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rule = self.0;
        let severity = rule.severity.name();
        writeln!(f, "      - alert: {}", rule.alert)?;
        writeln!(f, "        expr: {}", quoted(&rule.expr))?;
        if !rule.lasting.is_zero() {
            writeln!(f, "        for: {}m", rule.lasting.as_secs() / 60)?;
        }
        writeln!(f, "        labels:\n          severity: {severity}")?;
        if let Some(objects) = &rule.objects {
            writeln!(f, "          objects: {}", quoted(objects))?;
        }
        writeln!(f, "        annotations:")?;
        writeln!(f, "          summary: {}", quoted(&rule.summary))?;
        writeln!(f, "          description: {}", quoted(&rule.description))
    }
}

/// A scalar in single quotes, in which only they are special.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
