//! What a pattern takes besides heap, and how much of it all patterns together may take.

use std::fs;
use std::iter::Sum;

use rustix::process::{Resource as Limited, getrlimit};

/// What a pattern takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    /// Memory from the program's allocator; its account knows how much.
    Heap,
    /// Memory from elsewhere; the pattern itself says how much.
    OutsideMemory,
    /// File descriptors.
    Descriptors,
    /// Threads.
    Threads,
    /// Child processes, living or dead.
    Processes,
    /// Mapped regions of the address space.
    Mappings,
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

/// The least that Linux systems are found to grant, for limits that cannot be read.
const UNKNOWN_LIMIT: u64 = 1024;

impl Resource {
    /// As it stands in the catalogue.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heap => "heap",
            Self::OutsideMemory => "memory outside the allocator",
            Self::Descriptors => "descriptors",
            Self::Threads => "threads",
            Self::Processes => "processes",
            Self::Mappings => "mappings",
        }
    }

    /// Whether it is counted, not measured in bytes.
    pub const fn is_counted(self) -> bool {
        !matches!(self, Self::Heap | Self::OutsideMemory)
    }
}

impl Outside {
    /// How many of a counted resource there are; 0 for memory.
    pub const fn count(&self, resource: Resource) -> u64 {
        match resource {
            Resource::Heap | Resource::OutsideMemory => 0,
            Resource::Descriptors => self.descriptors,
            Resource::Threads => self.threads,
            Resource::Processes => self.processes,
            Resource::Mappings => self.mappings,
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
            descriptors: half(&[getrlimit(Limited::Nofile).current]),
            tasks: half(&[
                getrlimit(Limited::Nproc).current,
                number_in("/proc/sys/kernel/threads-max"),
                number_in("/proc/sys/kernel/pid_max"),
                number_in("/sys/fs/cgroup/pids.max"),
            ]),
            mappings: half(&[number_in("/proc/sys/vm/max_map_count")]),
        }
    }

    /// Whether one more of a counted resource is beyond what patterns may hold.
    pub fn is_reached(&self, resource: Resource, held: &Outside) -> bool {
        match resource {
            Resource::Heap | Resource::OutsideMemory => false,
            Resource::Descriptors => held.descriptors >= self.descriptors,
            Resource::Threads | Resource::Processes => held.threads + held.processes >= self.tasks,
            Resource::Mappings => held.mappings >= self.mappings,
        }
    }

    /// How many of a counted resource all patterns together may hold; `None` for memory.
    pub const fn most(&self, resource: Resource) -> Option<u64> {
        match resource {
            Resource::Heap | Resource::OutsideMemory => None,
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

    #[test]
    fn a_limit_is_reached_by_all_patterns_together() {
        let limits = Limits { max_held_bytes: None, descriptors: 10, tasks: 10, mappings: 10 };
        let one = Outside { descriptors: 5, threads: 5, processes: 4, ..Outside::default() };
        let held: Outside = [one, one].into_iter().sum();
        assert!(limits.is_reached(Resource::Descriptors, &held));
        assert!(!limits.is_reached(Resource::Descriptors, &one));
        assert!(!limits.is_reached(Resource::Threads, &one), "9 tasks");
        assert!(limits.is_reached(Resource::Processes, &held));
        assert!(!limits.is_reached(Resource::Mappings, &held));
        assert!(!limits.is_reached(Resource::Heap, &held), "bytes have a cap of their own");
    }
}
