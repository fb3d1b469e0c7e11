//! The two versions of control groups: where each keeps which figure.

use std::fs;
use std::path::Path;

use procfs::ProcessCGroup;

use super::GroupMemory;

/// Version 1 says "no limit" by a number near 2^63 bytes; nobody has this much.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// The names of one version's files, and of the lines in its `memory.stat`.
pub(super) struct Version {
    pub(super) folder: &'static str,
    limit: &'static str,
    usage: &'static str,
    inactive_file: &'static str,
    anon: &'static str,
    file: &'static str,
    kernel: Kernel,
}

/// Where the kernel's own share is told.
enum Kernel {
    File(&'static str),
    Line(&'static str),
}

const VERSION_1: Version = Version {
    folder: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive_file: "total_inactive_file",
    anon: "total_rss",
    file: "total_cache",
    kernel: Kernel::File("memory.kmem.usage_in_bytes"),
};

const VERSION_2: Version = Version {
    folder: "",
    limit: "memory.max",
    usage: "memory.current",
    inactive_file: "inactive_file",
    anon: "anon",
    file: "file",
    kernel: Kernel::Line("kernel"),
};

impl Version {
    /// The version that a line of `/proc/self/cgroup` speaks of; `None` if it is not about memory.
    pub(super) fn of(group: &ProcessCGroup) -> Option<&'static Self> {
        if group.hierarchy == 0 {
            return Some(&VERSION_2);
        }
        group.controllers.iter().any(|controller| controller == "memory").then_some(&VERSION_1)
    }

    /// What the group of that folder says of its memory; `None` if there is no such group.
    pub(super) fn read(&self, folder: &Path) -> Option<GroupMemory> {
        let text = |name| fs::read_to_string(folder.join(name)).ok();
        let number = |name| text(name)?.trim().parse::<u64>().ok();
        let statistics = text("memory.stat").unwrap_or_default();
        let line = |name| line_of(&statistics, name);
        Some(GroupMemory {
            limit_bytes: number(self.limit).filter(|&bytes| bytes < UNLIMITED_BYTES),
            usage_bytes: number(self.usage)?,
            inactive_file_bytes: line(self.inactive_file).unwrap_or(0),
            anon_bytes: line(self.anon),
            file_bytes: line(self.file),
            kernel_bytes: match self.kernel {
                Kernel::File(name) => number(name),
                Kernel::Line(name) => line(name),
            },
        })
    }
}

/// The number after a name and a space.
fn line_of(statistics: &str, name: &str) -> Option<u64> {
    let value = |line: &str| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse().ok();
    statistics.lines().find_map(value)
}
