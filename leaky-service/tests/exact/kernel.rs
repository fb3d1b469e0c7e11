//! What the kernel says about this process, read from files that its own code does not read.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use leaky_service::heap;

/// More than a page that is to be returned ever takes.
const SETTLE_WITHIN: Duration = Duration::from_secs(10);

/// A line of `/proc/self/status` in kB, such as `RssAnon`, in bytes.
pub fn status_bytes(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("there is a /proc");
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("it is in kB");
    kibibytes.parse::<f64>().expect("a number") * 1024.0
}

/// Resident memory that is nobody's file, counted page by page: the faster figures in `status` may be
/// off by some hundred pages for each thread.
pub fn anonymous_bytes() -> f64 {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").expect("there is a /proc");
    let kib = rollup.lines().find_map(|line| line.strip_prefix("Anonymous:")?.strip_suffix("kB"));
    1024.0 * kib.and_then(|kib| kib.trim().parse::<f64>().ok()).expect("a number of kB")
}

/// The same once jemalloc has returned what is free: its own thread may be at it, which a purge does
/// not wait for.
pub fn anonymous_bytes_at_rest() -> f64 {
    const READINGS: u32 = 5;
    let deadline = Instant::now() + SETTLE_WITHIN;
    let (mut least, mut readings) = (f64::INFINITY, 0);
    while readings < READINGS && Instant::now() < deadline {
        heap::flush_thread_cache().and_then(|()| heap::purge()).expect("jemalloc is the allocator");
        let bytes = anonymous_bytes();
        readings = if bytes < least { 0 } else { readings + 1 };
        least = least.min(bytes);
        sleep(Duration::from_millis(20));
    }
    least
}

/// The figure once it is as it should be, or when time is up: jemalloc's own thread returns pages a
/// moment after they were freed.
pub fn settled(read: impl Fn() -> f64, is_right: impl Fn(f64) -> bool) -> f64 {
    let deadline = Instant::now() + SETTLE_WITHIN;
    loop {
        let figure = read();
        if is_right(figure) || Instant::now() >= deadline {
            return figure;
        }
        sleep(Duration::from_millis(20));
    }
}
