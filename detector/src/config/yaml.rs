//! YAML as a tree of texts and places: mappings, lists and scalars of one document. Anchors, aliases
//! and tags are refused; nesting is bounded. Scalars stay text, since each field knows its own syntax.

use saphyr_parser::{Event, Parser, ScanError, Span};

/// Deepest nesting that is read; a configuration needs five levels.
const DEEPEST: usize = 8;

/// Something, and where it begins, both counted from 1.
#[derive(Debug)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub value: Value,
}

#[derive(Debug)]
pub enum Value {
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

/// Line, column, and what is wrong there.
pub type Fault = (usize, usize, String);

/// Reads one document; nothing if the text is empty.
pub fn read(text: &str) -> Result<Option<Node>, Fault> {
    let mut events = Parser::new_from_str(text);
    let mut root = None;
    while let Some((event, span)) = next(&mut events)? {
        let Some(node) = node(event, &span, &mut events, DEEPEST)? else { continue };
        if root.is_some() {
            return Err((node.line, node.column, "a second document; one file holds one".into()));
        }
        root = Some(node);
    }
    // Of a text of comments alone YAML says that it holds an empty value.
    Ok(root.filter(|root| !matches!(&root.value, Value::Scalar(text) if is_null(text))))
}

fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null")
}

type Item<'a> = (Event<'a>, Span);

fn next<'a>(
    events: &mut impl Iterator<Item = Result<Item<'a>, ScanError>>,
) -> Result<Option<Item<'a>>, Fault> {
    events.next().transpose().map_err(|error| {
        let at = error.marker();
        (at.line().max(1), at.col() + 1, format!("not YAML: {}", error.info()))
    })
}

/// What begins with `event`, if anything does.
fn node<'a>(
    event: Event<'a>,
    span: &Span,
    events: &mut impl Iterator<Item = Result<Item<'a>, ScanError>>,
    levels: usize,
) -> Result<Option<Node>, Fault> {
    let (line, column) = (span.start.line().max(1), span.start.col() + 1);
    let value = match event {
        Event::Scalar(text, _, 0, None) => Value::Scalar(text.into_owned()),
        Event::SequenceStart(0, None) | Event::MappingStart(0, None) if levels == 0 => {
            return Err((line, column, format!("nested deeper than {DEEPEST} levels")));
        }
        Event::SequenceStart(0, None) => Value::List(children(events, levels - 1)?),
        Event::MappingStart(0, None) => Value::Map(pairs(children(events, levels - 1)?)),
        Event::Alias(_)
        | Event::Scalar(..)
        | Event::SequenceStart(..)
        | Event::MappingStart(..) => {
            let what = "anchors, aliases and tags are not read; write the value out";
            return Err((line, column, what.to_owned()));
        }
        _ => return Ok(None),
    };
    Ok(Some(Node { line, column, value }))
}

/// Everything up to the end of a collection.
fn children<'a>(
    events: &mut impl Iterator<Item = Result<Item<'a>, ScanError>>,
    levels: usize,
) -> Result<Vec<Node>, Fault> {
    let mut children = Vec::new();
    while let Some((event, span)) = next(events)? {
        if matches!(event, Event::SequenceEnd | Event::MappingEnd) {
            break;
        }
        children.extend(node(event, &span, events, levels)?);
    }
    Ok(children)
}

/// A mapping comes as key, value, key, value.
fn pairs(children: Vec<Node>) -> Vec<(Node, Node)> {
    let mut children = children.into_iter();
    std::iter::from_fn(|| Some((children.next()?, children.next()?))).collect()
}
