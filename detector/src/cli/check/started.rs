//! What `check` starts itself: the program to watch, and the load that drives it.
//!
//! Each runs in a process group of its own, which is ended with the watch, however that ends: SIGTERM,
//! and after a grace SIGKILL. If `check` is itself killed with SIGKILL, or
//! ended at once by a second Ctrl-C, they stay.

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::pace::Interrupts;
use crate::cli::units::duration;

/// A program that is not ready by then will not be.
const READY_WITHIN: Duration = Duration::from_secs(30);
/// Time between SIGTERM and SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// Pause between two looks at a condition.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);
/// Pause between two attempts of `--ready`.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The commands, as the shell reads them.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Commands {
    /// Start this program, watch it, and end it: 'redis-server --port 7000'.
    ///
    /// One command, as `sh` reads it: it is put behind `exec`, so that the program is watched and not a shell.
    /// Variables are set by 'env NAME=VALUE PROGRAM'. What it prints goes to standard error.
    #[arg(long, value_name = "COMMAND", conflicts_with = "which")]
    pub run: Option<String>,

    /// Wait until this succeeds before the watch and the load begin: 'redis-cli -p 7000 ping'.
    ///
    /// As `sh` reads it, several commands included. Tried again and again for 30 seconds.
    #[arg(long, value_name = "COMMAND", requires = "run")]
    pub ready: Option<String>,

    /// Drive the program with this while it is watched: 'hey -z 60s URL'.
    ///
    /// As `sh` reads it, several commands included. The watch ends when the load ends. A load that fails makes the check fail (2): what nobody used was not tested.
    #[arg(long, value_name = "COMMAND")]
    pub load: Option<String>,
}

/// Why nothing could be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot start `{command}`")]
    Spawn { command: String, source: io::Error },
    #[error("`{command}` ended at once, {status}")]
    Ended { command: String, status: ExitStatus },
    #[error("`{ready}` did not succeed within {}", duration(READY_WITHIN.as_secs_f64()))]
    NotReady { ready: String },
    #[error("interrupted")]
    Interrupted,
}

/// How a load ended before the watch did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoadEnded(ExitStatus);

impl LoadEnded {
    pub fn well(self) -> bool {
        self.0.success()
    }
}

impl fmt::Display for LoadEnded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the load ended, {}", self.0)
    }
}

/// The load first: it is dropped first.
#[derive(Debug)]
pub struct Started {
    load: Option<Group>,
    program: Option<Group>,
}

impl Started {
    /// Starts the program, if there is one to start, and waits until it is ready.
    pub fn program(commands: &Commands, interrupts: &Interrupts) -> Result<Self, StartError> {
        let mut program = commands.run.as_deref().map(Group::replace_shell).transpose()?;
        if let Some(program) = &mut program {
            program.wait_until_replaced(Instant::now() + READY_WITHIN);
        }
        let mut started = Self { load: None, program };
        if let Some(ready) = &commands.ready {
            started.wait_until(ready, interrupts)?;
        }
        Ok(started)
    }

    /// Starts the load, if there is one.
    pub fn load(&mut self, commands: &Commands) -> Result<(), StartError> {
        self.load = commands.load.as_deref().map(Group::start).transpose()?;
        Ok(())
    }

    /// The program's process, if it was started here.
    pub fn pid(&self) -> Option<u32> {
        self.program.as_ref().map(|program| program.child.id())
    }

    /// How the load ended, if there was one and it has.
    pub fn load_ended(&mut self) -> Option<LoadEnded> {
        self.load.as_mut()?.ended().map(LoadEnded)
    }

    fn wait_until(&mut self, ready: &str, interrupts: &Interrupts) -> Result<(), StartError> {
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let mut attempt = Group::start(ready)?;
            let status = attempt.wait_until(deadline);
            if let Some(ended) = self.program.as_mut().and_then(Group::ended) {
                let command = self.program.as_ref().map_or_else(String::new, |p| p.command.clone());
                return Err(StartError::Ended { command, status: ended });
            }
            if status.is_some_and(|status| status.success()) {
                return Ok(());
            }
            let again = Instant::now() + TRY_AGAIN_AFTER;
            if again >= deadline {
                return Err(StartError::NotReady { ready: ready.to_owned() });
            }
            if !interrupts.wait_until(again) {
                return Err(StartError::Interrupted);
            }
        }
    }
}

/// A process and those that it starts.
#[derive(Debug)]
struct Group {
    command: String,
    child: Child,
    status: Option<ExitStatus>,
}

impl Group {
    /// What may be several commands, run by a shell.
    fn start(command: &str) -> Result<Self, StartError> {
        Self::spawn(command, command)
    }

    /// One command, which becomes the process that was started.
    fn replace_shell(command: &str) -> Result<Self, StartError> {
        Self::spawn(command, &Self::script(command))
    }

    fn spawn(command: &str, script: &str) -> Result<Self, StartError> {
        let child = Command::new("sh")
            .args(["-c", script])
            .stdin(Stdio::null())
            .stdout(io::stderr())
            .process_group(0)
            .spawn()
            .map_err(|source| StartError::Spawn { command: command.to_owned(), source })?;
        Ok(Self { command: command.to_owned(), child, status: None })
    }

    fn script(command: &str) -> String {
        format!("exec {command}")
    }

    /// Waits until the shell has become the program: they are one process, told apart by their arguments.
    /// While the kernel replaces one program by another there are none; before the shell they may still be ours.
    fn wait_until_replaced(&mut self, deadline: Instant) {
        let file = format!("/proc/{}/cmdline", self.child.id());
        let shell = format!("sh\0-c\0{}\0", Self::script(&self.command));
        let ours = fs::read("/proc/self/cmdline").unwrap_or_default();
        let others = [Vec::new(), ours, shell.into_bytes()];
        let is_replaced = || fs::read(&file).is_ok_and(|arguments| !others.contains(&arguments));
        while !is_replaced() && self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// How it ended, if it has. What it leaves behind is ended then, while it is a zombie: until it is waited
    /// for, the number of its group is nobody else's.
    fn ended(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() && self.is_over() {
            self.signal(Signal::KILL);
            self.status = self.child.wait().ok();
        }
        self.status
    }

    fn wait_until(&mut self, deadline: Instant) -> Option<ExitStatus> {
        while self.ended().is_none() && Instant::now() < deadline {
            thread::sleep(LOOK_AGAIN_AFTER);
        }
        self.status
    }

    fn is_over(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        !matches!(waitid(WaitId::Pid(self.pid()), options), Ok(None))
    }

    /// Nothing can be done about a group that takes no signal, or of which nobody is left.
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.pid(), signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.signal(Signal::TERM);
        }
        if self.wait_until(Instant::now() + GRACE).is_none() {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The moment in which the kernel is between two programs is short: many are started to meet it.
    #[test]
    fn whoever_waited_for_the_program_never_sees_the_shell() {
        for _ in 0..50 {
            let mut program = Group::replace_shell("sleep 60").expect("a program");
            program.wait_until_replaced(Instant::now() + READY_WITHIN);
            let name = fs::read_to_string(format!("/proc/{}/comm", program.child.id()));
            assert_eq!(name.expect("a name").trim(), "sleep");
        }
    }
}
