//! A rule from the keys of a configuration file.

use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::{Condition, Figure, Measure, Rule, Severity};
use crate::Signal;
use crate::source::named::is_name;

/// The keys that a rule may have; [`Rule::from_keys`] says what they mean.
pub const KEYS: [&str; 8] = ["rule", "name", "kind", "of", "above", "window", "for", "severity"];

const KINDS: &str = "level, base, peak, growth, events, rate, missing, refused or failing";

/// Windows that make sense: sixty cells of a second, thirty days.
const WINDOWS: std::ops::RangeInclusive<Duration> =
    Duration::from_mins(1)..=Duration::from_hours(30 * 24);

/// What is wrong with one key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {problem}")]
pub struct BadKey {
    /// The key, or the one that is missing.
    pub key: String,
    /// What is wrong, and what was expected.
    pub problem: String,
}

impl Rule {
    /// A rule from keys and values as they stand in a file; every problem at once.
    ///
    /// | key | value | default |
    /// |---|---|---|
    /// | `rule` | a preset: `HighMemoryGrowthRate`, `CriticalMemoryUsage`, ... | none: then `name` and `kind` are needed |
    /// | `name` | the name of the alert | the preset's |
    /// | `kind` | `level`, `base`, `peak`, `growth` (per hour), `events` (in the window), `rate` (per second), `missing`, `refused`, `failing` | the preset's |
    /// | `of` | `memory`, a signal (`rss_bytes`, `fds`, ...), or the name of a gauge or counter, with some of its labels in braces or without | the preset's, else `memory` |
    /// | `above` | the threshold: a size (`10MiB`) or a number | the preset's |
    /// | `window` | over how long it is measured: `1h` | the preset's, else `1h`; `5m` for a rate |
    /// | `for` | for how long it must hold: `30m` | the preset's, else `0s` |
    /// | `severity` | `warning` or `critical` | the preset's, else `warning` |
    ///
    /// A key that is given twice counts as it was given last.
    pub fn from_keys<'a>(
        keys: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, Vec<BadKey>> {
        let mut given = Given::default();
        for (key, value) in keys {
            given.put(key, value);
        }
        given.rule()
    }
}

/// What `kind` may say.
#[derive(Clone, Copy)]
enum Kind {
    Above(Measure),
    Missing,
    Refused,
    Failing,
}

#[derive(Default)]
struct Given {
    preset: Option<Rule>,
    name: Option<String>,
    kind: Option<Kind>,
    of: Option<Figure>,
    above: Option<f64>,
    window_seconds: Option<f64>,
    hold_seconds: Option<f64>,
    severity: Option<Severity>,
    problems: Vec<BadKey>,
}

impl Given {
    fn put(&mut self, key: &str, value: &str) {
        let done = match key {
            "rule" => preset(value).map(|rule| self.preset = Some(rule)),
            "name" => name(value).map(|name| self.name = Some(name)),
            "kind" => kind(value).map(|kind| self.kind = Some(kind)),
            "of" => figure(value).map(|figure| self.of = Some(figure)),
            "above" => threshold(value).map(|number| self.above = Some(number)),
            "window" => window(value).map(|seconds| self.window_seconds = Some(seconds)),
            "for" => duration(value).map(|held| self.hold_seconds = Some(held.as_secs_f64())),
            "severity" => severity(value).map(|severity| self.severity = Some(severity)),
            _ => Err(format!("unknown key; a rule has {}", KEYS.join(", "))),
        };
        if let Err(problem) = done {
            self.complain(key, problem);
        }
    }

    fn complain(&mut self, key: &str, problem: impl Into<String>) {
        self.problems.push(BadKey { key: key.to_owned(), problem: problem.into() });
    }

    fn rule(mut self) -> Result<Rule, Vec<BadKey>> {
        let condition = self.condition();
        let preset = self.preset.take();
        let name = self.name.take().or_else(|| preset.as_ref().map(|rule| rule.name.clone()));
        if name.is_none() && !self.problems.iter().any(|bad| ["name", "rule"].contains(&&*bad.key))
        {
            self.complain("name", "missing; give it a name, or a `rule` that has one");
        }
        let (Some(name), Some(condition), []) = (name, condition, &self.problems[..]) else {
            return Err(self.problems);
        };
        let severity = self.severity.or(preset.as_ref().map(|rule| rule.severity));
        let hold_seconds = self.hold_seconds.or(preset.as_ref().map(|rule| rule.hold_seconds));
        let rule = Rule {
            name,
            severity: severity.unwrap_or(Severity::Warning),
            condition,
            hold_seconds: hold_seconds.unwrap_or_default(),
        };
        if !rule.is_complete() {
            let problem = format!("missing; {} needs the name of a gauge or counter", rule.name);
            return Err(vec![BadKey { key: "of".to_owned(), problem }]);
        }
        Ok(rule)
    }

