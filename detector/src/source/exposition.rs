//! The Prometheus text format (0.0.4, and what `OpenMetrics` adds to it), one line at a time.
//!
//! Strict where a slip would yield a wrong number: names, labels, quotes, values, timestamps.
//! Comments and exemplars are read past. It keeps the declared types and nothing else.

use std::borrow::Cow;
use std::collections::HashMap;

/// What the page declares a metric to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up.
    Counter,
    /// Histogram, summary, info, state set: no single number that could be held.
    Composite,
    /// Nothing declared, or declared untyped.
    Untyped,
}

impl Kind {
    fn declared(word: &str) -> Option<Self> {
        Some(match word {
            "gauge" => Self::Gauge,
            "counter" => Self::Counter,
            "untyped" | "unknown" => Self::Untyped,
            "histogram" | "summary" | "gaugehistogram" | "info" | "stateset" => Self::Composite,
            _ => return None,
        })
    }
}

/// One sample line.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// The metric's name, without labels.
    pub name: &'a str,
    /// Label names and unescaped values, in the order of the page.
    pub labels: Vec<(&'a str, Cow<'a, str>)>,
    /// The value; may be NaN or infinite.
    pub value: f64,
    /// The timestamp, as it stands there: milliseconds since 1970 in the text format, seconds in
    /// `OpenMetrics`.
    pub timestamp: Option<f64>,
    /// What the page declares it to be.
    pub kind: Kind,
}

impl Sample<'_> {
    /// The name with its labels in braces, sorted, so that a page that shuffles them names the
    /// same series.
    pub fn series_name(&self) -> String {
        if self.labels.is_empty() {
            return self.name.to_owned();
        }
        let mut labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        labels.sort_unstable();
        format!("{}{{{}}}", self.name, labels.join(","))
    }
}

/// A page that is not in the text format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what} in `{excerpt}`")]
pub struct ExpositionError {
    line: usize,
    what: &'static str,
    excerpt: String,
}

/// Reads the samples of a page.
pub fn samples(page: &str) -> impl Iterator<Item = Result<Sample<'_>, ExpositionError>> {
    let mut reader = LineReader::default();
    page.lines().enumerate().filter_map(move |(index, line)| {
        let read = reader.read(line);
        read.map_err(|what| ExpositionError { line: index + 1, what, excerpt: excerpt(line) })
            .transpose()
    })
}

/// Reads one line after the other, and knows the types declared so far.
#[derive(Debug, Default)]
pub struct LineReader {
    kinds: HashMap<String, Kind>,
}

impl LineReader {
    /// The sample of a line, nothing for a comment or a blank line, or what is wrong with it.
    pub fn read<'a>(&mut self, line: &'a str) -> Result<Option<Sample<'a>>, &'static str> {
        let line = line.trim();
        if let Some(comment) = line.strip_prefix('#') {
            return read_comment(comment, &mut self.kinds).map(|()| None);
        }
        if line.is_empty() {
            return Ok(None);
        }
        let (name, rest) = take_name(line, true).ok_or("expected the name of a metric")?;
        let (labels, rest) = match rest.trim_start().strip_prefix('{') {
            Some(rest) => read_labels(rest)?,
            None => (Vec::new(), rest),
        };
        let (value, timestamp) = read_numbers(rest)?;
        Ok(Some(Sample { name, labels, value, timestamp, kind: kind_of(name, &self.kinds) }))
    }
}

/// Enough of a line to find it, and never more than fits a message.
pub fn excerpt(line: &str) -> String {
    const LONGEST: usize = 60;
    let mut shown: String = line.chars().take(LONGEST).collect();
    if shown.len() < line.len() {
        shown.push_str("...");
    }
    shown
}

type Kinds = HashMap<String, Kind>;

/// `# TYPE name kind`; any other comment says nothing that we need.
fn read_comment(comment: &str, kinds: &mut Kinds) -> Result<(), &'static str> {
    let mut words = comment.split_ascii_whitespace();
    if words.next() != Some("TYPE") {
        return Ok(());
    }
    let (Some(name), Some(word)) = (words.next(), words.next()) else {
        return Err("expected a name and a type after TYPE");
    };
    kinds.insert(name.to_owned(), Kind::declared(word).ok_or("unknown type")?);
    Ok(())
}

