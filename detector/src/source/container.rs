//! A container by its name or id: Docker, or what speaks its API, says which it is and how it ended; its control group
//! says what it holds. Without Docker's socket an id is looked for among the control groups of all processes.

mod api;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use procfs::process::Process;

use self::api::{Api, State};
use super::cgroup::CgroupEntity;
use super::process::{MemoryLimit, rows};
use super::runs::Runs;
use crate::Observation;
use crate::target::{Entity, LookError};

/// Shortest id that is looked for without Docker's help; names are not known then.
const SHORTEST_ID: usize = 12;

/// Why a container cannot be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ContainerError {
    /// Nobody knows it.
    #[error("there is no container `{wanted}`; running are: {running}")]
    NoSuchContainer {
        /// As it was given.
        wanted: String,
        /// The names of those that run.
        running: String,
    },
    /// It is there and does not run.
    #[error("container {name} does not run: {status}, exit code {exit_code}{}", if *oom_killed { ", killed for want of memory (OOM)" } else { "" })]
    NotRunning {
        /// Its name.
        name: String,
        /// `exited`, `created`, `dead`, ...
        status: String,
        /// How it ended.
        exit_code: i64,
        /// Whether the kernel ended it.
        oom_killed: bool,
    },
    /// Its control group cannot be found.
    #[error("container {name}: process {pid} has no control group of memory that can be seen here")]
    NoGroup {
        /// Its name.
        name: String,
        /// Its first process.
        pid: u32,
    },
    /// No engine answers.
    #[error("no container engine answers on {}; is Docker running, and may you use its socket?", socket.display())]
    NoEngine {
        /// Where it was looked for.
        socket: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The engine answers what makes no sense.
    #[error("the container engine on {} answers with status {status}: {message}", socket.display())]
    BadAnswer {
        /// Where it answers.
        socket: PathBuf,
        /// The status, 0 if there was none.
        status: u16,
        /// What it says, or what is wrong with it.
        message: String,
    },
}

/// Follows a container through its restarts.
#[derive(Debug)]
pub(crate) struct ContainerEntity {
    wanted: String,
    api: Api,
    running: Option<Running>,
    runs: Runs<(String, u64)>,
}

#[derive(Debug)]
struct Running {
    name: String,
    id: String,
    group: CgroupEntity,
}

impl ContainerEntity {
    pub(crate) fn new(wanted: &str) -> Self {
        let (wanted, api) = (wanted.to_owned(), Api::of_environment());
        Self { wanted, api, running: None, runs: Runs::default() }
    }

    fn find(&self) -> Result<Running, ContainerError> {
        match self.api.inspect(&self.wanted) {
            Err(ContainerError::NoEngine { .. }) if self.may_be_id() => {}
            found => return found.and_then(|found| running(&found)),
        }
        // Without an engine: any process in a group that carries the id.
        let pids = rows(Path::new("/proc")).unwrap_or_default().into_iter().map(|row| row.pid);
        let carries = |group: &PathBuf| group.to_string_lossy().contains(&self.wanted);
        let group = pids.filter_map(group_of).find(carries);
        let group = group.ok_or_else(|| ContainerError::NoSuchContainer {
            wanted: self.wanted.clone(),
            running: "not known, for no engine answers".to_owned(),
        })?;
        let (name, id) = (self.wanted.clone(), self.wanted.clone());
        Ok(Running { name, id, group: CgroupEntity::new(&group) })
    }

    fn may_be_id(&self) -> bool {
        self.wanted.len() >= SHORTEST_ID && self.wanted.bytes().all(|b| b.is_ascii_hexdigit())
    }
}

/// Where it runs, if it does.
fn running(found: &api::Container) -> Result<Running, ContainerError> {
    let name = found.name.trim_start_matches('/').to_owned();
    let State { running, pid, .. } = found.state;
    if !running || pid == 0 {
        let State { ref status, exit_code, oom_killed, .. } = found.state;
        return Err(ContainerError::NotRunning {
            name,
            status: status.clone(),
            exit_code,
            oom_killed,
        });
    }
    match group_of(pid.cast_signed()) {
        Some(group) => Ok(Running { name, id: found.id.clone(), group: CgroupEntity::new(&group) }),
        None => Err(ContainerError::NoGroup { name, pid }),
    }
}

/// The control group of a process that counts its memory; none where it is in none of its own, which version 1 also says
/// of a container's first process once it has ended: the group of all would be the whole machine.
fn group_of(pid: i32) -> Option<PathBuf> {
    let groups = Process::new(pid).ok()?.cgroups().ok()?.0;
    let by_memory = groups.iter().find(|group| group.controllers.iter().any(|c| c == "memory"));
    let unified = || groups.iter().find(|group| group.hierarchy == 0);
    let group = PathBuf::from(&by_memory.or_else(unified)?.pathname);
    (group != Path::new("/")).then_some(group)
}

impl Entity for ContainerEntity {
    fn observe(
        &mut self,
        t_seconds: f64,
        notes: &mut BTreeSet<String>,
    ) -> Result<Observation, LookError> {
        let mut observe = |running: &mut Running| running.group.observe(t_seconds, notes);
        let seen = self.running.as_mut().and_then(|running| observe(running).ok());
        let mut seen = match seen {
            Some(seen) => seen,
            // Not there yet, or not any more: the engine knows.
            None => observe(self.running.insert(self.find()?))?,
        };
        if let Some(running) = &self.running {
            let inode = running.group.inode().unwrap_or_default();
            seen.start_seconds = Some(self.runs.began((running.id.clone(), inode), t_seconds));
        }
        Ok(seen)
    }

    fn described(&self) -> Option<String> {
        Some(format!("container {}", self.running.as_ref()?.name))
    }

    fn memory_limit(&self) -> Option<MemoryLimit> {
        self.running.as_ref()?.group.memory_limit()
    }
}
