//! Takes the fields out of a mapping, each once, and reports what is left over.

use super::problem::{Collector, Place};
use super::yaml::{Node, Value};

/// A mapping that is being read.
///
/// Every key that is asked for is a valid one; [`Fields::close`] reports the others.
pub(super) struct Fields<'a> {
    path: String,
    place: Place,
    pairs: Vec<(&'a str, &'a Node)>,
    asked: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// Opens the mapping at `path` (empty for the whole file); anything else is reported.
    pub fn open(node: &'a Node, path: &str, problems: &mut Collector) -> Self {
        let mut fields =
            Self { path: path.to_owned(), place: node.place, pairs: Vec::new(), asked: Vec::new() };
        match &node.value {
            Value::Map(pairs) => fields.add_pairs(pairs, problems),
            _ => problems.report(
                path,
                node.place,
                format!("{} is no mapping", fields.name()),
                "expected keys with values".to_owned(),
            ),
        }
        fields
    }

    fn add_pairs(&mut self, pairs: &'a [(Node, Node)], problems: &mut Collector) {
        for (key, value) in pairs {
            let Value::Scalar(name) = &key.value else {
                problems.report(
                    &self.path,
                    key.place,
                    "a key is no word".into(),
                    "expected a plain key".into(),
                );
                continue;
            };
            let path = self.path_of(name);
            if self.pairs.iter().any(|(seen, _)| seen == name) {
                problems.report(
                    &path,
                    key.place,
                    format!("`{path}` stands twice"),
                    "keep one of them".into(),
                );
                continue;
            }
            problems.locate(&path, key.place);
            self.pairs.push((name, value));
        }
    }

    /// Where the mapping begins.
    pub fn place(&self) -> Place {
        self.place
    }

    /// Whether the file has `key`, be its value good or bad.
    pub fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(name, _)| *name == key)
    }

    /// The value of `key`, where the file has one.
    pub fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.pairs.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    /// The parsed value of `key`; absent if the file has none or a bad one, which is reported.
    pub fn get<T>(
        &mut self,
        key: &'static str,
        problems: &mut Collector,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        parse_scalar(node, &self.path_of(key), problems, &parse)
    }

    /// As [`Fields::get`], and reports the key if it is missing.
    pub fn require<T>(
        &mut self,
        key: &'static str,
        problems: &mut Collector,
        parse: impl Fn(&str) -> Result<T, String>,
        hint: &str,
    ) -> Option<T> {
        if !self.has(key) {
            let path = self.path_of(key);
            problems.report(&path, self.place, format!("`{path}` is missing"), hint.to_owned());
        }
        self.get(key, problems, parse)
    }

    /// The parsed items of a list, bad ones reported and left out.
    pub fn list<T: PartialEq>(
        &mut self,
        key: &'static str,
        problems: &mut Collector,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        let node = self.take(key)?;
        let path = self.path_of(key);
        let Value::List(items) = &node.value else {
            problems.report(
                &path,
                node.place,
                format!("`{path}` is no list"),
                "expected [one, two]".into(),
            );
            return None;
        };
        let mut list = Vec::new();
        for item in items {
            let Some(value) = parse_scalar(item, &path, problems, &parse) else { continue };
            if list.contains(&value) {
                problems.report(
                    &path,
                    item.place,
                    format!("`{path}` names one thing twice"),
                    "keep one of them".into(),
                );
            }
            list.push(value);
        }
        Some(list)
    }

    /// Reports every key that nobody asked for.
    pub fn close(self, problems: &mut Collector) {
        for (key, node) in &self.pairs {
            if !self.asked.contains(key) {
                let path = self.path_of(key);
                let place = problems.place_of(&path).unwrap_or(node.place);
                let hint = format!("valid here: {}", self.asked.join(", "));
                problems.report(&path, place, format!("unknown key `{path}`"), hint);
            }
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "the file".to_owned() } else { format!("`{}`", self.path) }
    }
}

fn parse_scalar<T>(
    node: &Node,
    path: &str,
    problems: &mut Collector,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let Value::Scalar(text) = &node.value else {
        problems.report(
            path,
            node.place,
            format!("`{path}` is no single value"),
            "expected one word, number or line of text".into(),
        );
        return None;
    };
    parse(text)
        .map_err(|hint| {
            problems.report(path, node.place, format!("`{path}` is `{}`", shorten(text)), hint);
        })
        .ok()
}

/// At most 40 characters of a value, so that a message stays a line.
fn shorten(text: &str) -> String {
    let line: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(41).collect();
    if line.chars().count() > 40 {
        format!("{}...", line.chars().take(40).collect::<String>())
    } else {
        line
    }
}
