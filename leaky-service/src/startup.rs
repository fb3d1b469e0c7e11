//! The start-up file: controls of leaks and decoys by name, the same as the bodies of
//! `POST /admin/leaks/{name}`.
//!
//! It is applied whole or not at all, before the service listens; all that is wrong with it is
//! told at once.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::controls::{Change, Fault};
use crate::exhibit::Exhibit;

/// The largest legitimate file names every control of every pattern, in a few kilobytes.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// Why a start-up file was not applied.
#[derive(Debug, thiserror::Error)]
pub enum StartupError {
    /// It cannot be read.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is no JSON object.
    #[error(
        "{} is no JSON object of controls by name, such as {{\"cache\": {{\"enabled\": true}}}}",
        .0.display()
    )]
    NotJson(PathBuf, #[source] serde_json::Error),
    /// It asks for what cannot be.
    #[error("{} is refused: {}", .0.display(), .1.join("; "))]
    Refused(PathBuf, Vec<String>),
}

/// Applies the file to the catalogue.
pub fn apply(catalogue: &Catalogue, path: &Path) -> Result<(), StartupError> {
    let text = read(path).map_err(|error| StartupError::Unreadable(path.to_owned(), error))?;
    let bodies: Map<String, Value> = serde_json::from_str(&text)
        .map_err(|error| StartupError::NotJson(path.to_owned(), error))?;
    apply_controls(catalogue, &bodies)
        .map_err(|wrong| StartupError::Refused(path.to_owned(), wrong))
}

/// Applies controls by name to the catalogue, all of them or, with all that is wrong, none.
pub fn apply_controls(
    catalogue: &Catalogue,
    bodies: &Map<String, Value>,
) -> Result<(), Vec<String>> {
    for (exhibit, change) in checked(catalogue, bodies)? {
        let name = exhibit.facts().name;
        let told =
            |faults: Vec<Fault>| faults.iter().map(|fault| told(name, fault)).collect::<Vec<_>>();
        exhibit.apply(&change).map_err(told)?;
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let read = File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_string(&mut text)?;
    if read as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1MiB"));
    }
    Ok(text)
}

/// Every change, if all are possible; or else all that is wrong.
fn checked<'a>(
    catalogue: &'a Catalogue,
    bodies: &Map<String, Value>,
) -> Result<Vec<(&'a Exhibit, Change)>, Vec<String>> {
    let (mut changes, mut wrong) = (Vec::new(), Vec::new());
    for (name, body) in bodies {
        match checked_one(catalogue, name, body) {
            Ok(change) => changes.push(change),
            Err(faults) => wrong.extend(faults.iter().map(|fault| told(name, fault))),
        }
    }
    if wrong.is_empty() { Ok(changes) } else { Err(wrong) }
}

fn checked_one<'a>(
    catalogue: &'a Catalogue,
    name: &str,
    body: &Value,
) -> Result<(&'a Exhibit, Change), Vec<Fault>> {
    let fault = |error: &str, hint: String| vec![Fault { error: error.to_owned(), hint }];
    let unknown =
        || fault("there is no such leak or decoy", format!("choose one of {}", catalogue.names()));
    let exhibit = catalogue.find(name).ok_or_else(unknown)?;
    let hint = || "give the controls as {\"enabled\": true}".to_owned();
    let body = body.as_object().ok_or_else(|| fault("it is no object", hint()))?;
    let change = Change::parse(exhibit.facts(), body)?;
    exhibit.controls().changed(&change)?;
    Ok((exhibit, change))
}

fn told(name: &str, fault: &Fault) -> String {
    format!("{name}: {} ({})", fault.error, fault.hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply_text(text: &str) -> (Catalogue, Result<(), StartupError>) {
        let catalogue = Catalogue::new(10_240, None).unwrap();
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("leaks.json");
        std::fs::write(&path, text).unwrap();
        let applied = apply(&catalogue, &path);
        (catalogue, applied)
    }

    #[test]
    fn a_file_switches_and_sizes_leaks_and_decoys() {
        let text =
            r#"{"cache": {"enabled": true, "share": 0.5}, "bounded_cache": {"max_entries": 7}}"#;
        let (catalogue, applied) = apply_text(text);
        applied.unwrap();
        let cache = catalogue.find("cache").unwrap().controls();
        assert!(cache.enabled && (cache.share - 0.5).abs() < 1e-12);
        assert_eq!(catalogue.find("bounded_cache").unwrap().parameters(), [("max_entries", 7)]);
    }

    #[test]
    fn all_that_is_wrong_is_told_and_nothing_applied() {
        let text = r#"{"cache": {"enabled": true}, "cash": {"enabled": true}, "history": {"share": 2, "ramp": 3},
            "listeners": {"per_second": 5, "endpoint": "/api/data"}, "bounded_cache": 5}"#;
        let (catalogue, applied) = apply_text(text);
        let told = crate::chain(&applied.unwrap_err());
        for named in [
            "cash: there is no such leak or decoy (choose one of cache",
            "history: share is out of range",
            "history: ramp is no duration",
            "listeners: per_second and endpoint exclude each other",
            "bounded_cache: it is no object",
        ] {
            assert!(told.contains(named), "'{named}' is not in {told}");
        }
        assert!(!catalogue.find("cache").unwrap().is_enabled());
    }

    #[test]
    fn what_is_no_file_of_controls_is_refused() {
        for (text, named) in [("[]", "JSON object"), ("{", "JSON object"), ("", "JSON object")] {
            let told = crate::chain(&apply_text(text).1.unwrap_err());
            assert!(told.contains(named), "{told}");
        }
        let huge = " ".repeat(MAX_FILE_BYTES as usize + 1);
        assert!(crate::chain(&apply_text(&huge).1.unwrap_err()).contains("1MiB"));
        let catalogue = Catalogue::new(10_240, None).unwrap();
        let missing = apply(&catalogue, Path::new("no/such/file.json")).unwrap_err();
        assert!(crate::chain(&missing).contains("cannot read no/such/file.json"));
    }
}
