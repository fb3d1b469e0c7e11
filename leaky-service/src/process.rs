//! What the kernel says about this process: memory, descriptors, threads, age.

use std::time::SystemTime;

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
}

impl ProcessMemory {
    /// Reads it from `/proc/self/statm`.
    pub fn read() -> ProcResult<Self> {
        let statm = Process::myself()?.statm()?;
        let page_bytes = procfs::page_size();
        Ok(Self { rss_bytes: statm.resident * page_bytes, vms_bytes: statm.size * page_bytes })
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
pub fn timestamp() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}
