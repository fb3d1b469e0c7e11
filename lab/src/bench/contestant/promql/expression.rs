//! Which series an expression selects: a lexer, and no more, of `PromQL`.
//!
//! What the expression means is Prometheus's to say.

/// What an expression selects, in its order.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Selected {
    /// Its selectors.
    pub selectors: Vec<Selector>,
    /// Whether there is an alternative to what is selected (`or`, `unless`), so that a series which
    /// is not there need not silence it.
    pub has_alternative: bool,
    /// Whether it asks if a series is there at all.
    pub asks_for_absence: bool,
}

/// A metric, and its matchers if there are any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector {
    /// The metric; empty where only labels select.
    pub metric: String,
    /// The text as it stands, `metric{...}`.
    pub text: String,
    /// Where it stands: the byte at which it begins.
    pub at: usize,
    /// What follows it.
    pub after: After,
}

/// What is asked of a selector, by what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// Its value now.
    Nothing,
    /// Its samples, `[1h]`.
    Range,
    /// Its values at a step, `[1h:5m]`.
    Subquery,
    /// Its value at another time, `offset` or `@`.
    Modifier,
}

impl After {
    fn of(rest: &str) -> Self {
        let rest = rest.trim_start();
        let is_offset = || {
            let (word, _) = rest.split_at(rest.find(|c| !is_word(c)).unwrap_or(rest.len()));
            word.eq_ignore_ascii_case("offset")
        };
        match rest.chars().next() {
            Some('[') if rest[..closed(rest, ']')].contains(':') => Self::Subquery,
            Some('[') => Self::Range,
            Some('@') => Self::Modifier,
            Some(_) if is_offset() => Self::Modifier,
            _ => Self::Nothing,
        }
    }
}

/// Aggregations, whose `by (...)` may come before their argument.
const AGGREGATIONS: [&str; 12] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "stddev",
    "stdvar",
    "count",
    "count_values",
    "bottomk",
    "topk",
    "quantile",
];
/// What is followed by a list of labels.
const GROUPINGS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Other words that are no metrics.
const WORDS: [&str; 7] = ["and", "or", "unless", "bool", "offset", "inf", "nan"];

/// Reads an expression that Prometheus has accepted.
pub fn selected(text: &str) -> Selected {
    let mut selected = Selected::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (token, after) = rest.split_at(token_length(rest, c));
        rest = after;
        match c {
            '{' => selected.add(text, String::new(), token, after),
            _ if is_word_start(c) => rest = word(text, token, after, &mut selected),
            _ => {}
        }
    }
    selected
}

impl Selected {
    /// Adds a selector, of which `after` is what follows it in the whole `text`.
    fn add(&mut self, text: &str, metric: String, selector: &str, after: &str) {
        let at = text.len() - after.len() - selector.len();
        let after = After::of(after);
        self.selectors.push(Selector { metric, text: selector.to_owned(), at, after });
    }
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':'
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_ascii_digit()
}

fn token_length(rest: &str, c: char) -> usize {
    match c {
        '"' | '\'' | '`' => quoted(rest, c),
        '#' => rest.find('\n').unwrap_or(rest.len()),
        '{' => closed(rest, '}'),
        '[' => closed(rest, ']'),
        '0'..='9' => rest.find(|c| !is_word(c) && c != '.').unwrap_or(rest.len()),
        _ if is_word_start(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
        _ => c.len_utf8(),
    }
}

/// The length of a string literal; in backticks nothing is escaped.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return index + c.len_utf8();
        }
        escaped = c == '\\' && quote != '`' && !escaped;
    }
    text.len()
}

/// The length of what is in brackets, strings apart.
fn closed(text: &str, end: char) -> usize {
    let mut at = 1;
    while let Some(c) = text[at..].chars().next() {
        at += if matches!(c, '"' | '\'' | '`') { quoted(&text[at..], c) } else { c.len_utf8() };
        if c == end {
            break;
        }
    }
    at
}

