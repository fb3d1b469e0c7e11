//! A control group of Linux, version 1 or 2: what all processes in it and below it hold.
//!
//! What is judged is anonymous memory, and of version 2 also what the kernel holds for it and cannot give back. Page
//! cache counts against the limit and is no leak: it goes when somebody needs the memory. Version 1 tells the kernel's
//! share only together with caches of the kernel, so it is left out there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::process::{MemoryLimit, ProcessSource, lowest_limit_in};
use super::runs::Runs;
use crate::target::{Entity, LookError};
use crate::{Observation, Signal};

/// Where groups are looked for that are named by their path below the mount.
const MOUNTS: [&str; 2] = ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"];
/// Most groups below a group that are looked through for processes.
const MOST_GROUPS: usize = 1_000;

/// Why a control group cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum CgroupError {
    /// It is not there (any more).
    #[error("there is no control group {} (looked for memory.stat in {tried})", path.display())]
    NoSuchGroup {
        /// As it was given.
        path: PathBuf,
        /// Where it was looked for.
        tried: String,
    },
    /// Whatever ran in it has ended.
    #[error("control group {} has no process (any more){}", path.display(), killed(*oom_kills))]
    Empty {
        /// The folder.
        path: PathBuf,
        /// Processes that were killed in it for want of memory while it was watched.
        oom_kills: u64,
    },
    /// The kernel says something that we do not understand, or refuses.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

fn killed(oom_kills: u64) -> String {
    match oom_kills {
        0 => String::new(),
        kills => format!("; processes killed for want of memory: {kills}"),
    }
}

/// Reads a group.
#[derive(Debug)]
pub(crate) struct CgroupEntity {
    given: PathBuf,
    mounts: Vec<PathBuf>,
    group: Option<Group>,
    runs: Runs<u64>,
    /// `oom_kill` at the first look, and at the latest.
    oom_kills: Option<(u64, u64)>,
}

/// A group that is there.
#[derive(Clone, Debug)]
struct Group {
    folder: PathBuf,
    version: Version,
    /// Another whenever the folder is made anew.
    inode: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

impl CgroupEntity {
    pub(crate) fn new(given: &Path) -> Self {
        Self::below(given, MOUNTS.map(PathBuf::from).to_vec())
    }

    fn below(given: &Path, mounts: Vec<PathBuf>) -> Self {
        let given = given.to_owned();
        Self { given, mounts, group: None, runs: Runs::default(), oom_kills: None }
    }

    fn find(&self) -> Result<Group, CgroupError> {
        let below = self.given.strip_prefix("/").unwrap_or(&self.given);
        let tried = std::iter::once(self.given.clone());
        let tried: Vec<PathBuf> = tried.chain(self.mounts.iter().map(|m| m.join(below))).collect();
        let found = tried.iter().find_map(|folder| {
            fs::metadata(folder.join("memory.stat")).ok()?;
            let two = folder.join("cgroup.controllers").exists();
            let version = if two { Version::Two } else { Version::One };
            let inode = fs::metadata(folder).ok()?.ino();
            Some(Group { folder: folder.clone(), version, inode })
        });
        found.ok_or_else(|| CgroupError::NoSuchGroup {
            path: self.given.clone(),
            tried: tried.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "),
        })
    }

    /// What tells the group that was seen from one that is made anew in its place.
    pub(super) fn inode(&self) -> Option<u64> {
        Some(self.group.as_ref()?.inode)
    }

    /// Processes killed for want of memory since the first look.
    fn killed(&self) -> u64 {
        self.oom_kills.map_or(0, |(first, latest)| latest.saturating_sub(first))
    }

    fn note_kills(&mut self, kills: Option<u64>, notes: &mut BTreeSet<String>) {
        let Some(latest) = kills else { return };
        let first = self.oom_kills.map_or(latest, |(first, _)| first.min(latest));
        self.oom_kills = Some((first, latest));
        if latest > first {
            notes.retain(|note| !note.starts_with("oom_kill: "));
            let kills = latest - first;
            notes.insert(format!("oom_kill: processes killed here for want of memory: {kills}"));
        }
    }
}

impl Entity for CgroupEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let group = self.find()?;
        self.note_kills(group.oom_kills(), notes);
        let memory = group.memory()?;
        let processes = group.processes();
        if processes.is_empty() {
            let oom_kills = self.killed();
            return Err(CgroupError::Empty { path: group.folder, oom_kills }.into());
        }
        let mut signals = held_by(&processes, t_seconds, notes);
        signals.extend(memory);
        signals.insert(Signal::Processes, processes.len() as f64);
        let start_seconds = Some(self.runs.began(group.inode, t_seconds));
        self.group = Some(group);
        Ok(Observation { t_seconds, start_seconds, signals, ..Observation::default() })
    }

    fn described(&self) -> Option<String> {
        Some(format!("control group {}", self.group.as_ref()?.folder.display()))
    }

    fn memory_limit(&self) -> Option<MemoryLimit> {
        let Group { folder, version, .. } = self.group.as_ref()?;
        let file = match version {
            Version::One => "memory.limit_in_bytes",
            Version::Two => "memory.max",
        };
        lowest_limit_in(Path::new("/"), folder.to_str()?, file)
    }
}

