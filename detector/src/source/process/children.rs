//! Counts the children of a process, those included that have ended and nobody has waited for.

use std::fs;
use std::io;
use std::path::Path;

use procfs::ProcError;
use procfs::process::Process;

/// The children of `process` in the process table under `proc`.
///
/// Kernels that list them per thread (`CONFIG_PROC_CHILDREN`) are asked for that list; elsewhere
/// the whole table is looked through for those whose parent it is.
pub(super) fn count(proc: &Path, process: &Process) -> io::Result<usize> {
    match listed(process) {
        Ok(count) => Ok(count),
        Err(ProcError::NotFound(_)) => in_table(proc, process.pid),
        Err(error) => Err(io::Error::other(error)),
    }
}

/// By the kernel's lists, of which each thread has one. A thread that ends meanwhile hands its
/// children to another.
fn listed(process: &Process) -> Result<usize, ProcError> {
    let mut count = process.task_from_tid(process.pid)?.children()?.len();
    for task in process.tasks()?.flatten().filter(|task| task.tid != process.pid) {
        count += task.children().map_or(0, |children| children.len());
    }
    Ok(count)
}

/// By the parents that all processes name. Those that end while we look are none.
fn in_table(proc: &Path, parent: i32) -> io::Result<usize> {
    let is_process = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let entries = fs::read_dir(proc)?.flatten();
    let processes = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_process));
    let parents = processes.filter_map(|entry| fs::read_to_string(entry.path().join("stat")).ok());
    Ok(parents.filter(|stat| parent_in(stat) == Some(parent)).count())
}

/// The parent in a line of `stat`: the second field after the name, which may hold anything.
fn parent_in(stat: &str) -> Option<i32> {
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_ascii_whitespace().nth(1)?.parse().ok()
}
