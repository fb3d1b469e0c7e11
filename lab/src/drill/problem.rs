//! The faults of a drill file, each with its place and a way out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A position in a file, both counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column, in characters.
    pub column: usize,
}

/// One fault: where, what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub what: String,
    /// The way out.
    pub hint: String,
}

/// Every fault of one file, in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems {
    /// The file's name, as the user gave it.
    pub file: String,
    /// The faults; never empty in an error.
    pub list: Vec<Problem>,
}

impl std::error::Error for Problems {}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Problem { place, what, hint }) in self.list.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{}:{}:{}: {what}; {hint}", self.file, place.line, place.column)?;
        }
        Ok(())
    }
}

/// Collects faults while a file is read, and remembers where each key stands.
#[derive(Debug, Default)]
pub(super) struct Collector {
    problems: Vec<Problem>,
    places: BTreeMap<String, Place>,
    faulty: BTreeSet<String>,
}

impl Collector {
    /// Notes where the key at `path` stands.
    pub fn locate(&mut self, path: &str, place: Place) {
        self.places.insert(path.to_owned(), place);
    }

    /// Where the key at `path` stands.
    pub fn place_of(&self, path: &str) -> Option<Place> {
        self.places.get(path).copied()
    }

    /// Adds a fault of the key at `path`.
    pub fn report(&mut self, path: &str, place: Place, what: String, hint: String) {
        self.faulty.insert(path.to_owned());
        self.problems.push(Problem { place, what, hint });
    }

    /// Adds a fault that lies between keys, unless one of them is at fault by itself: then the
    /// value that the rule would look at is not the user's. It is placed at the first key that
    /// the file has, else at the nearest section.
    pub fn report_rule(&mut self, paths: &[&str], what: String, hint: &str) {
        if paths.iter().any(|path| self.faulty.contains(*path)) {
            return;
        }
        let place = paths.iter().find_map(|path| self.places.get(*path).copied());
        let section = || paths.first().and_then(|path| path.split('.').next());
        let place = place
            .or_else(|| self.places.get(section()?).copied())
            .unwrap_or(Place { line: 1, column: 1 });
        self.problems.push(Problem { place, what, hint: hint.to_owned() });
    }

    /// The faults in the order of the file.
    pub fn into_list(mut self) -> Vec<Problem> {
        self.problems.sort();
        self.problems
    }
}
