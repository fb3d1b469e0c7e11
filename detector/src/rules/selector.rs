//! Names and labels as Prometheus has them, checked before they stand in a rule: Prometheus refuses a whole
//! file for one of them.

use std::fmt;
use std::str::FromStr;

/// The name of a metric: letters, digits, `_` and `:`, no digit first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricName(String);

/// A name that Prometheus would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a metric: letters, digits, `_` and `:`, with no digit first")]
pub struct BadName;

impl FromStr for MetricName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        is_name(text, true).then(|| Self(text.to_owned())).ok_or(BadName)
    }
}

impl fmt::Display for MetricName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Matchers of labels, as they stand between the braces of a selector: `job="api",instance=~"api-.*"`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector(Vec<String>);

/// What is wrong with a selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected matchers such as job=\"api\",instance=~\"api-.*\"; cannot read on from `{rest}`")]
pub struct BadSelector {
    rest: String,
}

impl FromStr for Selector {
    type Err = BadSelector;

    /// Outer braces may be there or not; at least one matcher must.
    fn from_str(text: &str) -> Result<Self, BadSelector> {
        let inner = text.trim();
        let inner = inner.strip_prefix('{').and_then(|i| i.strip_suffix('}')).unwrap_or(inner);
        let (mut rest, mut matchers) = (inner.trim_start(), Vec::new());
        loop {
            let length = matcher(rest).ok_or_else(|| BadSelector { rest: rest.to_owned() })?;
            matchers.push(rest[..length].to_owned());
            let after = rest[length..].trim_start();
            rest = match after.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if after.is_empty() => return Ok(Self(matchers)),
                None => return Err(BadSelector { rest: after.to_owned() }),
            };
        }
    }
}

impl Selector {
    /// The matchers without braces.
    pub fn matchers(&self) -> String {
        self.0.join(",")
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.matchers())
    }
}

/// Length of the matcher that the text begins with: a label, an operator, a value in double quotes.
fn matcher(text: &str) -> Option<usize> {
    let label = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_')?;
    let operator = ["=~", "!~", "!=", "="].into_iter().find(|o| text[label..].starts_with(o))?;
    let opened = label + operator.len();
    let value = text[opened..].strip_prefix('"')?;
    let mut escaped = false;
    let closed = value.char_indices().find_map(|(at, c)| {
        let closes = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        closes.then_some(at)
    })?;
    let sound = is_name(&text[..label], false) && !value[..closed].contains('\n');
    sound.then_some(opened + closed + 2)
}

fn is_name(text: &str, colons: bool) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || (colons && c == ':');
    text.starts_with(letter) && text.chars().all(|c| letter(c) || c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_selector_is_matchers_with_braces_or_without() {
        for (text, shown) in [
            (r#"job="api""#, r#"{job="api"}"#),
            (r#"{job="api"}"#, r#"{job="api"}"#),
            (
                r#"job="api", instance=~"a{2}\"b\\", env!="", x!~"y,z""#,
                r#"{job="api",instance=~"a{2}\"b\\",env!="",x!~"y,z"}"#,
            ),
        ] {
            assert_eq!(text.parse::<Selector>().map(|s| s.to_string()).as_deref(), Ok(shown));
        }
        for bad in [
            "",
            "{}",
            "job",
            "job=",
            "job=api",
            "job='api'",
            r#"job="api"#,
            r#"1job="api""#,
            r#"job="a" env="b""#,
            r#"job="api","#,
            r#"job=="api""#,
            "job=\"a\nb\"",
            r#"job="api\""#,
            r#"{job="api""#,
        ] {
            assert!(bad.parse::<Selector>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_is_what_prometheus_takes() {
        for good in ["up", "process_resident_memory_bytes", "job:memory:sum", "_a1"] {
            assert_eq!(good.parse::<MetricName>().map(|n| n.to_string()).as_deref(), Ok(good));
        }
        for bad in ["", "1up", "a-b", "a b", "up{}", "größe"] {
            assert_eq!(bad.parse::<MetricName>(), Err(BadName), "{bad}");
        }
    }
}
