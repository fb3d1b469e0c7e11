//! The service under a memory limit of its own control group: what it says while the limit comes
//! near, and how it ends.
//!
//! Needs the right to make control groups; where there is none it says so, and fails if `CI` is
//! set to `true`.
#![expect(clippy::expect_used, clippy::panic, reason = "a test stops at what it did not expect")]

#[path = "limits/group.rs"]
mod group;
#[expect(dead_code, reason = "shared with tests that need more of it")]
#[path = "service/server.rs"]
mod server;

use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use serde_json::json;

use group::Group;
use server::{PROGRAM, Server, number, wait_for};

const MIB: u64 = 1 << 20;

/// What the kernel lets the service have: ten times what it needs without leaks.
const LIMIT_BYTES: u64 = 128 * MIB;

/// 4 MiB each second, whoever sends requests or not: it is looked at once a second, and a machine under load misses some. The
/// limit is far beyond the cap.
const LEAK: &str = r#"{"enabled": true, "bytes_per_request": "256KiB", "per_second": 16}"#;

#[test]
fn a_leak_is_warned_of_near_the_limit_and_then_killed_by_the_kernel() {
    let Some(group) = Group::make(LIMIT_BYTES) else { return };
    let directory = tempfile::TempDir::new().expect("a directory for the log");
    let log = directory.path().join("log");
    let mut server = serve(&group, "exec \"$@\"", &log);

    let healthy = server.get_json("/health");
    assert_eq!(healthy, json!({ "status": "ok", "service": "leaky-service" }));
    assert!((server.metric("cgroup_memory_limit_bytes") - LIMIT_BYTES as f64).abs() < 1.0);
    let idle = server.metric("cgroup_memory_anon_bytes");
    assert!(idle > 0.0 && server.metric("cgroup_memory_usage_bytes") >= idle);
    assert!(server.metric("cgroup_memory_file_bytes") >= 0.0);

    server.post_json("/admin/leaks/cache", LEAK);
    let degraded = wait_for("the limit to come near", || {
        let health = server.get("/health");
        assert_eq!(health.status, 200, "it is alive, and should not be restarted");
        Some(health.json()).filter(|health| health["status"] == "degraded")
    });
    assert_eq!(degraded["service"], "leaky-service");
    assert_eq!(degraded["limit_bytes"], LIMIT_BYTES);
    let used = number(&degraded["used_bytes"]);
    assert!((LIMIT_BYTES as f64 / 2.0..LIMIT_BYTES as f64).contains(&used), "{degraded}");
    let reason = degraded["reason"].as_str().expect("a reason");
    assert!(reason.contains("of 128.0 MiB (") && reason.contains("full in"), "{reason}");
    // 4 MiB/s, as far as a machine under load keeps to it, in an anonymous heap.
    let left = number(&degraded["seconds_to_limit"]);
    let expected = (LIMIT_BYTES as f64 - used) / number(&degraded["growth_bytes_per_second"]);
    assert!((left - expected).abs() < 0.001, "{degraded}");
    assert!(server.metric("cgroup_memory_anon_bytes") > idle + used / 2.0);

    let status = server.wait();
    assert_eq!((status.signal(), status.code()), (Some(9), None), "{status}");
    let said = fs::read_to_string(&log).expect("the log is ours");
    let warnings = said.lines().filter(|line| line.starts_with("warning: memory is near"));
    let warnings: Vec<_> = warnings.collect();
    assert!(!warnings.is_empty() && warnings.len() <= 3, "{said}");
    assert!(warnings[0].contains("is full in"), "{said}");
    assert_eq!(group.kills(), 1, "the kernel, and nobody else");
}

#[test]
fn a_shell_reports_the_kill_as_137() {
    let Some(group) = Group::make(LIMIT_BYTES) else { return };
    let directory = tempfile::TempDir::new().expect("a directory for the log");
    let mut server = serve(&group, "\"$@\"; exit $?", &directory.path().join("log"));
    server.post_json("/admin/leaks/cache", LEAK);
    assert_eq!(server.wait().code(), Some(128 + 9));
}

/// Starts the service from a shell that has joined the group.
fn serve(group: &Group, how: &str, log: &Path) -> Server {
    let mut shell = group.shell(how);
    shell.args([PROGRAM, "--near-limit", "0.5", "--max-held", "none"]);
    shell.stderr(File::create(log).expect("the log is ours"));
    Server::run(shell)
}
