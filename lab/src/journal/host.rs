//! The machine that a run was made on, as far as it matters to the numbers.

use std::fs;
use std::thread;

use serde::{Deserialize, Serialize};

/// A machine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Operating system and architecture, such as `linux x86_64`.
    pub system: String,
    /// The kernel's release.
    pub kernel: String,
    /// Processors that this process may use.
    pub cpus: usize,
}

impl Host {
    /// This machine.
    pub fn this() -> Self {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Self {
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            kernel: kernel.trim().to_owned(),
            cpus: thread::available_parallelism().map_or(1, Into::into),
        }
    }
}