impl Group {
    fn memory(&self) -> Result<[(Signal, f64); 2], CgroupError> {
        let stat = self.read("memory.stat")?;
        let stat = pairs(&stat);
        let of = |name: &str| stat.get(name).copied();
        let (anonymous, usage) = match self.version {
            Version::One => (of("total_rss"), "memory.usage_in_bytes"),
            Version::Two => (of("anon").map(|anon| anon + kernel(&of)), "memory.current"),
        };
        // Of a tmpfs, or shared: it counts as cache, but only swap could take it back.
        let shared = of("total_shmem").or_else(|| of("shmem")).unwrap_or(0);
        let unreadable = |what: &str| CgroupError::Unreadable {
            path: self.folder.join(what),
            source: io::Error::other("expected numbers that are not there"),
        };
        let anonymous = anonymous.ok_or_else(|| unreadable("memory.stat"))?;
        let used = self.read(usage)?.trim().parse::<u64>().map_err(|_| unreadable(usage))?;
        Ok([(Signal::RssAnonBytes, (anonymous + shared) as f64), (Signal::RssBytes, used as f64)])
    }

    /// How many processes were killed here for want of memory, since the group is there.
    fn oom_kills(&self) -> Option<u64> {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        pairs(&self.read(file).ok()?).get("oom_kill").copied()
    }

    /// The processes here and below.
    fn processes(&self) -> Vec<u32> {
        let mut groups = vec![self.folder.clone()];
        let mut next = 0;
        while next < groups.len() && groups.len() < MOST_GROUPS {
            let below = fs::read_dir(&groups[next]).into_iter().flatten().flatten();
            let below = below.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
            groups.extend(below.map(|entry| entry.path()));
            next += 1;
        }
        let lists = groups.iter().filter_map(|g| fs::read_to_string(g.join("cgroup.procs")).ok());
        lists
            .flat_map(|list| list.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect()
    }

    fn read(&self, file: &str) -> Result<String, CgroupError> {
        let path = self.folder.join(file);
        fs::read_to_string(&path).map_err(|source| CgroupError::Unreadable { path, source })
    }
}

/// What the kernel holds for a group of version 2 and cannot give back. Kernels before 5.18 tell only the parts.
fn kernel(of: &impl Fn(&str) -> Option<u64>) -> u64 {
    const PARTS: [&str; 5] = ["kernel_stack", "pagetables", "percpu", "sock", "slab_unreclaimable"];
    let whole = of("kernel").map(|all| all.saturating_sub(of("slab_reclaimable").unwrap_or(0)));
    whole.unwrap_or_else(|| PARTS.iter().filter_map(|part| of(part)).sum())
}

/// Lines of a name and a number.
fn pairs(text: &str) -> BTreeMap<&str, u64> {
    let pairs = text.lines().filter_map(|line| line.split_once(' '));
    pairs.filter_map(|(name, value)| Some((name, value.trim().parse().ok()?))).collect()
}

/// Descriptors and threads of these processes; what one of them does not tell, nobody can add up.
fn held_by(
    processes: &[u32],
    t_seconds: f64,
    notes: &mut BTreeSet<String>,
) -> BTreeMap<Signal, f64> {
    const COUNTED: [Signal; 2] = [Signal::Fds, Signal::Threads];
    let mut sums: BTreeMap<Signal, f64> = COUNTED.map(|signal| (signal, 0.0)).into();
    let opened = processes.iter().filter_map(|pid| ProcessSource::open(*pid).ok());
    let mut seen = false;
    for process in opened.filter_map(|mut process| process.observe_alone(t_seconds, notes).ok()) {
        seen = true;
        sums.retain(|signal, _| process.signals.contains_key(signal));
        for (signal, sum) in &mut sums {
            *sum += process.signals.get(signal).copied().unwrap_or_default();
        }
    }
    if seen { sums } else { BTreeMap::new() }
}

#[cfg(test)]
mod tests;
