//! YAML as a tree of texts and places: mappings, lists and scalars of one document. Anchors,
//! aliases and tags are refused; nesting is bounded.

use saphyr_parser::{Event, Marker, Parser};

/// Deepest nesting that is read; a plan needs four levels.
const DEEPEST: usize = 8;

/// Something, and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) value: Value,
}

#[derive(Debug)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Line, column, and what is wrong there.
pub(super) type Fault = (usize, usize, String);

impl Node {
    /// The items of a list; anything else is the one item.
    pub(super) fn items(&self) -> &[Self] {
        match &self.value {
            Value::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}

/// A collection under construction.
struct Open {
    node: Node,
    /// Of a mapping, the key that waits for its value.
    key: Option<Node>,
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Node, Fault> {
    let (mut open, mut root) = (Vec::<Open>::new(), None);
    for item in Parser::new_from_str(text) {
        let (event, span) = item.map_err(|error| {
            let (line, column) = place(error.marker());
            (line, column, format!("is not YAML: {}", error.info()))
        })?;
        let (line, column) = place(&span.start);
        let begun = |value| Node { line, column, value };
        let done = match event {
            Event::Scalar(text, _, 0, None) => Some(begun(Value::Scalar(text.into_owned()))),
            Event::SequenceStart(0, None) | Event::MappingStart(0, None) => {
                if open.len() == DEEPEST {
                    return Err((line, column, format!("is nested deeper than {DEEPEST}")));
                }
                let list = matches!(event, Event::SequenceStart(..));
                let value = if list { Value::List(Vec::new()) } else { Value::Map(Vec::new()) };
                open.push(Open { node: begun(value), key: None });
                None
            }
            Event::SequenceEnd | Event::MappingEnd => open.pop().map(|open| open.node),
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => {
                let what = "has an anchor, an alias or a tag, which are not read: write it out";
                return Err((line, column, what.to_owned()));
            }
            _ => None,
        };
        let Some(node) = done else { continue };
        match open.last_mut() {
            Some(Open { node: Node { value: Value::List(items), .. }, .. }) => items.push(node),
            Some(Open { node: Node { value: Value::Map(pairs), .. }, key }) => match key.take() {
                Some(key) => pairs.push((key, node)),
                None => *key = Some(node),
            },
            _ if root.is_some() => {
                return Err((node.line, node.column, "is a second document".to_owned()));
            }
            _ => root = Some(node),
        }
    }
    root.ok_or_else(|| (1, 1, "is empty".to_owned()))
}

fn place(marker: &Marker) -> (usize, usize) {
    (marker.line().max(1), marker.col() + 1)
}
