//! What a pattern takes besides heap, and how much of it all patterns together may take.

use std::fs;
use std::iter::Sum;

use rustix::process::{Resource as Limited, getrlimit};

use crate::descriptors::{self, UNKNOWN_LIMIT};

/// What a pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Memory from the program's allocator; its account knows how much.
    Heap,
    /// Memory from elsewhere; the pattern itself says how much.
    OutsideMemory,
    /// Pages of mapped files, which the kernel lends and can take back.
    FileMemory,
    /// File descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Child processes, living or dead.
    Processes,
    /// Mapped regions of the address space.
    Mappings,
    /// Tasks of the async runtime.
    Tasks,
}

/// What a pattern holds that its account cannot see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outside {
    /// Bytes of memory that did not come from the program's allocator.
    pub bytes: u64,
    /// File descriptors.
    pub descriptors: u64,
    /// Threads.
    pub threads: u64,
    /// Child processes.
    pub processes: u64,
    /// Mapped regions.
    pub mappings: u64,
    /// Tasks of the async runtime.
    pub tasks: u64,
}

/// What all patterns together may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Memory, wherever it comes from; `None` lifts the cap.
    pub max_held_bytes: Option<u64>,
    descriptors: u64,
    /// Threads and processes, which share one limit in the kernel.
    tasks: u64,
    mappings: u64,
}

impl Resource {
    /// As it stands in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::OutsideMemory => "memory outside the allocator",
            Self::FileMemory => "memory of mapped files",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Mappings => "mappings",
            Self::Tasks => "tasks",
        }
    }

    /// Whether it is held outside of the program's allocator, and limited.
    pub const fn is_outside(self) -> bool {
        !matches!(self, Self::Heap | Self::Tasks)
    }

    /// Whether it is counted, not measured in bytes.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::Heap | Self::OutsideMemory | Self::FileMemory)
    }

    /// The signal of a detector on which it is counted, by its name in traces; `None` for memory,
    /// which shows on several, and for what no detector looks at.
    pub const fn signal(self) -> Option<&'static str> {
        match self {
            Self::Heap | Self::OutsideMemory | Self::FileMemory | Self::Mappings => None,
            Self::Descriptors => Some("fds"),
            Self::Threads => Some("threads"),
            Self::Processes => Some("processes"),
            Self::Tasks => Some("tasks"),
        }
    }
}

impl Outside {
    /// Nothing.
    pub const NOTHING: Self =
        Self { bytes: 0, descriptors: 0, threads: 0, processes: 0, mappings: 0, tasks: 0 };

    /// How many of a counted resource there are; 0 for memory.
    pub const fn count(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Heap | Resource::OutsideMemory | Resource::FileMemory => 0,
            Resource::Descriptors => self.descriptors,
            Resource::Threads => self.threads,
            Resource::Processes => self.processes,
            Resource::Mappings => self.mappings,
            Resource::Tasks => self.tasks,
        }
    }
}

impl Sum for Outside {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, one| Self {
            bytes: sum.bytes + one.bytes,
            descriptors: sum.descriptors + one.descriptors,
            threads: sum.threads + one.threads,
            processes: sum.processes + one.processes,
            mappings: sum.mappings + one.mappings,
            tasks: sum.tasks + one.tasks,
        })
    }
}

impl Limits {
    /// Half of what the kernel grants this process of everything that is counted, so that it
    /// still answers when a leak has taken its half.
    pub fn read(max_held_bytes: Option<u64>) -> Self {
        let half = |granted: &[Option<u64>]| {
            granted.iter().flatten().min().copied().unwrap_or(UNKNOWN_LIMIT) / 2
        };
        Self {
            max_held_bytes,
            descriptors: descriptors::for_patterns(),
            tasks: half(&[
                getrlimit(Limited::Nproc).current,
                number_in("/proc/sys/kernel/threads-max"),
                number_in("/proc/sys/kernel/pid_max"),
                number_in("/sys/fs/cgroup/pids.max"),
            ]),
            mappings: half(&[number_in("/proc/sys/vm/max_map_count")]),
        }
    }

    /// How many of a counted resource all patterns together may hold; `None` for memory, and for
    /// tasks, which are memory.
    pub const fn most(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Heap | Resource::OutsideMemory | Resource::FileMemory | Resource::Tasks => {
                None
            }
            Resource::Descriptors => Some(self.descriptors),
            Resource::Threads | Resource::Processes => Some(self.tasks),
            Resource::Mappings => Some(self.mappings),
        }
    }
}

/// The number that a file of the kernel contains; `None` if there is none, as in `max`.
fn number_in(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_may_take_half_of_what_the_kernel_grants() {
        let limits = Limits::read(None);
        let granted = getrlimit(Limited::Nofile).current.unwrap();
        assert_eq!(limits.most(Resource::Descriptors), Some(granted / 2));
        assert!(limits.most(Resource::Threads).unwrap() > 0);
        assert!(limits.most(Resource::Mappings).unwrap() > 0);
        assert_eq!(limits.most(Resource::Heap), None);
    }
}