/// The declared kind of the metric, or of the family whose member it is by its suffix.
fn kind_of(name: &str, kinds: &Kinds) -> Kind {
    const MEMBERS: [&str; 8] =
        ["_total", "_bucket", "_sum", "_count", "_created", "_info", "_gsum", "_gcount"];
    let family = || MEMBERS.iter().find_map(|suffix| kinds.get(name.strip_suffix(suffix)?));
    match kinds.get(name).or_else(family) {
        // `x_created` of a gauge or counter is a moment, and `x_count` of a gauge is another
        // metric that nobody declared.
        Some(Kind::Counter) if name.ends_with("_created") => Kind::Composite,
        Some(Kind::Gauge) if !kinds.contains_key(name) => Kind::Untyped,
        Some(kind) => *kind,
        None => Kind::Untyped,
    }
}

/// A name at the start of `text`, and what follows it. Metric names may hold colons.
fn take_name(text: &str, colons: bool) -> Option<(&str, &str)> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
    let end = text.find(|c| !allowed(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    (!name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit())).then_some((name, rest))
}

type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The labels up to and with the closing brace, and what follows it.
fn read_labels(mut text: &str) -> Result<(Labels<'_>, &str), &'static str> {
    let mut labels = Vec::new();
    loop {
        text = text.trim_start();
        if let Some(rest) = text.strip_prefix('}') {
            return Ok((labels, rest));
        }
        let (name, rest) = take_name(text, false).ok_or("expected a label's name or `}`")?;
        let rest =
            rest.trim_start().strip_prefix('=').ok_or("expected `=` after a label's name")?;
        let rest = rest.trim_start().strip_prefix('"').ok_or("expected a quoted label value")?;
        let (value, rest) = read_quoted(rest)?;
        labels.push((name, value));
        let rest = rest.trim_start();
        text = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.starts_with('}') => rest,
            None => return Err("expected `,` or `}` after a label"),
        };
    }
}

/// The text up to the closing quote, unescaped, and what follows the quote.
fn read_quoted(text: &str) -> Result<(Cow<'_, str>, &str), &'static str> {
    let mut value = String::new();
    let mut plain_from = 0;
    for (at, mark) in text.match_indices(['"', '\\']) {
        if at < plain_from {
            continue;
        }
        value.push_str(&text[plain_from..at]);
        if mark == "\"" {
            let rest = &text[at + 1..];
            let whole = if value.len() == at { Cow::Borrowed(&text[..at]) } else { value.into() };
            return Ok((whole, rest));
        }
        value.push(match text.as_bytes().get(at + 1) {
            Some(b'\\') => '\\',
            Some(b'"') => '"',
            Some(b'n') => '\n',
            _ => return Err("expected `\\\\`, `\\\"` or `\\n` after a backslash"),
        });
        plain_from = at + 2;
    }
    Err("expected a closing quote")
}

/// The value and the timestamp, if there is one; an exemplar may follow them.
fn read_numbers(rest: &str) -> Result<(f64, Option<f64>), &'static str> {
    let rest = rest.split_once(" # ").map_or(rest, |(before, _exemplar)| before);
    let mut words = rest.split_ascii_whitespace();
    let value = words.next().ok_or("expected a value")?;
    let timestamp = words.next().map(|word| word.parse().ok().filter(|t: &f64| t.is_finite()));
    let timestamp = timestamp.map(|t| t.ok_or("expected a timestamp after the value"));
    if words.next().is_some() {
        return Err("expected nothing after the timestamp");
    }
    let value = value.parse().map_err(|_| "expected a number as the value")?;
    Ok((value, timestamp.transpose()?))
}

#[cfg(test)]
#[expect(clippy::float_cmp, reason = "these numbers are carried, not computed")]
mod tests {
    use proptest::prelude::*;

    use super::Kind::{Composite, Counter, Gauge, Untyped};
    use super::*;