    /// The condition of the keys, each that is not given taken from the preset.
    fn condition(&mut self) -> Option<Condition> {
        let preset = self.preset.as_ref().map(|rule| rule.condition.clone());
        let kind = self.kind.or(preset.as_ref().map(|condition| match condition {
            Condition::Above { measure, .. } => Kind::Above(*measure),
            Condition::Missing(_) => Kind::Missing,
            Condition::Refused => Kind::Refused,
            Condition::Failing => Kind::Failing,
        }));
        let Some(kind) = kind else {
            if !self.problems.iter().any(|bad| ["kind", "rule"].contains(&&*bad.key)) {
                self.complain(
                    "kind",
                    format!("missing; expected {KINDS}, or a `rule` that has one"),
                );
            }
            return None;
        };
        let of = self.of.clone().or(match &preset {
            Some(Condition::Above { of, .. } | Condition::Missing(of)) => Some(of.clone()),
            _ => None,
        });
        let of = of.unwrap_or(Figure::Memory);
        match kind {
            Kind::Above(measure) => self.above(measure, of, preset.as_ref()),
            Kind::Missing => {
                self.refuse_numbers("missing");
                Some(Condition::Missing(of))
            }
            Kind::Refused => {
                self.refuse_numbers("refused");
                Some(Condition::Refused)
            }
            Kind::Failing => {
                self.refuse_numbers("failing");
                Some(Condition::Failing)
            }
        }
    }

    fn above(
        &mut self,
        measure: Measure,
        of: Figure,
        preset: Option<&Condition>,
    ) -> Option<Condition> {
        let preset = match preset {
            Some(Condition::Above { window_seconds, threshold, .. }) => {
                Some((*window_seconds, *threshold))
            }
            _ => None,
        };
        // A threshold means another thing to another measure.
        let inherited = preset.filter(|_| self.kind.is_none());
        let Some(threshold) = self.above.or(inherited.map(|(_, threshold)| threshold)) else {
            if !self.problems.iter().any(|bad| bad.key == "above") {
                self.complain("above", "missing; expected a size such as 10MiB, or a number");
            }
            return None;
        };
        let usual = if measure == Measure::Rate { 300.0 } else { 3600.0 };
        let window_seconds =
            self.window_seconds.or(inherited.map(|(window, _)| window)).unwrap_or(usual);
        Some(Condition::Above { measure, of, window_seconds, threshold })
    }

    /// What compares nothing has no numbers.
    fn refuse_numbers(&mut self, kind: &str) {
        for (key, given) in
            [("above", self.above.is_some()), ("window", self.window_seconds.is_some())]
        {
            if given {
                self.complain(key, format!("a rule of kind {kind} has none"));
            }
        }
    }
}

fn preset(value: &str) -> Result<Rule, String> {
    Rule::preset(value).ok_or_else(|| {
        let names: Vec<String> = Rule::presets().into_iter().map(|rule| rule.name).collect();
        format!("unknown rule `{value}`; there are {}", names.join(", "))
    })
}

fn name(value: &str) -> Result<String, String> {
    let sound = !value.trim().is_empty() && value.len() <= 200;
    sound
        .then(|| value.trim().to_owned())
        .ok_or_else(|| "expected a name of 1 to 200 characters".to_owned())
}

fn kind(value: &str) -> Result<Kind, String> {
    Ok(match value {
        "level" => Kind::Above(Measure::Level),
        "base" => Kind::Above(Measure::Base),
        "peak" => Kind::Above(Measure::Peak),
        "growth" => Kind::Above(Measure::Growth),
        "events" => Kind::Above(Measure::Events),
        "rate" => Kind::Above(Measure::Rate),
        "missing" => Kind::Missing,
        "refused" => Kind::Refused,
        "failing" => Kind::Failing,
        _ => return Err(format!("unknown kind `{value}`; expected {KINDS}")),
    })
}

fn figure(value: &str) -> Result<Figure, String> {
    match value.trim() {
        "" => Err("expected memory, a signal, or the name of a gauge or counter".to_owned()),
        "memory" => Ok(Figure::Memory),
        name if name.contains('{') && !is_name(name) => {
            Err(format!("`{name}`: expected labels as in queue_depth{{queue=\"mail\"}}"))
        }
        name => {
            Ok(Signal::from_str(name)
                .map_or_else(|_| Figure::Named(name.to_owned()), Figure::Signal))
        }
    }
}

