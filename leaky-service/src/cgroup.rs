//! How much memory the control group of this process lets it have, and how much is taken.

use std::fs;
use std::path::{Path, PathBuf};

use procfs::process::Process;
use procfs::{ProcResult, ProcessCGroup};

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// Version 1 says "no limit" by a number near 2^63 bytes; nobody has this much.
const UNLIMITED_BYTES: u64 = 1 << 60;

/// The limit of a control group and its use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// What the group may have.
    pub limit_bytes: u64,
    /// What it has, without cached files that the kernel would drop first.
    pub used_bytes: u64,
}

/// The names of one version's files.
struct Version {
    folder: &'static str,
    limit: &'static str,
    usage: &'static str,
    droppable: &'static str,
}

const VERSION_1: Version = Version {
    folder: "memory",
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    droppable: "total_inactive_file",
};

const VERSION_2: Version = Version {
    folder: "",
    limit: "memory.max",
    usage: "memory.current",
    droppable: "inactive_file",
};

impl MemoryLimit {
    /// The limit that leaves the least room, among those of the process's group and the groups
    /// around it; `None` if there is none.
    pub fn read() -> ProcResult<Option<Self>> {
        let groups = Process::myself()?.cgroups()?.0;
        Ok(groups
            .iter()
            .filter_map(|group| Self::tightest(Path::new(MOUNT), group))
            .min_by_key(Self::room_bytes))
    }

    /// What the group may still take, in bytes.
    pub fn room_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.used_bytes)
    }

    /// In a container the named folder is often not to be seen, but the one it is mounted at is
    /// the group itself; climbing from one to the other finds either.
    fn tightest(mount: &Path, group: &ProcessCGroup) -> Option<Self> {
        let version = Version::of(group)?;
        let root = mount.join(version.folder);
        let below = group.pathname.trim_start_matches('/');
        let folders = Path::new(below).ancestors().map(|folder| root.join(folder));
        folders.filter_map(|folder| version.read(&folder)).min_by_key(Self::room_bytes)
    }
}

impl Version {
    fn of(group: &ProcessCGroup) -> Option<&'static Self> {
        if group.hierarchy == 0 {
            return Some(&VERSION_2);
        }
        group.controllers.iter().any(|controller| controller == "memory").then_some(&VERSION_1)
    }

    fn read(&self, folder: &Path) -> Option<MemoryLimit> {
        let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
        let limit_bytes = number(folder.join(self.limit))?;
        let usage_bytes = number(folder.join(self.usage))?;
        let droppable_bytes = self.droppable_bytes(folder).unwrap_or(0);
        let used_bytes = usage_bytes.saturating_sub(droppable_bytes);
        (limit_bytes < UNLIMITED_BYTES).then_some(MemoryLimit { limit_bytes, used_bytes })
    }

    fn droppable_bytes(&self, folder: &Path) -> Option<u64> {
        let statistics = fs::read_to_string(folder.join("memory.stat")).ok()?;
        let value = |line: &str| line.strip_prefix(self.droppable)?.trim().parse().ok();
        statistics.lines().find_map(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(hierarchy: u32, controllers: &[&str], pathname: &str) -> ProcessCGroup {
        let controllers = controllers.iter().map(|&name| name.to_owned()).collect();
        ProcessCGroup { hierarchy, controllers, pathname: pathname.to_owned() }
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let mount = tempfile::TempDir::new().unwrap();
        for (path, content) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        mount
    }

    #[test]
    fn version_2_counts_what_the_kernel_cannot_drop_against_the_tightest_limit_above() {
        let mount = folder(&[
            ("a/memory.max", "1000\n"),
            ("a/memory.current", "900\n"),
            ("a/memory.stat", "anon 1\ninactive_file 300\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.current", "100\n"),
        ]);
        let found = MemoryLimit::tightest(mount.path(), &group(0, &[], "/a/b")).unwrap();
        assert_eq!(found, MemoryLimit { limit_bytes: 1000, used_bytes: 600 });
        assert_eq!(found.room_bytes(), 400);
    }

    #[test]
    fn version_1_is_found_where_a_container_mounts_it() {
        let mount = folder(&[
            ("memory/memory.limit_in_bytes", "2000\n"),
            ("memory/memory.usage_in_bytes", "2500\n"),
            ("memory/memory.stat", "inactive_file 7\ntotal_inactive_file 0\n"),
        ]);
        let memory = group(4, &["memory"], "/docker/0a1b");
        let found = MemoryLimit::tightest(mount.path(), &memory).unwrap();
        assert_eq!(found.room_bytes(), 0, "{found:?}");
        assert_eq!(MemoryLimit::tightest(mount.path(), &group(3, &["cpu"], "/")), None);
    }

    #[test]
    fn no_limit_is_none_in_both_versions() {
        let mount = folder(&[
            ("memory.max", "max\n"),
            ("memory.current", "1\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.usage_in_bytes", "1\n"),
        ]);
        assert_eq!(MemoryLimit::tightest(mount.path(), &group(0, &[], "/")), None);
        assert_eq!(MemoryLimit::tightest(mount.path(), &group(4, &["memory"], "/")), None);
    }
}
