//! One run of one process, as `/proc` shows it.
//!
//! The directory of the process is held open, so that a pid which the kernel hands out again is
//! never read by mistake: the old directory then answers "no such process".

mod children;
mod entity;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use procfs::process::{Process, Stat, Status};
use procfs::{Current, ProcError};

pub(super) use self::children::{Row, descendants, rows};
pub(crate) use self::entity::ProcessEntity;
use super::{Restart, SampleError};
use crate::{Observation, Signal};

/// Flag in `stat` of a process that ends (`PF_EXITING` of `linux/sched.h`): it loses its memory before it is a zombie.
const EXITING: u32 = 4;

/// Reads `/proc/PID`.
#[derive(Debug)]
pub struct ProcessSource {
    pid: u32,
    /// The process table.
    table: PathBuf,
    root: PathBuf,
    process: Process,
    run: Run,
    name: String,
}

/// What tells one run of a pid from another.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// Ticks since boot; the same for as long as the process lives.
    start_ticks: u64,
    /// Bottom of the stack, another after every `exec` by address randomisation; 0 where the
    /// kernel does not tell us, and in the middle of an `exec`.
    stack: u64,
}

impl Run {
    fn of(stat: &Stat) -> Self {
        Self { start_ticks: stat.starttime, stack: stat.startstack }
    }

    fn restart(self, now: Self) -> Option<Restart> {
        if self.start_ticks != now.start_ticks {
            Some(Restart::NewProcess)
        } else if self.stack != now.stack && self.stack != 0 && now.stack != 0 {
            Some(Restart::NewProgram)
        } else {
            None
        }
    }
}

/// The most memory that the process may take before something is killed for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// The limit.
    pub bytes: u64,
    /// Who sets it: a control group, or the size of the machine.
    pub set_by: String,
}

impl ProcessSource {
    /// Opens a process and reads it once, so that what cannot be sampled is refused at once.
    pub fn open(pid: u32) -> Result<Self, SampleError> {
        Self::open_in(Path::new("/proc"), pid)
    }

    pub(super) fn open_in(proc: &Path, pid: u32) -> Result<Self, SampleError> {
        let root = proc.join(pid.to_string());
        let process = Process::new_with_root(root.clone())
            .map_err(|source| because(pid, "the directory", source))?;
        let stat = process.stat().map_err(|source| because(pid, "stat", source))?;
        let run = Run::of(&stat);
        let table = proc.to_owned();
        let source = Self { pid, table, root, process, run, name: stat.comm };
        source.status()?;
        Ok(source)
    }

    /// The process's name, as the kernel knows it (at most 15 bytes).
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn process(&self) -> &Process {
        &self.process
    }

    /// Whether it is still the run that was opened.
    pub(super) fn is_same(&self) -> bool {
        let alive = self.status().and_then(|_| self.stat());
        alive.is_ok_and(|stat| self.run.restart(Run::of(&stat)).is_none())
    }

    /// One observation, its children counted. What is missing from it and why goes to `notes`.
    pub fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, SampleError> {
        let mut observation = self.observe_alone(t_seconds, notes)?;
        let processes = self.processes(notes).map(|count| (Signal::Processes, count));
        observation.signals.extend(processes);
        Ok(observation)
    }

