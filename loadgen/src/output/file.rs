//! Files that are written during a run or after it. They are opened before the run, so that a path
//! that cannot be written is known before a single request was sent; a disk that fills up later
//! ends the file, not the run, and is told at the end. What stood in a file goes with the first
//! words of the new, so that a run that could not begin costs nobody the results of an earlier one.

use std::{
    fs::File,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use crate::books::lock;

/// What went wrong with any of the files of a run. Clones are the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failures(Arc<Mutex<Vec<String>>>);

impl Failures {
    /// All of them, each with its path.
    pub(crate) fn all(&self) -> Vec<String> {
        lock(&self.0).clone()
    }

    fn note(&self, path: &str, error: &io::Error) {
        lock(&self.0).push(format!("cannot write `{path}`: {error}"));
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct OutputFile {
    path: String,
    file: Option<File>,
    begun: bool,
    failures: Failures,
}

impl OutputFile {
    /// Opens the file as it is. That it cannot be is among the failures.
    pub(crate) fn create(path: &str, failures: &Failures) -> Self {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.inspect_err(|error| failures.note(path, error)).ok();
        Self { path: path.to_owned(), file, begun: false, failures: failures.clone() }
    }

    /// Writes; after a failure, nothing any more.
    pub(crate) fn write(&mut self, text: &str) {
        let Some(file) = &mut self.file else { return };
        let emptied = if self.begun { Ok(()) } else { empty(file) };
        self.begun = true;
        if let Err(error) = emptied.and_then(|()| file.write_all(text.as_bytes())) {
            self.failures.note(&self.path, &error);
            self.file = None;
        }
    }
}

/// Pipes and devices hold nothing that could be in the way.
fn empty(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() { file.set_len(0) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_cannot_be_opened_is_a_failure_with_its_path() {
        let failures = Failures::default();
        OutputFile::create("/nowhere/x.csv", &failures).write("x");
        assert_eq!(failures.all().len(), 1);
        assert!(failures.all()[0].starts_with("cannot write `/nowhere/x.csv`: No such file"));
    }

    #[test]
    fn a_full_disk_is_one_failure_however_much_was_to_be_written() {
        let failures = Failures::default();
        let mut file = OutputFile::create("/dev/full", &failures);
        (0..3).for_each(|_| file.write("x"));
        assert_eq!(failures.all().len(), 1, "{failures:?}");
    }

    #[test]
    fn what_stood_in_a_file_goes_with_the_first_words_of_the_new() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), "what an earlier run found").expect("room");
        let content = || std::fs::read_to_string(file.path()).expect("text");
        let failures = Failures::default();
        let mut output = OutputFile::create(file.path().to_str().expect("text"), &failures);
        assert_eq!(content(), "what an earlier run found");
        output.write("new");
        output.write("er");
        assert_eq!((content().as_str(), failures.all().len()), ("newer", 0));
    }
}
