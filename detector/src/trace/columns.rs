//! The header of a trace: what each column means.

use super::cells::Cells;
use super::{Problem, Problems};
use crate::Signal;
use crate::source::well_known::may_be_cause;

/// What the columns of a trace mean, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns(pub(super) Vec<Column>);

/// One column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Time,
    Start,
    Requests,
    Signal(Signal),
    Gauge(String),
    /// Checked like the others and not shown to the core: it restates what is judged.
    Restating(String),
}

impl Column {
    fn named(name: &str) -> Self {
        match name {
            "t_seconds" => Self::Time,
            "start_seconds" => Self::Start,
            "requests_total" => Self::Requests,
            _ => match name.parse() {
                Ok(signal) => Self::Signal(signal),
                Err(_) if may_be_cause(name) => Self::Gauge(name.to_owned()),
                Err(_) => Self::Restating(name.to_owned()),
            },
        }
    }

    pub(super) fn name(&self) -> &str {
        match self {
            Self::Time => "t_seconds",
            Self::Start => "start_seconds",
            Self::Requests => "requests_total",
            Self::Signal(signal) => signal.name(),
            Self::Gauge(name) | Self::Restating(name) => name,
        }
    }
}

impl Columns {
    /// The signals that have a column.
    pub fn signals(&self) -> Vec<Signal> {
        let signal = |column: &Column| match column {
            Column::Signal(signal) => Some(*signal),
            _ => None,
        };
        self.0.iter().filter_map(signal).collect()
    }

    pub(super) fn parse(header: &Cells) -> Result<Self, Problems> {
        if let Some(format) = header.iter().next().and_then(other_format) {
            return Err(Problem::OtherFormat(format).into());
        }
        let mut columns: Vec<Column> = Vec::with_capacity(header.len());
        let mut problems = Vec::new();
        for (index, cell) in header.iter().enumerate() {
            match column(cell, index, &columns) {
                Ok(column) => columns.push(column),
                Err(problem) => {
                    problems.push(problem);
                    // Holds the place, so that later columns keep their numbers.
                    columns.push(Column::Restating(format!("column {}", index + 1)));
                }
            }
        }
        if problems.is_empty() { Ok(Self(columns)) } else { Err(Problems(problems)) }
    }
}

fn column(cell: &[u8], index: usize, before: &[Column]) -> Result<Column, Problem> {
    let name = std::str::from_utf8(cell).map_err(|_| Problem::NotUtf8(index + 1))?.trim();
    if name.is_empty() {
        return Err(Problem::Nameless(index + 1));
    }
    if index == 0 && name != "t_seconds" {
        return Err(Problem::NoTime(excerpt(name)));
    }
    match before.iter().position(|column| column.name() == name) {
        Some(first) => {
            Err(Problem::Duplicate { name: excerpt(name), first: first + 1, second: index + 1 })
        }
        None => Ok(Column::named(name)),
    }
}

/// Formats that are easily taken for a trace.
fn other_format(first: &[u8]) -> Option<&'static str> {
    match first.trim_ascii_start().first()? {
        b'<' => Some("HTML or XML"),
        0 => Some("a binary file"),
        _ => None,
    }
}

/// Enough of a foreign text to find it, and never more than fits a message.
pub(super) fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    let mut shown: String = text.chars().take(LONGEST).collect();
    if shown.len() < text.len() {
        shown.push_str("...");
    }
    shown
}
