//! The service under test: a process of its own, started and surely ended.
//!
//! Whoever holds a [`Service`] holds a running child in a process group of its own; dropping it
//! ends the group with SIGTERM, and after a grace with SIGKILL. Should this process be killed
//! itself, the child ends too: it was started with `--exit-with-parent`. The thread that starts
//! it must therefore live as long as the process, which only the main thread does.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;

use crate::admin::Admin;

/// A service that is not up by then will not be.
const UP_WITHIN: Duration = Duration::from_secs(25);
/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// Pause between two looks at a condition.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Why there is no service.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// No place for its files.
    #[error("no private directory for the service")]
    Directory(#[source] io::Error),
    /// It did not start.
    #[error("cannot start {program}")]
    Spawn {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ended at once.
    #[error("the service ended at once, {status}{}", said(.stderr))]
    Ended {
        /// How.
        status: ExitStatus,
        /// The last thing it said.
        stderr: String,
    },
    /// It runs and does not answer.
    #[error("the service did not answer within {}s{}", UP_WITHIN.as_secs(), said(.stderr))]
    Silent {
        /// The last thing it said.
        stderr: String,
    },
    /// Somebody wanted it to end before it had begun.
    #[error("interrupted")]
    Interrupted,
}

fn said(stderr: &str) -> String {
    if stderr.is_empty() { String::new() } else { format!(", saying `{stderr}`") }
}

/// A running service.
#[derive(Debug)]
pub struct Service {
    child: Child,
    directory: TempDir,
    address: String,
}

impl Service {
    /// Starts `program serve` on any free port, to work on each request for `delay`, and waits
    /// until it answers; `interrupted` is asked while it waits.
    pub fn start(
        program: &Path,
        delay: Duration,
        interrupted: impl Fn() -> bool,
    ) -> Result<Self, StartError> {
        Self::start_at(program, (Ipv4Addr::LOCALHOST, 0).into(), delay, interrupted)
    }

    /// The same, on the port of `listen`.
    pub fn start_at(
        program: &Path,
        listen: SocketAddr,
        delay: Duration,
        interrupted: impl Fn() -> bool,
    ) -> Result<Self, StartError> {
        let directory =
            tempfile::Builder::new().prefix("leaklab-").tempdir().map_err(StartError::Directory)?;
        let stderr =
            File::create(directory.path().join("stderr")).map_err(StartError::Directory)?;
        let child = Command::new(program)
            .arg("serve")
            // By its number: if this program ends before the child looks, the child would take another one for it.
            .arg(format!("--exit-with-parent={}", std::process::id()))
            .arg("--listen")
            .arg(listen.to_string())
            .arg("--delay")
            .arg(humantime::format_duration(delay).to_string())
            .arg("--address-file")
            .arg(directory.path().join("address"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .process_group(0)
            .spawn()
            .map_err(|source| StartError::Spawn {
                program: program.display().to_string(),
                source,
            })?;
        // From here on a drop ends the child, whatever happens.
        let mut service = Self { child, directory, address: String::new() };
        service.wait_until_up(interrupted)?;
        Ok(service)
    }

    /// `host:port` that it listens on.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as the kernel ends what is out of memory: at once, and unasked.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        let _ = self.child.wait();
    }

    /// How it ended, if it has, with the last thing that it said.
    pub fn ended(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        Some(format!("the service ended, {status}{}", said(&self.last_words())))
    }

    /// How it ended, if it does within `longest`.
    pub fn ended_within(&mut self, longest: Duration) -> Option<String> {
        let deadline = Instant::now() + longest;
        loop {
            let end = self.ended();
            if end.is_some() || Instant::now() >= deadline {
                return end;
            }
            thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    fn wait_until_up(&mut self, interrupted: impl Fn() -> bool) -> Result<(), StartError> {
        let deadline = Instant::now() + UP_WITHIN;
        while !self.is_up() {
            if interrupted() {
                return Err(StartError::Interrupted);
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(StartError::Ended { status, stderr: self.last_words() });
            }
            if Instant::now() >= deadline {
                return Err(StartError::Silent { stderr: self.last_words() });
            }
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        Ok(())
    }

    /// Up is: its address is known, and somebody answers there.
    fn is_up(&mut self) -> bool {
        let written = fs::read_to_string(self.directory.path().join("address")).unwrap_or_default();
        written.trim().clone_into(&mut self.address);
        // A line end marks the address as whole.
        written.ends_with('\n') && Admin::new(&self.address).health().is_ok()
    }

    fn last_words(&self) -> String {
        let text = fs::read_to_string(self.directory.path().join("stderr")).unwrap_or_default();
        let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
        last.chars().take(300).collect()
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.child.id().cast_signed()) {
            // It may have ended a moment ago, which is as good.
            let _ = kill_process_group(group, signal);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.signal(Signal::TERM);
        let deadline = Instant::now() + GRACE;
        while let Ok(None) = self.child.try_wait() {
            if Instant::now() >= deadline {
                self.signal(Signal::KILL);
                let _ = self.child.wait();
                return;
            }
            thread::sleep(LOOK_AGAIN_AFTER);
        }
    }
}