fn threshold(value: &str) -> Result<f64, String> {
    let number = value.parse::<f64>().ok().filter(|number| number.is_finite());
    let size = || value.parse::<ByteSize>().ok().map(|size| size.as_u64() as f64);
    number.or_else(size).filter(|number| *number >= 0.0).ok_or_else(|| {
        format!("`{value}`: expected a size such as 10MiB, or a number, zero or more")
    })
}

fn window(value: &str) -> Result<f64, String> {
    duration(value).and_then(|window| {
        let fits = WINDOWS.contains(&window).then_some(window.as_secs_f64());
        fits.ok_or_else(|| format!("`{value}`: expected 1m to 30days"))
    })
}

fn duration(value: &str) -> Result<Duration, String> {
    humantime::parse_duration(value)
        .map_err(|_| format!("`{value}`: expected a duration such as 30m"))
}

fn severity(value: &str) -> Result<Severity, String> {
    match value {
        "warning" => Ok(Severity::Warning),
        "critical" => Ok(Severity::Critical),
        _ => Err(format!("`{value}`: expected warning or critical")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_preset_is_enough_and_each_key_changes_one_thing() {
        let plain = Rule::from_keys([("rule", "HighMemoryGrowthRate")]);
        assert_eq!(plain.as_ref().ok(), Rule::preset("HighMemoryGrowthRate").as_ref());
        let changed = Rule::from_keys([
            ("rule", "HighMemoryGrowthRate"),
            ("above", "20MiB"),
            ("for", "5m"),
            ("window", "30m"),
            ("severity", "critical"),
            ("name", "Mine"),
            ("of", "heap_bytes"),
        ]);
        let expected = Rule {
            name: "Mine".to_owned(),
            severity: Severity::Critical,
            condition: Condition::Above {
                measure: Measure::Growth,
                of: Figure::Signal(Signal::HeapBytes),
                window_seconds: 1800.0,
                threshold: 20_971_520.0,
            },
            hold_seconds: 300.0,
        };
        assert_eq!(changed, Ok(expected));
    }

    #[test]
    fn a_rule_of_ones_own_has_a_name_a_kind_and_a_threshold() {
        let rule = Rule::from_keys([
            ("name", "Gc"),
            ("kind", "rate"),
            ("of", "gc_total"),
            ("above", "10"),
        ]);
        let rule = rule.expect("a rule");
        assert_eq!(rule.asks_for(), Some("gc_total"));
        assert_eq!(rule.to_string(), "gc_total rises by more than 10.0 per second");
        let refused = Rule::from_keys([("name", "Auth"), ("kind", "refused"), ("for", "1m")]);
        assert_eq!(refused.map(|rule| rule.condition), Ok(Condition::Refused));
    }

    #[test]
    fn every_problem_is_told_at_once_by_its_key() {
        for (keys, bad) in [
            (&[][..], &["kind", "name"][..]),
            (&[("rule", "NoSuchRule")], &["rule"]),
            (&[("rule", "HighObjectGrowth")], &["of"]),
            (&[("rule", "HighObjectGrowth"), ("of", "objects{kind=a}")], &["of"]),
            (&[("name", "a"), ("kind", "growth")], &["above"]),
            (&[("name", "a"), ("kind", "growth"), ("above", "much")], &["above"]),
            (&[("rule", "HighMemoryUsage"), ("kind", "rate"), ("of", "x")], &["above"]),
            (
                &[("rule", "MemoryMetricsMissing"), ("above", "1"), ("window", "1h")],
                &["above", "window"],
            ),
            (
                &[
                    ("rule", "HighMemoryUsage"),
                    ("for", "soon"),
                    ("severity", "bad"),
                    ("colour", "red"),
                    ("window", "1s"),
                    ("of", " "),
                    ("name", ""),
                ],
                &["for", "severity", "colour", "window", "of", "name"],
            ),
            (&[("rule", "HighMemoryUsage"), ("above", "-1")], &["above"]),
            (&[("rule", "HighMemoryUsage"), ("above", "NaN")], &["above"]),
        ] {
            let refused = Rule::from_keys(keys.iter().copied()).expect_err("refused");
            let found: Vec<&str> = refused.iter().map(|bad| bad.key.as_str()).collect();
            assert_eq!(found, bad, "{keys:?}");
        }
    }
}
