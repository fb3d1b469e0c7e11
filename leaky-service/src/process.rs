//! What the kernel says about this process: memory, descriptors, threads, age.

use std::time::SystemTime;

use humantime::Rfc3339Timestamp;
use procfs::process::Process;
use procfs::{Current, Meminfo, ProcResult};
use serde::Serialize;

/// One reading of this process's memory, in bytes.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct ProcessMemory {
    /// Resident: backed by memory now.
    pub rss_bytes: u64,
    /// Mapped address space.
    pub vms_bytes: u64,
    /// What is resident, by kind, where the kernel says so (Linux 4.5 and later).
    pub resident: Option<Resident>,
    /// The stack of the first thread.
    pub stack_bytes: Option<u64>,
}

/// Resident memory by kind, in bytes; the kinds make up the whole.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Resident {
    /// Backed by nothing but memory: heap, stacks, anonymous mappings.
    pub anon_bytes: u64,
    /// Pages of mapped files, the program's own among them.
    pub file_bytes: u64,
    /// Shared memory.
    pub shmem_bytes: u64,
}

impl ProcessMemory {
    /// Reads it from `/proc/self/status`, all at one moment.
    pub fn read() -> ProcResult<Self> {
        let status = Process::myself()?.status()?;
        let bytes = |kibibytes: Option<u64>| kibibytes.map(|kibibytes| kibibytes * 1024);
        let kinds = (bytes(status.rssanon), bytes(status.rssfile), bytes(status.rssshmem));
        let resident = match kinds {
            (Some(anon_bytes), Some(file_bytes), Some(shmem_bytes)) => {
                Some(Resident { anon_bytes, file_bytes, shmem_bytes })
            }
            _ => None,
        };
        Ok(Self {
            rss_bytes: bytes(status.vmrss).unwrap_or(0),
            vms_bytes: bytes(status.vmsize).unwrap_or(0),
            resident,
            stack_bytes: bytes(status.vmstk),
        })
    }
}

/// Open file descriptors.
pub fn open_fds() -> ProcResult<usize> {
    Process::myself()?.fd_count()
}

/// Threads.
pub fn threads() -> ProcResult<i64> {
    Ok(Process::myself()?.stat()?.num_threads)
}

/// Memory of the machine, in bytes.
pub fn total_memory_bytes() -> ProcResult<u64> {
    Ok(Meminfo::current()?.mem_total)
}

/// When this process started, in seconds since the epoch.
pub fn start_time_seconds() -> ProcResult<f64> {
    let ticks_after_boot = Process::myself()?.stat()?.starttime as f64;
    let boot_seconds = procfs::boot_time_secs()? as f64;
    Ok(boot_seconds + ticks_after_boot / procfs::ticks_per_second() as f64)
}

/// Now, as answers write it: RFC 3339, UTC, milliseconds.
pub fn timestamp() -> Rfc3339Timestamp {
    humantime::format_rfc3339_millis(SystemTime::now())
}
