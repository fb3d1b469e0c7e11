//! Asks promtool what a trainee's alert rules do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the rules are tested with; the file is also for trainees, `exercises/rules/`.
const TESTS: &str = include_str!("../../../exercises/rules/memory.test.yml");
/// The name by which the tests read the rules.
const RULES_FILE: &str = "memory.rules.yml";
/// The largest file of rules that is read.
const LARGEST_RULES_BYTES: u64 = 1 << 20;
/// What is kept of what promtool said.
const LONGEST_TOLD_LINES: usize = 20;

/// What promtool said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesRun {
    /// Whether it takes the file.
    pub are_valid: bool,
    /// Whether the rules fire when they should, and only then.
    pub are_right: bool,
    /// Its own words, the first lines of them.
    pub told: String,
}

/// Why the rules could not be tested.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// No such program.
    #[error("cannot run promtool (Debian: apt-get install prometheus)")]
    NoPromtool(#[source] io::Error),
    /// No such file.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] io::Error),
    /// Longer than rules are.
    #[error("{} is larger than 1 MiB", .0.display())]
    TooLarge(PathBuf),
    /// No place to test them.
    #[error("no private directory to test the rules in")]
    Directory(#[source] io::Error),
}

/// Tests the rules in the file.
pub fn run_rules(path: &Path) -> Result<RulesRun, RulesError> {
    let unreadable = |error| RulesError::Unreadable(path.to_owned(), error);
    if fs::metadata(path).map_err(unreadable)?.len() > LARGEST_RULES_BYTES {
        return Err(RulesError::TooLarge(path.to_owned()));
    }
    let rules = fs::read(path).map_err(unreadable)?;
    let directory = tempfile::tempdir().map_err(RulesError::Directory)?;
    let place = |name: &str| directory.path().join(name);
    fs::write(place(RULES_FILE), rules).map_err(RulesError::Directory)?;
    fs::write(place("memory.test.yml"), TESTS).map_err(RulesError::Directory)?;
    let (are_valid, told_of_file) = promtool(directory.path(), &["check", "rules", RULES_FILE])?;
    if !are_valid {
        return Ok(RulesRun { are_valid, are_right: false, told: told_of_file });
    }
    let (are_right, told) = promtool(directory.path(), &["test", "rules", "memory.test.yml"])?;
    Ok(RulesRun { are_valid, are_right, told })
}

/// Runs it; returns whether it is content, and what it said.
fn promtool(directory: &Path, args: &[&str]) -> Result<(bool, String), RulesError> {
    let mut command = Command::new("promtool");
    let output =
        command.args(args).current_dir(directory).output().map_err(RulesError::NoPromtool)?;
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    let lines = said.lines().map(str::trim).filter(|line| !line.is_empty());
    let told: Vec<_> = lines.take(LONGEST_TOLD_LINES).collect();
    Ok((output.status.success(), told.join("\n")))
}
