//! A process by its name, and its children: their memory, descriptors and threads are added up.
//!
//! The name is looked for once, and again when its process has ended: a service that is restarted is another run of the
//! same target, one that changes its name stays what it is. Of several processes of that name those whose parents have
//! it too are children; if more than one is left, nobody can say which is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use procfs::Current as _;

use super::SampleError;
use super::process::{MemoryLimit, ProcessSource, Row, descendants, rows};
use crate::target::{Entity, LookError};
use crate::{Observation, Signal};

/// Most processes of one name that a message lists.
const MOST_LISTED: usize = 5;

/// Why a name names no process.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// There is none.
    #[error("no process is named `{name}`; `ps -eo pid,comm,args` shows their names")]
    NoSuchName {
        /// The name asked for.
        name: String,
    },
    /// There are several, none a child of another.
    #[error("{count} processes are named `{name}`: {listed}; give the number of one")]
    Several {
        /// The name asked for.
        name: String,
        /// How many.
        count: usize,
        /// Number and command of the first few.
        listed: String,
    },
    /// The process table cannot be read.
    #[error("cannot read the process table")]
    Unreadable(#[from] std::io::Error),
}

/// Follows a process by its name.
#[derive(Debug)]
pub(crate) struct TreeEntity {
    name: String,
    proc: PathBuf,
    root: Option<ProcessSource>,
}

impl TreeEntity {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), proc: PathBuf::from("/proc"), root: None }
    }

    /// The process, looked for if it is not known or has ended.
    fn root(&mut self) -> Result<&mut ProcessSource, LookError> {
        let found = match self.root.take().filter(ProcessSource::is_same) {
            Some(root) => root,
            None => ProcessSource::open_in(&self.proc, find(&self.proc, &self.name)?)?,
        };
        Ok(self.root.insert(found))
    }

    fn observe_once(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let proc = self.proc.clone();
        Ok(observe_family(&proc, self.root()?, t_seconds, notes)?)
    }
}

/// What is younger is passed over: a child that was just forked has its parent's memory until it becomes a program of its
/// own, and would count it twice.
const YOUNG_SECONDS: f64 = 1.0;

/// One observation of a process and all that descend from it.
pub(super) fn observe_family(
    proc: &Path,
    root: &mut ProcessSource,
    t_seconds: f64,
    notes: &mut BTreeSet<String>,
) -> Result<Observation, SampleError> {
    let mut seen = root.observe_alone(t_seconds, notes)?;
    let children = match descendants(proc, root.process()) {
        Ok(children) => children,
        Err(error) => {
            notes.insert(format!("children: not judged, they cannot be listed: {error}"));
            return Ok(seen);
        }
    };
    let now_seconds = procfs::Uptime::current().map_or(f64::INFINITY, |up| up.uptime);
    for &child in &children {
        // Children come and go; a zombie holds nothing but its place in the table.
        let child = ProcessSource::open_in(proc, child.cast_unsigned());
        let Ok(more) = child.and_then(|mut child| child.observe_alone(t_seconds, notes)) else {
            continue;
        };
        if more.start_seconds.is_some_and(|start| now_seconds - start < YOUNG_SECONDS) {
            continue;
        }
        // What one of them does not tell, nobody can add up.
        seen.signals.retain(|signal, _| more.signals.contains_key(signal));
        for (signal, value) in &mut seen.signals {
            *value += more.signals.get(signal).copied().unwrap_or_default();
        }
    }
    seen.signals.insert(Signal::Processes, 1.0 + children.len() as f64);
    Ok(seen)
}

impl Entity for TreeEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        match self.observe_once(t_seconds, notes) {
            // It ended between two glances: whoever has its name now is the target.
            Err(LookError::Sample(SampleError::Gone { .. } | SampleError::Restarted { .. })) => {
                self.root = None;
                self.observe_once(t_seconds, notes)
            }
            seen => seen,
        }
    }

    fn described(&self) -> Option<String> {
        let root = self.root.as_ref()?;
        Some(format!("process {} ({}) and its children", root.pid(), self.name))
    }

    fn pid(&self) -> Option<u32> {
        Some(self.root.as_ref()?.pid())
    }

    fn process_name(&self) -> Option<String> {
        Some(self.root.as_ref()?.name().to_owned())
    }

    fn memory_limit(&self) -> Option<MemoryLimit> {
        self.root.as_ref()?.memory_limit()
    }
}

/// The one process of this name that is no child of another.
fn find(proc: &Path, name: &str) -> Result<u32, TreeError> {
    let rows = rows(proc)?;
    let own = std::process::id().cast_signed();
    let named = |row: &&Row| row.pid != own && is_named(proc, row, name);
    let named: BTreeSet<i32> = rows.iter().filter(named).map(|row| row.pid).collect();
    let parents: BTreeMap<i32, i32> = rows.iter().map(|row| (row.pid, row.parent)).collect();
    let roots: Vec<i32> = named
        .iter()
        .copied()
        .filter(|pid| !ancestors(*pid, &parents).any(|above| named.contains(&above)))
        .collect();
    match roots[..] {
        [root] => Ok(root.cast_unsigned()),
        [] => Err(TreeError::NoSuchName { name: name.to_owned() }),
        _ => {
            let listed = roots.iter().take(MOST_LISTED);
            let listed = listed.map(|pid| format!("{pid} ({})", command(proc, *pid).join(" ")));
            let mut listed: Vec<String> = listed.collect();
            if roots.len() > MOST_LISTED {
                listed.push("...".to_owned());
            }
            let (name, count) = (name.to_owned(), roots.len());
            Err(TreeError::Several { name, count, listed: listed.join(", ") })
        }
    }
}

/// The kernel cuts names off after 15 bytes; the command that was given has all of it. Who has no command is a zombie or
/// a thread of the kernel.
fn is_named(proc: &Path, row: &Row, name: &str) -> bool {
    let command = command(proc, row.pid);
    let program = command.first().and_then(|first| Path::new(first).file_name());
    program.is_some_and(|program| row.name == name || program == name)
}

/// The command of a process, cut off where a message would become unreadable.
fn command(proc: &Path, pid: i32) -> Vec<String> {
    const MOST_WORDS: usize = 4;
    let words = fs::read(proc.join(pid.to_string()).join("cmdline")).unwrap_or_default();
    let words = words.split(|byte| *byte == 0).filter(|word| !word.is_empty());
    words.take(MOST_WORDS).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

/// Parents of parents; nobody has more than there are processes.
fn ancestors(pid: i32, parents: &BTreeMap<i32, i32>) -> impl Iterator<Item = i32> {
    std::iter::successors(parents.get(&pid).copied(), |above| parents.get(above).copied())
        .take(parents.len())
}
