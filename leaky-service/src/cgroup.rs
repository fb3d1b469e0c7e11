//! How much memory the control group of this process lets it have, and how much is taken, by kind.
//!
//! Both versions of control groups are read, and both say less than one would wish: what a kernel
//! does not tell is `None` here, never a guess.

mod version;

use std::path::Path;

use procfs::process::Process;
use procfs::{ProcResult, ProcessCGroup};

use version::Version;

/// Where control groups are mounted.
const MOUNT: &str = "/sys/fs/cgroup";

/// The memory of a control group, in bytes; everything that is in it or below counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupMemory {
    /// What the group may have; `None` if it may have all there is.
    pub limit_bytes: Option<u64>,
    /// Everything it is charged for, cached files included.
    pub usage_bytes: u64,
    /// Cached files that nobody has used of late, which the kernel drops before it kills.
    pub inactive_file_bytes: u64,
    /// Backed by nothing but memory: heap, stacks, anonymous mappings.
    pub anon_bytes: Option<u64>,
    /// Cached files, shared memory included.
    pub file_bytes: Option<u64>,
    /// What the kernel needs on the group's behalf: page tables, stacks, sockets. Version 2 tells
    /// it since Linux 5.18.
    pub kernel_bytes: Option<u64>,
}

/// The limit of a control group and its use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryLimit {
    /// What the group may have.
    pub limit_bytes: u64,
    /// What it has, without cached files that the kernel would drop first.
    pub used_bytes: u64,
}

impl GroupMemory {
    /// Of the process's group and those around it, the one whose limit leaves the least room, or
    /// if none has a limit the process's own; `None` where no group tells of its memory.
    pub fn read() -> ProcResult<Option<Self>> {
        let groups = Process::myself()?.cgroups()?.0;
        Ok(Self::tightest(Path::new(MOUNT), &groups))
    }

    /// What it has, without cached files that the kernel would drop first: the working set, as
    /// container runtimes call it.
    pub fn used_bytes(&self) -> u64 {
        self.usage_bytes.saturating_sub(self.inactive_file_bytes)
    }

    /// Its limit with its use; `None` if it has no limit.
    pub fn limit(&self) -> Option<MemoryLimit> {
        let used_bytes = self.used_bytes();
        self.limit_bytes.map(|limit_bytes| MemoryLimit { limit_bytes, used_bytes })
    }

    /// In a container the named folder is often not to be seen, but the one it is mounted at is
    /// the group itself; climbing from one to the other finds either. The first of those that
    /// leave alike much room is the innermost.
    fn tightest(mount: &Path, groups: &[ProcessCGroup]) -> Option<Self> {
        let found = groups.iter().filter_map(|group| {
            let version = Version::of(group)?;
            let root = mount.join(version.folder);
            let below = group.pathname.trim_start_matches('/');
            let folders = Path::new(below).ancestors().map(|folder| root.join(folder));
            folders.filter_map(|folder| version.read(&folder)).min_by_key(Self::room_bytes)
        });
        found.min_by_key(Self::room_bytes)
    }

    fn room_bytes(&self) -> u64 {
        self.limit().map_or(u64::MAX, |limit| limit.room_bytes())
    }
}

impl MemoryLimit {
    /// The limit that leaves the least room, among those of the process's group and the groups
    /// around it; `None` if there is none.
    pub fn read() -> ProcResult<Option<Self>> {
        Ok(GroupMemory::read()?.and_then(|group| group.limit()))
    }

    /// What the group may still take, in bytes.
    pub fn room_bytes(&self) -> u64 {
        self.limit_bytes.saturating_sub(self.used_bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn group(hierarchy: u32, controllers: &[&str], pathname: &str) -> ProcessCGroup {
        let controllers = controllers.iter().map(|&name| name.to_owned()).collect();
        ProcessCGroup { hierarchy, controllers, pathname: pathname.to_owned() }
    }

    fn version_1(pathname: &str) -> ProcessCGroup {
        group(4, &["memory"], pathname)
    }

    fn version_2(pathname: &str) -> ProcessCGroup {
        group(0, &[], pathname)
    }

    fn read(files: &[(&str, &str)], groups: &[ProcessCGroup]) -> Option<GroupMemory> {
        let mount = tempfile::TempDir::new().unwrap();
        for (path, content) in files {
            let path = mount.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        GroupMemory::tightest(mount.path(), groups)
    }

    #[test]
    fn version_2_counts_what_the_kernel_cannot_drop_against_the_tightest_limit_above() {
        let files = [
            ("a/memory.max", "1000\n"),
            ("a/memory.current", "900\n"),
            ("a/memory.stat", "anon 500\nfile 350\nkernel 40\nkernel_stack 3\ninactive_file 300\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.current", "100\n"),
        ];
        let found = read(&files, &[version_2("/a/b")]).unwrap();
        let expected = GroupMemory {
            limit_bytes: Some(1000),
            usage_bytes: 900,
            inactive_file_bytes: 300,
            anon_bytes: Some(500),
            file_bytes: Some(350),
            kernel_bytes: Some(40),
        };
        assert_eq!(found, expected);
        assert_eq!(found.limit().unwrap().room_bytes(), 400);
    }

    #[test]
    fn version_1_is_found_where_a_container_mounts_it() {
        let files = [
            ("memory/memory.limit_in_bytes", "2000\n"),
            ("memory/memory.usage_in_bytes", "2500\n"),
            ("memory/memory.kmem.usage_in_bytes", "60\n"),
            (
                "memory/memory.stat",
                "rss 1\ninactive_file 7\ntotal_cache 9\ntotal_inactive_file 0\n",
            ),
        ];
        let found = read(&files, &[version_1("/docker/0a1b")]).unwrap();
        assert_eq!(found.limit().unwrap().room_bytes(), 0, "{found:?}");
        let kinds = (found.anon_bytes, found.file_bytes, found.kernel_bytes);
        assert_eq!(kinds, (None, Some(9), Some(60)), "what is not told is not guessed");
        assert_eq!(read(&files, &[group(3, &["cpu"], "/")]), None);
    }

    #[test]
    fn without_a_limit_it_is_the_own_group_in_both_versions() {
        let files = [
            ("memory.current", "9\n"),
            ("memory.max", "max\n"),
            ("a/memory.max", "max\n"),
            ("a/memory.current", "1\n"),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/memory.usage_in_bytes", "9\n"),
            ("memory/a/memory.limit_in_bytes", "9223372036854771712\n"),
            ("memory/a/memory.usage_in_bytes", "1\n"),
        ];
        for group in [version_1("/a"), version_2("/a")] {
            let found = read(&files, &[group]).unwrap();
            assert_eq!((found.limit(), found.usage_bytes), (None, 1));
        }
    }

    #[test]
    fn where_both_versions_are_mounted_the_one_that_knows_memory_is_read() {
        let files = [
            ("memory/a/memory.limit_in_bytes", "2000\n"),
            ("memory/a/memory.usage_in_bytes", "500\n"),
            ("unified/cgroup.procs", "1\n"),
        ];
        let found = read(&files, &[version_2("/"), version_1("/a")]).unwrap();
        assert_eq!(found.limit_bytes, Some(2000));
    }
}