    fn one(page: &str) -> Sample<'_> {
        samples(page).next().expect("a sample").expect("a sound page")
    }

    fn refusal(page: &str) -> String {
        samples(page).find_map(Result::err).expect("a refusal").to_string()
    }

    #[test]
    fn values_labels_escapes_timestamps_and_exemplars_are_read() {
        for (line, name, value) in [
            ("up 1", "up", 1.0),
            ("up{} 1 1700000000000", "up", 1.0),
            ("  a:b  -2.5e3  ", "a:b", -2500.0),
            ("x +Inf", "x", f64::INFINITY),
            (r#"x{b="2",a="1",} 3"#, r#"x{a="1",b="2"}"#, 3.0),
            (r#"x { a = "q\"\\\n}" } 4"#, r#"x{a="q\"\\\n}"}"#, 4.0),
            (r#"x_bucket{le="1"} 5 1.5 # {trace="a"} 0.7 1.4"#, r#"x_bucket{le="1"}"#, 5.0),
            (r#"x{city="Zürich"} 6"#, r#"x{city="Zürich"}"#, 6.0),
        ] {
            let sample = one(line);
            assert_eq!((sample.series_name().as_str(), sample.value), (name, value), "{line}");
        }
        assert!(one("x NaN").value.is_nan());
        let timestamps = ["up 1", "up 1 1700000000000", "up 1 -1.5 # {} 1 2"];
        assert_eq!(timestamps.map(|l| one(l).timestamp), [None, Some(1.7e12), Some(-1.5)]);
    }

    #[test]
    fn each_slip_is_refused_with_its_line() {
        for (line, what) in [
            ("<html>", "expected the name of a metric"),
            ("9lives 1", "expected the name of a metric"),
            ("up", "expected a value"),
            ("up one", "expected a number"),
            ("up 1 soon", "expected a timestamp"),
            ("up 1 NaN", "expected a timestamp"),
            ("up 1 2 3", "expected nothing after"),
            (r"x{a} 1", "expected `=`"),
            (r"x{a=1} 1", "expected a quoted"),
            (r#"x{a="1"b="2"} 1"#, "expected `,` or `}`"),
            (r#"x{a="1 2"#, "expected a closing quote"),
            (r#"x{a="\t"} 1"#, "after a backslash"),
            (r#"x{a="1""#, "expected `,` or `}`"),
            ("# TYPE x", "expected a name and a type"),
            ("# TYPE x thing", "unknown type"),
        ] {
            let refusal = refusal(&format!("# HELP fine\n\nok 1\r\n{line}\n"));
            assert!(refusal.starts_with("line 4: ") && refusal.contains(what), "{refusal}");
        }
    }

    #[test]
    fn members_of_a_histogram_are_no_gauges_and_undeclared_neighbours_are_untyped() {
        let page = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n\
                    # TYPE g gauge\ng 1\ng_count 2\n# TYPE c counter\nc_total 1\nc_created 1\n";
        let kinds: Vec<Kind> = samples(page).map(|sample| sample.expect("sound").kind).collect();
        assert_eq!(kinds, [Composite, Composite, Composite, Gauge, Untyped, Counter, Composite]);
    }

    #[test]
    fn a_long_bad_line_is_cut_in_the_message() {
        assert!(refusal(&"ü".repeat(10_000)).len() < 300);
    }

    proptest! {
        /// Any text is either read or refused; nothing panics.
        #[test]
        fn no_text_panics(page in any::<String>(), line in r#"[a-z{}="\\#,. 0-9\n]{0,80}"#) {
            samples(&page).for_each(drop);
            samples(&line).for_each(drop);
        }

        /// What a conforming writer writes is read back.
        #[test]
        fn any_label_value_survives(value in any::<String>(), number in any::<f64>()) {
            let escaped = value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n");
            prop_assume!(!value.contains(['\r']));
            let page = format!("x{{v=\"{escaped}\"}} {number}");
            let sample = one(&page);
            prop_assert_eq!(&sample.labels[0].1, &value);
            prop_assert!(sample.value == number || number.is_nan());
        }
    }
}
