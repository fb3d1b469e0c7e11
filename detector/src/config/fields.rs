//! Takes the fields out of a mapping, each once, and reports what is wrong and what is left over.

use std::cell::{Cell, RefCell};
use std::str::FromStr;
use std::time::Duration;

use bytesize::ByteSize;

use super::ConfigError;
use super::yaml::{Node, Value};
use crate::source::address;

/// Problems that are listed before giving up; more of them say nothing new.
const MOST_PROBLEMS: usize = 50;

/// What was found wrong with a file so far.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    found: RefCell<Vec<ConfigError>>,
    left_out: Cell<usize>,
}

impl Problems {
    pub(super) fn of(file: &str) -> Self {
        Self { file: file.to_owned(), found: RefCell::default(), left_out: Cell::default() }
    }

    /// Reports what is wrong at a place, with a way out.
    pub(crate) fn report(&self, line: usize, column: usize, what: impl Into<String>) {
        let mut found = self.found.borrow_mut();
        if found.len() == MOST_PROBLEMS {
            self.left_out.set(self.left_out.get() + 1);
            return;
        }
        let (file, what) = (self.file.clone(), what.into());
        found.push(ConfigError::Problem { file, line, column, what });
    }

    /// All of them in the order of the file, if there are any.
    pub(super) fn into_errors(self) -> Vec<ConfigError> {
        let mut errors = self.found.into_inner();
        errors.sort_by_key(ConfigError::place);
        if self.left_out.get() > 0 {
            errors.push(ConfigError::More { file: self.file, problems: self.left_out.get() });
        }
        errors
    }
}

/// A mapping that is being read: every key that is asked for is a valid one, [`Fields::close`] reports the others.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    path: String,
    line: usize,
    column: usize,
    pairs: Vec<(&'a str, &'a Node)>,
    asked: Vec<&'static str>,
    problems: &'a Problems,
}

impl<'a> Fields<'a> {
    /// Opens the mapping at `path` (empty for the whole file); anything else is reported.
    pub(crate) fn open(node: &'a Node, path: &str, problems: &'a Problems) -> Self {
        let (line, column) = (node.line, node.column);
        let path = path.to_owned();
        let mut fields =
            Self { path, line, column, pairs: Vec::new(), asked: Vec::new(), problems };
        if let Value::Map(pairs) = &node.value {
            for (key, value) in pairs {
                fields.add(key, value);
            }
        } else {
            let name = if fields.path.is_empty() { "the file" } else { &fields.path };
            problems.report(line, column, format!("{name} is no mapping; write `key: value`"));
        }
        fields
    }

    fn add(&mut self, key: &'a Node, value: &'a Node) {
        match &key.value {
            Value::Scalar(name) if self.pairs.iter().any(|(seen, _)| seen == name) => {
                let what = format!("`{}` stands here twice; keep one", self.path_of(name));
                self.problems.report(key.line, key.column, what);
            }
            Value::Scalar(name) => self.pairs.push((name, value)),
            _ => self.problems.report(key.line, key.column, "a key is no word; write `key: value`"),
        }
    }

    /// Reports what is wrong with the mapping as a whole, at its beginning.
    pub(crate) fn report(&self, what: impl Into<String>) {
        self.problems.report(self.line, self.column, what);
    }

    /// Reports what is wrong with the value of `key`.
    pub(crate) fn report_at(&self, key: &str, what: impl Into<String>) {
        let found = self.pairs.iter().find(|(name, _)| *name == key);
        let place = found.map_or((self.line, self.column), |(_, node)| (node.line, node.column));
        self.problems.report(place.0, place.1, what);
    }

    /// Whether the file has `key`, be its value good or bad.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.pairs.iter().any(|(name, _)| *name == key)
    }

    /// The parsed value of `key`; absent if the file has none or a bad one, which is reported.
    pub(crate) fn get<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let node = self.take(key)?;
        self.scalar(node, &self.path_of(key), &parse)
    }

    /// As [`Fields::get`], and reports the key if it is missing.
    pub(crate) fn require<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.report(format!("`{}` is missing", self.path_of(key)));
        }
        self.get(key, parse)
    }

    /// The parsed items of a list, bad ones reported and left out; empty if there is none.
    pub(crate) fn list<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let (items, path) = (self.items(key), self.path_of(key));
        items.iter().filter_map(|item| self.scalar(item, &path, &parse)).collect()
    }

    /// The mapping under `key`.
    pub(crate) fn map(&mut self, key: &'static str) -> Option<Self> {
        let node = self.take(key)?;
        Some(Fields::open(node, &self.path_of(key), self.problems))
    }

    /// The mappings of a list, in its order; empty if there is none.
    pub(crate) fn maps(&mut self, key: &'static str) -> Vec<Self> {
        let (items, path) = (self.items(key), self.path_of(key));
        let numbered =
            items.iter().enumerate().map(|(i, item)| (format!("{path}[{}]", i + 1), item));
        numbered
            .map(|(path, item)| {
                (matches!(item.value, Value::Map(_)), Fields::open(item, &path, self.problems))
            })
            .filter_map(|(is_map, fields)| is_map.then_some(fields))
            .collect()
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn close(self) {
        for (key, node) in self.pairs.iter().filter(|(key, _)| !self.asked.contains(key)) {
            let (path, valid) = (self.path_of(key), self.asked.join(", "));
            let what = format!("unknown key `{path}`; valid here: {valid}");
            self.problems.report(node.line, node.column, what);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<&'a Node> {
        self.asked.push(key);
        self.pairs.iter().find(|(name, _)| *name == key).map(|(_, node)| *node)
    }

    fn items(&mut self, key: &'static str) -> &'a [Node] {
        match self.take(key).map(|node| &node.value) {
            Some(Value::List(items)) => items,
            None => &[],
            Some(_) => {
                self.report_at(
                    key,
                    format!("`{}` is no list; write [one, two]", self.path_of(key)),
                );
                &[]
            }
        }
    }

    fn scalar<T>(
        &self,
        node: &Node,
        path: &str,
        parse: &impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        let parsed = match &node.value {
            Value::Scalar(text) => {
                parse(text).map_err(|hint| format!("`{path}` is `{}`: {hint}", shortened(text)))
            }
            _ => Err(format!("`{path}` is no single value")),
        };
        parsed.map_err(|what| self.problems.report(node.line, node.column, what)).ok()
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}

/// Text that says something.
pub(crate) fn text(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("expected some text".to_owned());
    }
    Ok(text.to_owned())
}

/// A duration above zero, with its unit.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let length = humantime::parse_duration(text).ok().filter(|length| !length.is_zero());
    length.ok_or_else(|| "expected a duration such as 5s, 10m or 90d".to_owned())
}

/// A size above zero in bytes, with its unit.
pub(crate) fn size_bytes(text: &str) -> Result<u64, String> {
    let size = text.parse::<ByteSize>().ok().map(|size| size.as_u64()).filter(|size| *size > 0);
    size.ok_or_else(|| "expected a size such as 256MiB".to_owned())
}

/// Anything whose own error says what was expected.
pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error: T::Err| error.to_string())
}

/// At most 40 characters of a value on one line, so that a message stays a line; no password that stands in an address.
fn shortened(text: &str) -> String {
    let text = &address::without_credentials(text);
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut shown: String = line.take(40).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
