//! Any program as a detector: a trace on its stdin, state lines on its stdout.
//!
//! A program that crashes, hangs, floods or talks nonsense fails on that trace, with the reason;
//! what it said until then counts. However it ends, its process group ends with it.

mod child;
mod files;
mod lines;
mod samples;

use std::time::Duration;

use crate::bench::Said;
use crate::corpus::Trace;
use crate::interrupt::Interrupt;
use child::{Ended, Ending};
use lines::Lines;

/// A program, by the command that a shell runs.
#[derive(Clone, Debug)]
pub struct Exec {
    /// The whole name in flags and results: `exec:COMMAND`.
    pub name: String,
    /// What `sh -c` is given.
    pub command: String,
    /// How it is told of a trace.
    pub form: Form,
    /// How long it may take for one.
    pub timeout: Duration,
    /// Ctrl-C.
    pub interrupt: Interrupt,
}

/// How a program is told of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON Lines: a head with the limit and the signals, then an object per observation.
    JsonLines,
    /// CSV, as trace files are.
    Csv,
}

impl Exec {
    /// The checksum of the files that its command names, as they are now.
    pub fn files_sha256(&self) -> String {
        files::sha256(&self.command)
    }

    /// What the program says of a trace.
    pub fn watch(&self, trace: &Trace) -> Said {
        let input = match self.form {
            Form::JsonLines => samples::json_lines(trace),
            Form::Csv => samples::csv(trace),
        };
        let limit = samples::limit(trace);
        let ended = match child::run(&self.command, limit, input, self.timeout, &self.interrupt) {
            Ok(ended) => ended,
            Err(error) => {
                return Said { changes: Vec::new(), failure: Some(format!("no shell: {error}")) };
            }
        };
        let Lines { mut changes, nonsense } = lines::read(&ended.stdout, trace);
        let leaked = changes.iter().any(|change| change.state == detector::State::Leaking);
        let failure = self.why_failed(&ended, leaked).or(nonsense);
        // A program may speak of one signal after the other.
        changes.sort_by(|a, b| a.t_seconds.total_cmp(&b.t_seconds));
        Said { changes, failure }
    }

    /// By the exit codes of `detector replay`: 1 with a leak and 3 without are no failures.
    fn why_failed(&self, ended: &Ended, leaked: bool) -> Option<String> {
        let why = match &ended.ending {
            Ending::Status(status) => match status.code() {
                Some(0) => return None,
                Some(1) if leaked => return None,
                Some(3) if !leaked => return None,
                _ => format!("it failed, {status}"),
            },
            Ending::TooLong => {
                format!("it took longer than {}", humantime::format_duration(self.timeout))
            }
            Ending::TooMuch => format!("it said more than {} MiB", child::MOST_BYTES >> 20),
            Ending::Interrupted => "interrupted".to_owned(),
            Ending::Broken(error) => format!("it cannot be heard: {error}"),
        };
        Some(if ended.last_words.is_empty() {
            why
        } else {
            format!("{why}, saying `{}`", ended.last_words)
        })
    }
}

#[cfg(test)]
mod tests;
