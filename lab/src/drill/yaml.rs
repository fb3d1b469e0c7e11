//! A YAML text as a tree of places and raw scalars.
//!
//! Drill files use the plain part of YAML: mappings, lists, scalars. Anchors, aliases, tags and
//! a second document are refused; nesting and length are bounded. Scalars stay text, since each
//! field knows its own syntax, and repeated keys stay visible, so that all can be reported.

use saphyr_parser::{Event, Marker, Parser};

use super::problem::{Place, Problem};

/// Longest text that is read, in bytes; the longest shipped drill has under 2 KiB.
pub(super) const LONGEST_BYTES: usize = 64 * 1024;
/// Deepest nesting that is read; a drill needs 3.
const DEEPEST: usize = 16;

/// A node and where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What stands at a place.
#[derive(Debug)]
pub(super) enum Value {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Reads one document.
pub(super) fn read(text: &str) -> Result<Node, Problem> {
    if text.len() > LONGEST_BYTES {
        let what = format!("the file has {} bytes", text.len());
        return Err(fault(Place { line: 1, column: 1 }, what, "at most 64KiB are read"));
    }
    let mut tree = Tree::default();
    for item in Parser::new_from_str(text) {
        let (event, span) = item.map_err(|error| {
            fault(
                place(error.marker()),
                format!("not YAML: {}", error.info()),
                "see the drills that are shipped",
            )
        })?;
        tree.take(event, place(&span.start))?;
    }
    let empty = || {
        fault(
            Place { line: 1, column: 1 },
            "the file is empty".into(),
            "a drill needs at least a title, a hypothesis, a target and expectations",
        )
    };
    tree.root.ok_or_else(empty)
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line().max(1), column: marker.col() + 1 }
}

fn fault(place: Place, what: String, hint: &str) -> Problem {
    Problem { place, what, hint: hint.to_owned() }
}

/// Collections under construction, outermost first.
#[derive(Default)]
struct Tree {
    open: Vec<Node>,
    /// Per open mapping, the key that waits for its value.
    keys: Vec<Option<Node>>,
    root: Option<Node>,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, place: Place) -> Result<(), Problem> {
        match event {
            Event::Scalar(text, _, 0, None) => {
                self.add(Node { place, value: Value::Scalar(text.into_owned()) })
            }
            Event::SequenceStart(0, None) => {
                self.begin(Node { place, value: Value::List(Vec::new()) })
            }
            Event::MappingStart(0, None) => {
                self.begin(Node { place, value: Value::Map(Vec::new()) })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(_)
            | Event::Scalar(..)
            | Event::SequenceStart(..)
            | Event::MappingStart(..) => Err(fault(
                place,
                "anchors, aliases and tags are not read".into(),
                "write the value out",
            )),
            _ => Ok(()),
        }
    }

    fn begin(&mut self, node: Node) -> Result<(), Problem> {
        if self.open.len() == DEEPEST {
            return Err(fault(
                node.place,
                format!("nested deeper than {DEEPEST}"),
                "a drill needs three levels",
            ));
        }
        self.open.push(node);
        self.keys.push(None);
        Ok(())
    }

    fn end(&mut self) -> Result<(), Problem> {
        self.keys.pop();
        match self.open.pop() {
            Some(node) => self.add(node),
            None => Ok(()),
        }
    }

    fn add(&mut self, node: Node) -> Result<(), Problem> {
        match (self.open.last_mut().map(|open| &mut open.value), self.keys.last_mut()) {
            (Some(Value::List(items)), _) => items.push(node),
            (Some(Value::Map(pairs)), Some(waiting)) => match waiting.take() {
                Some(key) => pairs.push((key, node)),
                None => *waiting = Some(node),
            },
            _ if self.root.is_some() => {
                return Err(fault(
                    node.place,
                    "a second document".into(),
                    "one file holds one drill",
                ));
            }
            _ => self.root = Some(node),
        }
        Ok(())
    }
}
