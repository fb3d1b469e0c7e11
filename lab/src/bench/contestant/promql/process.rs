//! A Prometheus of our own, on a free port of loopback: started, and surely ended.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use super::PromqlError;

/// Between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(10);
/// Pause between two looks at a condition.
pub const TICK: Duration = Duration::from_millis(20);

/// The process; a drop ends it, whatever happens.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// Ends the server should this program be killed.
    watchdog: Option<Child>,
    directory: TempDir,
    /// Where it listens.
    pub port: u16,
}

impl Process {
    /// Starts it in a directory that holds `prometheus.yml`, rules and `data`.
    pub fn start(directory: TempDir) -> Result<Self, PromqlError> {
        let io_error =
            |source: io::Error| PromqlError::Io { path: directory.path().into(), source };
        let port = free_port().map_err(io_error)?;
        let errors = File::create(directory.path().join("stderr")).map_err(io_error)?;
        let child = prometheus(directory.path(), port)
            .stderr(errors)
            .spawn()
            .map_err(|source| PromqlError::NoProgram { program: "prometheus", source })?;
        let mut process = Self { child, watchdog: None, directory, port };
        process.watchdog = watchdog(process.child.id()).ok();
        Ok(process)
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<String> {
        self.child.try_wait().ok().flatten().map(|status| status.to_string())
    }

    /// The last line that it wrote.
    pub fn last_words(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.chars().take(300).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.kill();
            let _ = watchdog.wait();
        }
        let Some(group) = Pid::from_raw(self.child.id().cast_signed()) else { return };
        let _ = kill_process_group(group, Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= deadline {
                let _ = kill_process_group(group, Signal::KILL);
                let _ = self.child.wait();
                return;
            }
            thread::sleep(TICK);
        }
    }
}

fn prometheus(directory: &Path, port: u16) -> Command {
    let mut command = Command::new("prometheus");
    command
        .arg("--config.file=prometheus.yml")
        .arg("--storage.tsdb.path=data")
        // The traces lie decades back.
        .arg("--storage.tsdb.retention.time=100y")
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--log.level=error")
        .current_dir(directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .process_group(0);
    command
}

/// Waits for the end of its stdin, which the kernel closes however this program ends.
fn watchdog(group: u32) -> io::Result<Child> {
    Command::new("sh")
        .args(["-c", "cat >/dev/null; kill -KILL -- -$0"])
        .arg(group.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
