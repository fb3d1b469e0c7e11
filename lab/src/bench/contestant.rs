//! The detectors under test: the built-in one, the rivals, and what people bring.

pub mod exec;
pub mod promql;

use std::time::Duration;

use detector::{Settings, State, Watcher};

use super::rival::{RIVALS, Rival};
use super::series::Series;
use super::{Change, Said};
use crate::corpus::Trace;
use crate::interrupt::Interrupt;
use exec::{Exec, Form};
use promql::Promql;

/// The name of our own.
pub const BUILTIN: &str = "builtin";

/// A detector under test.
pub enum Contestant {
    /// The watcher of the crate `detector`.
    Builtin {
        /// Its shortest evidence; its own default if none.
        confirm_seconds: Option<f64>,
    },
    /// Somebody else's.
    Rival(&'static Rival),
    /// A program of the user.
    Exec(Exec),
    /// Alert rules of the user.
    Promql(Promql),
}

/// How detectors are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The shortest evidence of the built-in detector; its own default if none.
    pub confirm_seconds: Option<f64>,
    /// How long a program may take for a trace.
    pub timeout: Duration,
    /// Ctrl-C.
    pub interrupt: Interrupt,
}

/// A name that is no detector's.
#[derive(Debug, thiserror::Error)]
#[error(
    "unknown detector `{0}`; valid are {BUILTIN}, {names}, exec:COMMAND, exec-csv:COMMAND, promql:RULES.yml",
    names = names()
)]
pub struct UnknownDetector(String);

fn names() -> String {
    RIVALS.iter().map(|rival| rival.name).collect::<Vec<_>>().join(", ")
}

impl Contestant {
    /// The contestant that a flag means: a name, `exec:COMMAND`, `exec-csv:COMMAND` or
    /// `promql:RULES.yml[#ALERT]`; all but the first may be given a name, `mine=exec:COMMAND`.
    pub fn parse(text: &str, options: &Options) -> Result<Self, UnknownDetector> {
        let (name, kind) = named_kind(text);
        let exec = |command: &str, form| {
            Self::Exec(Exec {
                name: name.to_owned(),
                command: command.to_owned(),
                form,
                timeout: options.timeout,
                interrupt: options.interrupt.clone(),
            })
        };
        match kind.split_once(':') {
            Some(("exec", command)) => Ok(exec(command, Form::JsonLines)),
            Some(("exec-csv", command)) => Ok(exec(command, Form::Csv)),
            Some(("promql", file)) => Ok(Self::Promql(Promql::new(name, file))),
            _ => Self::named(text, options.confirm_seconds),
        }
    }

    /// The contestant of this name.
    pub fn named(name: &str, confirm_seconds: Option<f64>) -> Result<Self, UnknownDetector> {
        if name == BUILTIN {
            return Ok(Self::Builtin { confirm_seconds });
        }
        let rival = RIVALS.iter().find(|rival| rival.name == name);
        rival.map(Self::Rival).ok_or_else(|| UnknownDetector(name.to_owned()))
    }

    /// Ours and every rival.
    pub fn all(confirm_seconds: Option<f64>) -> Vec<Self> {
        let rivals = RIVALS.iter().map(Self::Rival);
        [Self::Builtin { confirm_seconds }].into_iter().chain(rivals).collect()
    }

    /// The name in flags and results.
    pub fn name(&self) -> &str {
        match self {
            Self::Builtin { .. } => BUILTIN,
            Self::Rival(rival) => rival.name,
            Self::Exec(exec) => &exec.name,
            Self::Promql(promql) => &promql.name,
        }
    }

    /// One line: what it does.
    pub fn says(&self) -> &str {
        match self {
            Self::Builtin { .. } => "explanations compete on blocks, at several horizons",
            Self::Rival(rival) => rival.says,
            Self::Exec(exec) => &exec.command,
            Self::Promql(promql) => &promql.says,
        }
    }

    /// What decides what it says and does not stand in its name: rules as they were read, the files of a program.
    pub fn fingerprint(&self) -> Option<String> {
        match self {
            Self::Promql(promql) => Some(format!("rules {}", promql.rules_sha256())),
            Self::Exec(exec) => Some(format!("files {}", exec.files_sha256())),
            Self::Builtin { .. } | Self::Rival(_) => None,
        }
    }

    /// Whether it was made for this trace: it is long enough, and what leaks is shown to it.
    pub fn in_scope(&self, trace: &Trace) -> bool {
        let rival = match self {
            Self::Rival(rival) => rival,
            Self::Promql(promql) => return promql.in_scope(trace),
            Self::Builtin { .. } | Self::Exec(_) => return true,
        };
        let seen = rival.sees.signals(trace);
        let span = trace.observations.first().zip(trace.observations.last());
        let seconds = span.map_or(0.0, |(first, last)| last.t_seconds - first.t_seconds);
        let visible = match &trace.truth.leak {
            Some(leak) => leak.signals.iter().any(|signal| seen.contains(signal)),
            None => !seen.is_empty(),
        };
        visible && seconds >= rival.needs_seconds
    }

    /// What it says of a trace.
    pub fn watch(&self, trace: &Trace) -> Said {
        match self {
            Self::Builtin { confirm_seconds } => builtin(trace, *confirm_seconds).into(),
            Self::Rival(rival) => alarms(rival, trace).into(),
            Self::Exec(exec) => exec.watch(trace),
            Self::Promql(promql) => promql.watch(trace),
        }
    }
}

/// `mine=exec:COMMAND` is called `mine`; without a name it is called what it is.
fn named_kind(text: &str) -> (&str, &str) {
    let is_name = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        !name.is_empty() && name.chars().all(fits)
    };
    text.split_once('=').filter(|(name, _)| is_name(name)).unwrap_or((text, text))
}

/// As `detector replay` does, with the limit that the truth states.
fn builtin(trace: &Trace, confirm_seconds: Option<f64>) -> Vec<Change> {
    let settings = Settings { confirm_seconds, limit: trace.truth.limit, ..Settings::default() };
    let mut watcher = Watcher::new(settings);
    let mut changes = Vec::new();
    for seen in &trace.observations {
        // What the core refuses, `replay` stops at; a corpus has none (its reader refuses it).
        let Ok(said) = watcher.observe(seen) else { break };
        changes.extend(said);
    }
    changes.extend(watcher.finish());
    let change = |said: &detector::Assessment| Change {
        t_seconds: said.t_seconds,
        signal: said.signal,
        state: said.state,
        cause: said.cause.clone(),
    };
    changes.iter().map(change).collect()
}

/// An alert that fires is `leaking`, one that resolves `steady`.
fn alarms(rival: &Rival, trace: &Trace) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for signal in rival.sees.signals(trace) {
        let firings = (rival.judge)(&Series::of(trace, signal));
        changes.extend(firings.into_iter().map(|firing| Change {
            t_seconds: firing.t_seconds,
            signal,
            state: if firing.on { State::Leaking } else { State::Steady },
            cause: None,
        }));
    }
    changes.sort_by(|a, b| a.t_seconds.total_cmp(&b.t_seconds));
    changes
}
