//! Files that are written during a run or after it. They are opened before the run, so that a path
//! that cannot be written is known before a single request was sent; a disk that fills up later
//! ends the file, not the run, and is told at the end.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
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
    writer: Option<BufWriter<File>>,
    failures: Failures,
}

impl OutputFile {
    /// Opens the file, empty. That it cannot be is among the failures.
    pub(crate) fn create(path: &str, failures: &Failures) -> Self {
        let file = File::create(path).inspect_err(|error| failures.note(path, error));
        let writer = file.ok().map(BufWriter::new);
        Self { path: path.to_owned(), writer, failures: failures.clone() }
    }

    /// Writes and flushes; after a failure, nothing any more.
    pub(crate) fn write(&mut self, text: &str) {
        if let Some(writer) = &mut self.writer {
            let written = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
            if let Err(error) = written {
                self.failures.note(&self.path, &error);
                self.writer = None;
            }
        }
    }
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
}
