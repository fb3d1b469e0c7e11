//! The configuration file: what `check -s NAME` and `watch` look at.
//!
//! Every problem is told at once, with its line. Each section is a file under `config/` that takes its keys out of
//! `Fields`, and joins by a field and a line of `Config::of`.

mod fields;
mod rules;
mod targets;
mod watch;
mod yaml;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use self::fields::{Fields, Problems, duration};
pub use self::rules::TargetRule;
use crate::service::settings::Settings;
use crate::target::Target;

/// Names the file, where no flag does.
const VARIABLE: &str = "DETECTOR_CONFIG";
/// Where it is looked for, where nothing names it.
const PLACES: [&str; 2] = ["detector.yaml", "/etc/detector.yaml"];
/// Longest file that is read: some ten thousand targets.
const LONGEST_BYTES: u64 = 4 << 20;

/// What the file says.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// What to look at, each with a name of its own.
    pub targets: Vec<Target>,
    /// The sections of the watch.
    pub watch: Settings,
    /// Thresholds beside the core.
    pub rules: Vec<TargetRule>,
}

/// One thing that is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is none.
    #[error("no configuration: neither {} nor {} is there, and {VARIABLE} is not set; give --config FILE", PLACES[0], PLACES[1])]
    NotFound,
    /// It cannot be read.
    #[error("cannot read the configuration {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A place in it is wrong.
    #[error("{file}:{line}:{column}: {what}")]
    Problem {
        /// The file.
        file: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong, and a way out.
        what: String,
    },
    /// There is more than anybody reads.
    #[error("{file}: and {problems} more problems")]
    More {
        /// The file.
        file: String,
        /// How many are not listed.
        problems: usize,
    },
    /// No target has that name.
    #[error("no target is named `{wanted}`; there are: {there}")]
    NoSuchTarget {
        /// The name asked for.
        wanted: String,
        /// The names in the file.
        there: String,
    },
}

impl ConfigError {
    fn place(&self) -> (usize, usize) {
        match self {
            Self::Problem { line, column, .. } => (*line, *column),
            _ => (0, 0),
        }
    }
}

impl Config {
    /// Reads `file`, or the one that `DETECTOR_CONFIG` names, or the first there is of `./detector.yaml` and
    /// `/etc/detector.yaml`. On failure everything that is wrong with it, at least one thing.
    pub fn load(file: Option<&Path>) -> Result<Self, Vec<ConfigError>> {
        let named = || std::env::var_os(VARIABLE).filter(|v| !v.is_empty()).map(PathBuf::from);
        let found = || PLACES.map(PathBuf::from).into_iter().find(|path| path.exists());
        let path = file.map(Path::to_owned).or_else(named).or_else(found);
        let path = path.ok_or_else(|| vec![ConfigError::NotFound])?;
        let text = read(&path)
            .map_err(|source| vec![ConfigError::Unreadable { path: path.clone(), source }])?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Result<&Target, ConfigError> {
        let names = || self.targets.iter().map(|target| target.name.as_str()).collect::<Vec<_>>();
        self.targets.iter().find(|target| target.name == name).ok_or_else(|| {
            ConfigError::NoSuchTarget { wanted: name.to_owned(), there: names().join(", ") }
        })
    }

    fn parse(file: &str, text: &str) -> Result<Self, Vec<ConfigError>> {
        let problems = Problems::of(file);
        let config = match yaml::read(text) {
            Ok(Some(root)) => Some(Self::of(Fields::open(&root, "", &problems))),
            Ok(None) => {
                problems.report(1, 1, "the file is empty; it needs `targets:` at least");
                None
            }
            Err((line, column, what)) => {
                problems.report(line, column, what);
                None
            }
        };
        let errors = problems.into_errors();
        config.filter(|_| errors.is_empty()).ok_or(errors)
    }

    fn of(mut file: Fields<'_>) -> Self {
        let every = file.get("every", duration);
        let confirm = file.get("confirm", duration);
        let mut targets = targets::read(&mut file);
        for target in &mut targets {
            target.every = target.every.or(every);
            target.confirm = target.confirm.or(confirm);
        }
        let rules = rules::read(&mut file, &targets);
        let watch = watch::read(&mut file);
        file.close();
        Self { targets, watch, rules }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let length = File::open(path)?.take(LONGEST_BYTES + 1).read_to_string(&mut text)? as u64;
    if length > LONGEST_BYTES {
        return Err(io::Error::other("it is larger than 4 MiB"));
    }
    Ok(text)
}