    /// One observation of what the process itself holds.
    pub(super) fn observe_alone(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, SampleError> {
        let status = self.status().map_err(|error| self.gone_or_replaced(error))?;
        let stat = self.stat().map_err(|error| self.gone_or_replaced(error))?;
        if let Some(how) = self.run.restart(Run::of(&stat)) {
            return Err(SampleError::Restarted { pid: self.pid, how });
        }
        self.note_program(&stat);
        let mut observation = Observation {
            t_seconds,
            start_seconds: Some(stat.starttime as f64 / procfs::ticks_per_second() as f64),
            ..Observation::default()
        };
        let mut add = |signal, value: Option<f64>| {
            observation.signals.extend(value.map(|value| (signal, value)));
        };
        add(Signal::RssBytes, status.vmrss.map(kib));
        add(Signal::RssAnonBytes, status.rssanon.map(kib).or_else(|| self.anonymous(notes)));
        add(Signal::Threads, Some(status.threads as f64));
        add(Signal::Fds, self.fds(notes));
        Ok(observation)
    }

    /// What was opened in the middle of an `exec` is known by now.
    fn note_program(&mut self, stat: &Stat) {
        if self.run.stack == 0 && stat.startstack != 0 {
            self.run = Run::of(stat);
            self.name.clone_from(&stat.comm);
        }
    }

    /// The lowest memory limit among the process's control groups and those above them; without
    /// one, what the machine has.
    pub fn memory_limit(&self) -> Option<MemoryLimit> {
        let groups = self.process.cgroups().map(|groups| groups.0).unwrap_or_default();
        let limits = groups.iter().filter_map(|g| lowest_limit(&g.controllers, &g.pathname));
        limits.min_by_key(|limit| limit.bytes).or_else(machine_limit)
    }

    fn stat(&self) -> Result<Stat, SampleError> {
        self.process.stat().map_err(|source| because(self.pid, "stat", source))
    }

    fn status(&self) -> Result<Status, SampleError> {
        let status = self.process.status().map_err(|source| because(self.pid, "status", source))?;
        let pid = self.pid;
        if status.tgid as u32 != status.pid as u32 {
            Err(SampleError::Thread { pid, owner: status.tgid as u32 })
        } else if status.state.starts_with(['Z', 'X']) {
            Err(SampleError::Gone { pid })
        } else if status.vmrss.is_none() {
            let is_ending = self.stat().is_ok_and(|stat| stat.flags & EXITING != 0);
            Err(if is_ending { SampleError::Gone { pid } } else { SampleError::NoMemory { pid } })
        } else {
            Ok(status)
        }
    }

    /// Anonymous memory from `smaps_rollup`, for kernels whose `status` does not have it (before
    /// 4.5). Elsewhere it is not read: it says the same, takes the target's `mmap` lock, and
    /// walks every page table, which costs milliseconds per gigabyte.
    fn anonymous(&self, notes: &mut BTreeSet<String>) -> Option<f64> {
        let rollup = self.process.smaps_rollup().ok().and_then(|rollup| {
            rollup.memory_map_rollup.0.first()?.extension.map.get("Anonymous").copied()
        });
        if rollup.is_none() {
            notes.insert("rss_anon_bytes: this kernel does not tell; rss_bytes is judged".into());
        }
        rollup.map(|bytes| bytes as f64)
    }

    /// Since Linux 6.2 the size of the directory is the count, for everybody to read; before, the
    /// owner may count the entries.
    fn fds(&self, notes: &mut BTreeSet<String>) -> Option<f64> {
        let folder = self.root.join("fd");
        let size = std::fs::metadata(&folder).map(|folder| folder.len());
        let count = match size {
            Ok(0) => std::fs::read_dir(&folder).map(|entries| entries.count() as u64),
            size => size,
        };
        if let Err(error) = &count {
            notes.insert(format!("fds: not judged, {error}; run as the process's user or root"));
        }
        count.ok().map(|count| count as f64)
    }

    /// The process itself and its children, zombies included.
    fn processes(&self, notes: &mut BTreeSet<String>) -> Option<f64> {
        let children = children::count(&self.table, &self.process);
        if let Err(error) = &children {
            notes.insert(format!("processes: not judged, children cannot be counted: {error}"));
        }
        children.ok().map(|children| 1.0 + children as f64)
    }

    /// A process that is gone may have left its pid to another: then it was restarted.
    fn gone_or_replaced(&self, error: SampleError) -> SampleError {
        let replaced = || {
            let now = Process::new_with_root(self.root.clone()).ok()?.stat().ok()?;
            self.run.restart(Run::of(&now))
        };
        match (&error, replaced()) {
            (SampleError::Gone { pid }, Some(how)) => SampleError::Restarted { pid: *pid, how },
            _ => error,
        }
    }
}

/// Sizes in `status` are in KiB, although the kernel writes `kB`.
fn kib(kib: u64) -> f64 {
    kib as f64 * 1024.0
}

fn because(pid: u32, what: &'static str, source: ProcError) -> SampleError {
    match source {
        ProcError::NotFound(_) => SampleError::Gone { pid },
        ProcError::PermissionDenied(_) => SampleError::Denied { pid, what, source },
        source => SampleError::Unreadable { pid, what, source },
    }
}

/// The lowest limit from a control group up to the root, version 2 (no controllers named) or 1.
fn lowest_limit(controllers: &[String], group: &str) -> Option<MemoryLimit> {
    let (mount, file) = if controllers.is_empty() {
        ("/sys/fs/cgroup", "memory.max")
    } else if controllers.iter().any(|name| name == "memory") {
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
    } else {
        return None;
    };
    lowest_limit_in(Path::new(mount), group, file)
}

pub(super) fn lowest_limit_in(mount: &Path, group: &str, file: &str) -> Option<MemoryLimit> {
    let groups = Path::new(group.trim_start_matches('/')).ancestors();
    groups.filter_map(|group| limit_of(mount, group, file)).min_by_key(|limit| limit.bytes)
}

fn limit_of(mount: &Path, group: &Path, file: &str) -> Option<MemoryLimit> {
    /// Version 1 writes "no limit" as the largest multiple of the page size.
    const NO_LIMIT: u64 = 1 << 62;
    let text = std::fs::read_to_string(mount.join(group).join(file)).ok()?;
    let bytes = text.trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)?;
    Some(MemoryLimit { bytes, set_by: format!("control group /{}", group.display()) })
}

fn machine_limit() -> Option<MemoryLimit> {
    let bytes = procfs::Meminfo::current().ok()?.mem_total;
    Some(MemoryLimit { bytes, set_by: "this machine".into() })
}

#[cfg(test)]
mod tests;