/// Takes a word of the text in; returns what is left to read.
fn word<'a>(text: &'a str, word: &str, after: &'a str, selected: &mut Selected) -> &'a str {
    let next = after.trim_start();
    let lower = word.to_ascii_lowercase();
    let lower = lower.as_str();
    if GROUPINGS.contains(&lower) {
        return if next.starts_with('(') { &next[closed(next, ')')..] } else { after };
    }
    if WORDS.contains(&lower) {
        selected.has_alternative |= matches!(lower, "or" | "unless");
        return after;
    }
    if next.starts_with('(') || AGGREGATIONS.contains(&lower) {
        selected.asks_for_absence |= lower.starts_with("absent");
        return after;
    }
    let rest = if next.starts_with('{') { &next[closed(next, '}')..] } else { after };
    let begin = text.len() - after.len() - word.len();
    let selector = &text[begin..text.len() - rest.len()];
    selected.add(text, word.to_owned(), selector, rest);
    rest
}

/// The longest duration that is written anywhere in a text, in seconds: of ranges, offsets, `for`.
pub fn longest_seconds(text: &str) -> u64 {
    durations(text).into_iter().max().unwrap_or(0)
}

/// All durations that are written in a text together, in seconds.
pub fn all_seconds(text: &str) -> u64 {
    durations(text).into_iter().fold(0, u64::saturating_add)
}

fn durations(text: &str) -> Vec<u64> {
    let number = |c: char| c.is_ascii_digit();
    let mut durations = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(number) {
        rest = &rest[at..];
        let digits = rest.find(|c| !number(c)).unwrap_or(rest.len());
        let count: u64 = rest[..digits].parse().unwrap_or(0);
        rest = &rest[digits..];
        let unit = match rest.bytes().next() {
            _ if rest.starts_with("ms") => 0,
            Some(b's') => 1,
            Some(b'm') => 60,
            Some(b'h') => 3_600,
            Some(b'd') => 86_400,
            Some(b'w') => 604_800,
            Some(b'y') => 31_536_000,
            _ => 0,
        };
        durations.push(count.saturating_mul(unit));
    }
    durations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(expression: &str) -> Vec<String> {
        selected(expression).selectors.into_iter().map(|selector| selector.text).collect()
    }

    #[test]
    fn metrics_are_told_from_functions_labels_words_and_strings() {
        for (expression, expected) in [
            (
                "process_resident_memory_bytes / 1024 / 1024 > 2",
                vec!["process_resident_memory_bytes"],
            ),
            (r#"deriv(x{job="a}b", i=~'c"'} [1h]) * 3600 > 1e6"#, vec![r#"x{job="a}b", i=~'c"'}"#]),
            ("sum by (job, pod) (rate(a:b[5m] offset 1w)) > bool 0x1f", vec!["a:b"]),
            ("sum(x) without (instance) # y\n / on (job) group_left (z) w", vec!["x", "w"]),
            ("x > 5 and on() hour() < 7 or topk(3, y) unless z", vec!["x", "y", "z"]),
            (r#"label_replace(x, "a", "y", "", "") == Inf"#, vec!["x"]),
            ("{__name__=~\"x.*\"} > 1", vec!["{__name__=~\"x.*\"}"]),
            ("max_over_time(deriv(x[1h])[6h:5m]) >= -.5", vec!["x"]),
        ] {
            assert_eq!(texts(expression), expected, "{expression}");
        }
    }

    #[test]
    fn alternatives_and_questions_of_absence_are_seen() {
        assert!(selected("a or b").has_alternative && !selected("a and b").has_alternative);
        assert!(selected("absent(x)").asks_for_absence && !selected("x > 1").asks_for_absence);
    }

    #[test]
    fn the_longest_duration_is_found_wherever_it_stands() {
        assert_eq!(longest_seconds("expr: deriv(x[1h30m] offset 1d) > 5\nfor: 15m"), 86_400);
        assert_eq!(longest_seconds("x > 2000000 * 3600"), 0);
        assert_eq!(longest_seconds("x[500ms]"), 0);
        assert_eq!(all_seconds("max_over_time((deriv(x[1h30m]))[6h:60000ms])"), 27_000);
    }
}
