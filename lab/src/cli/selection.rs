//! Which drills are meant: names of shipped ones and files, all checked before anything starts.

use std::fs;
use std::io::{self, Read, Write};
use std::path::Path;

use super::{Exit, Failure};
use crate::drill::{self, Drill, Problems, SHIPPED, Shipped};

/// The longest drill file that is read, and one byte more, so that the parser refuses it.
const MOST_READ_BYTES: u64 = 64 * 1024 + 1;

/// A drill and the text of its file.
pub(super) struct Selected {
    pub drill: Drill,
    pub text: String,
}

/// Why there is no drill of that name.
#[derive(Debug, thiserror::Error)]
pub(super) enum SelectError {
    /// Neither a name nor a file.
    #[error("no drill is called `{name}`, and there is no such file; shipped are {}", names())]
    Unknown { name: String },
    /// A file that cannot be read.
    #[error("cannot read {path}")]
    Unreadable { path: String, source: io::Error },
    /// A file with faults.
    #[error(transparent)]
    Faulty(#[from] Problems),
}

fn names() -> String {
    SHIPPED.map(|drill| drill.name).join(", ")
}

/// The drills that `names` mean; without any, the standard ones. Tells every fault at once on
/// stderr, and then returns none.
pub(super) fn select(names: &[String]) -> Option<Vec<Selected>> {
    gather(if names.is_empty() {
        SHIPPED.iter().filter(|drill| drill.standard).map(shipped).collect()
    } else {
        names.iter().map(|name| by_name(name)).collect()
    })
}

/// Every drill that is shipped.
pub(super) fn every() -> Option<Vec<Selected>> {
    gather(SHIPPED.iter().map(shipped).collect())
}

fn gather(found: Vec<Result<Selected, SelectError>>) -> Option<Vec<Selected>> {
    let faults: Vec<_> = found.iter().filter_map(|found| found.as_ref().err()).collect();
    for fault in &faults {
        tell(fault);
    }
    if faults.is_empty() { found.into_iter().collect::<Result<_, _>>().ok() } else { None }
}

/// Drill files speak for themselves with their places; other errors are one line.
pub(super) fn tell(fault: &SelectError) {
    match fault {
        SelectError::Faulty(problems) => eprintln!("{problems}"),
        error => eprintln!("error: {}", crate::error_chain(error)),
    }
}

fn by_name(name: &str) -> Result<Selected, SelectError> {
    match Shipped::find(name) {
        Some(drill) => shipped(drill),
        None if Path::new(name).exists() => from_file(name),
        None => Err(SelectError::Unknown { name: name.to_owned() }),
    }
}

fn shipped(shipped: &Shipped) -> Result<Selected, SelectError> {
    let drill = drill::parse(&shipped.file(), shipped.text)?;
    Ok(Selected { drill, text: shipped.text.to_owned() })
}

/// Reads and checks a drill file.
pub(super) fn from_file(path: &str) -> Result<Selected, SelectError> {
    let unreadable = |source| SelectError::Unreadable { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(unreadable)?;
    let mut text = String::new();
    file.take(MOST_READ_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let drill = drill::parse(path, &text)?;
    Ok(Selected { drill, text })
}

/// Lists what is shipped.
pub(super) fn list() -> Result<Exit, Failure> {
    let mut out = io::stdout().lock();
    for shipped in &SHIPPED {
        let drill = drill::parse(&shipped.file(), shipped.text)?;
        let standard = if shipped.standard { "standard" } else { "" };
        writeln!(out, "{:<15} {standard:<9} {}", shipped.name, drill.title)?;
    }
    Ok(Exit::AsExpected)
}
