//! What the kernel says about this process, read from files that its own code does not read.

use std::fs;

/// A line of `/proc/self/status` in kB, such as `RssAnon`, in bytes.
pub fn status_bytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("it is in kB");
    kibibytes.parse::<f64>().expect("a number") * 1024.0
}
