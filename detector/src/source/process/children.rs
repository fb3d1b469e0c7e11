//! The children of a process, and theirs, those included that have ended and nobody has waited for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use procfs::ProcError;
use procfs::process::Process;

/// Most descendants that are followed; a tree with more is left at these.
const MOST_DESCENDANTS: usize = 10_000;

/// How many children `process` has in the process table under `proc`.
///
/// Kernels that list them per thread (`CONFIG_PROC_CHILDREN`) are asked for that list; elsewhere
/// the whole table is looked through for those whose parent it is.
pub(super) fn count(proc: &Path, process: &Process) -> io::Result<usize> {
    match listed(process) {
        Ok(children) => Ok(children.len()),
        Err(ProcError::NotFound(_)) => {
            Ok(rows(proc)?.iter().filter(|row| row.parent == process.pid).count())
        }
        Err(error) => Err(io::Error::other(error)),
    }
}

/// The descendants of `process`, from top to bottom.
pub(in crate::source) fn descendants(proc: &Path, process: &Process) -> io::Result<Vec<i32>> {
    let children: Box<dyn Fn(i32) -> Vec<i32>> = match listed(process) {
        Ok(_) => {
            let proc = proc.to_owned();
            Box::new(move |pid| {
                let process = Process::new_with_root(proc.join(pid.to_string()));
                process.and_then(|process| listed(&process)).unwrap_or_default()
            })
        }
        Err(ProcError::NotFound(_)) => {
            let mut of: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
            rows(proc)?.into_iter().for_each(|row| of.entry(row.parent).or_default().push(row.pid));
            Box::new(move |pid| of.get(&pid).cloned().unwrap_or_default())
        }
        Err(error) => return Err(io::Error::other(error)),
    };
    let mut found = children(process.pid);
    let mut next = 0;
    while next < found.len() && found.len() < MOST_DESCENDANTS {
        // A pid that is given anew while we look must not send us in circles.
        let more = children(found[next]).into_iter().filter(|pid| !found.contains(pid));
        let more: Vec<i32> = more.collect();
        found.extend(more);
        next += 1;
    }
    found.truncate(MOST_DESCENDANTS);
    Ok(found)
}

/// By the kernel's lists, of which each thread has one. A thread that ends meanwhile hands its
/// children to another.
fn listed(process: &Process) -> Result<Vec<i32>, ProcError> {
    let own = process.task_from_tid(process.pid)?.children()?;
    let mut children: Vec<i32> = own.into_iter().map(u32::cast_signed).collect();
    for task in process.tasks()?.flatten().filter(|task| task.tid != process.pid) {
        children.extend(task.children().unwrap_or_default().into_iter().map(u32::cast_signed));
    }
    Ok(children)
}

/// A process as the table has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::source) struct Row {
    pub(in crate::source) pid: i32,
    pub(in crate::source) parent: i32,
    /// At most 15 bytes.
    pub(in crate::source) name: String,
}

/// The whole table. Those that end while we look are none.
pub(in crate::source) fn rows(proc: &Path) -> io::Result<Vec<Row>> {
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let entries = fs::read_dir(proc)?.flatten();
    let processes = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_process));
    let stats = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    Ok(stats.filter_map(|stat| row(&stat)).collect())
}

/// A line of `stat`: the pid, the name in brackets, which may hold anything, the state, the parent.
fn row(stat: &str) -> Option<Row> {
    let (before, after) = stat.rsplit_once(')')?;
    let (pid, name) = before.split_once(" (")?;
    let parent = after.split_ascii_whitespace().nth(1)?.parse().ok()?;
    Some(Row { pid: pid.parse().ok()?, parent, name: name.to_owned() })
}
