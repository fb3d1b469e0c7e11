//! The few metric names that mean the same everywhere, and what they mean here.
//!
//! These are names that client libraries and runtimes publish by convention. No leak's name is
//! among them, and none is needed: whatever is not listed is a candidate for the cause.

use crate::Signal;

/// Gauges of bytes in use as the process's allocator or runtime counts them, best first: bytes
/// that the program holds come before bytes that the runtime keeps in pages for it.
pub const HEAP_GAUGES: [&str; 6] = [
    "heap_bytes",
    "allocator_in_use_bytes",
    "jemalloc_allocated_bytes",
    "go_memstats_heap_inuse_bytes",
    "go_memstats_heap_alloc_bytes",
    "nodejs_heap_size_used_bytes",
];

/// Gauges of tasks alive in the process's own scheduler.
pub const TASK_GAUGES: [&str; 4] = ["tasks", "tasks_alive", "tokio_alive_tasks", "go_goroutines"];

/// The gauges that publish each signal, best first; the signal's own name is always one.
pub const fn gauges_of(signal: Signal) -> &'static [&'static str] {
    match signal {
        Signal::RssAnonBytes => &["rss_anon_bytes", "container_memory_rss"],
        Signal::RssBytes => {
            &["rss_bytes", "process_resident_memory_bytes", "container_memory_working_set_bytes"]
        }
        Signal::MemoryUsedPercent => &["memory_used_percent"],
        Signal::HeapBytes => &HEAP_GAUGES,
        Signal::Fds => &["fds", "process_open_fds", "container_file_descriptors"],
        Signal::Threads => &["threads", "process_threads", "go_threads", "container_threads"],
        Signal::Tasks => &TASK_GAUGES,
        Signal::Processes => &["processes", "container_processes"],
    }
}

/// The gauges of the moment at which the process started, in seconds, best first.
pub const START_GAUGES: [&str; 2] = ["start_seconds", "process_start_time_seconds"];

/// The counter of requests, unless the user names another.
pub const REQUESTS_COUNTER: &str = "http_requests_total";

/// Prefixes of the metrics in which client libraries, allocators, container runtimes and scrapers
/// report the process as a whole: memory, descriptors, threads, start time, size of its page.
///
/// They restate the very thing that is judged, so each of them "explains" every leak perfectly
/// and none of them says anything about its cause.
const RESTATING_PREFIXES: [&str; 11] = [
    "process_",
    "container_",
    "cgroup_",
    "scrape_",
    "allocator_",
    "jemalloc_",
    "go_memstats_",
    "jvm_memory_",
    "jvm_buffer_",
    "nodejs_heap_",
    "nodejs_external_memory_",
];

/// Columns of traces that are other views of the process's memory.
const RESTATING_COLUMNS: [&str; 4] =
    ["vsz_bytes", "rss_file_bytes", "rss_shmem_bytes", "memory_used_bytes"];

/// Whether a gauge of this name may be the cause of growth.
pub fn may_be_cause(name: &str) -> bool {
    let own_column = matches!(name, "t_seconds" | "start_seconds" | "requests_total")
        || Signal::ALL.iter().any(|signal| gauges_of(*signal).contains(&name));
    !own_column
        && !RESTATING_COLUMNS.contains(&name)
        && !RESTATING_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_restates_the_process_is_no_cause_and_anything_else_may_be() {
        for name in [
            "process_resident_memory_bytes",
            "allocator_resident_bytes",
            "fds",
            "vsz_bytes",
            "go_threads",
            "heap_bytes",
            "container_memory_cache",
            "cgroup_memory_anon_bytes",
        ] {
            assert!(!may_be_cause(name), "{name}");
        }
        for signal in Signal::ALL {
            assert!(gauges_of(signal).contains(&signal.name()), "{signal}");
        }
        for name in ["queue_depth", "sessions", "cache_size_bytes", "processes_seen"] {
            assert!(may_be_cause(name), "{name}");
        }
    }
}
