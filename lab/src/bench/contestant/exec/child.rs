//! One run of a program: fed, heard within bounds, and ended with its whole process group.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use super::samples::Limit;
use crate::interrupt::Interrupt;

/// The most that is read of stdout: some 20,000 state lines for a trace of a few thousand samples.
pub const MOST_BYTES: u64 = 4 << 20;
/// The most that is kept of stderr, from its end.
const MOST_LAST_BYTES: usize = 4096;
/// The most characters of its last line that are told.
const MOST_LAST_CHARACTERS: usize = 200;
/// Pause between two looks at the process.
const TICK: Duration = Duration::from_millis(5);
/// What a group that was killed may take to let go of its pipes. A process that left the group and
/// holds one still is not waited for.
const LETS_GO_WITHIN: Duration = Duration::from_secs(2);

/// What came of a run.
#[derive(Debug)]
pub struct Ended {
    /// How it ended.
    pub ending: Ending,
    /// What it said, at most [`MOST_BYTES`].
    pub stdout: Vec<u8>,
    /// The last line of its stderr.
    pub last_words: String,
}

/// How it ended.
#[derive(Debug)]
pub enum Ending {
    /// By itself.
    Status(ExitStatus),
    /// Not in time.
    TooLong,
    /// It said more than anybody reads.
    TooMuch,
    /// Somebody wants the whole bench to end.
    Interrupted,
    /// The system refused.
    Broken(io::Error),
}

/// A running child; dropping it kills its group.
struct Running(Child);

impl Running {
    fn kill(&self) {
        if let Some(group) = Pid::from_raw(self.0.id().cast_signed()) {
            // It may have ended a moment ago, which is as good.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
        let _ = self.0.wait();
    }
}

/// Runs `sh -c command` with `input` on its stdin, for `timeout` at most.
pub fn run(
    command: &str,
    limit: Option<Limit>,
    input: Vec<u8>,
    timeout: Duration,
    interrupt: &Interrupt,
) -> io::Result<Ended> {
    let mut shell = Command::new("sh");
    shell.args(["-c", command]).process_group(0);
    shell.env_remove("LEAKLAB_LIMIT_BYTES").env_remove("LEAKLAB_LIMIT_PERCENT");
    match limit {
        Some(Limit::Bytes(bytes)) => shell.env("LEAKLAB_LIMIT_BYTES", bytes.to_string()),
        Some(Limit::Percent(percent)) => shell.env("LEAKLAB_LIMIT_PERCENT", percent.to_string()),
        None => &mut shell,
    };
    shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let deadline = Instant::now() + timeout;
    let mut running = Running(shell.spawn()?);
    if let Some(mut stdin) = running.0.stdin.take() {
        // Whoever does not read to the end has heard enough.
        thread::spawn(move || stdin.write_all(&input));
    }
    let stdout = hear(running.0.stdout.take(), |pipe| {
        let mut heard = Vec::new();
        let _ = pipe.take(MOST_BYTES + 1).read_to_end(&mut heard);
        heard
    });
    let stderr = hear(running.0.stderr.take(), tail);
    let (ending, early) = wait(&mut running.0, &stdout, deadline, interrupt);
    running.kill();
    let mut stdout = early.or_else(|| stdout.recv_timeout(LETS_GO_WITHIN).ok()).unwrap_or_default();
    let said = stderr.recv_timeout(LETS_GO_WITHIN).unwrap_or_default();
    let too_much = stdout.len() as u64 > MOST_BYTES;
    stdout.truncate(MOST_BYTES as usize);
    let ending = if too_much { Ending::TooMuch } else { ending };
    Ok(Ended { ending, stdout, last_words: last_line(&said) })
}

/// Reads a pipe on a thread of its own, to its end or to the bound.
fn hear<P: Read + Send + 'static>(
    pipe: Option<P>,
    read: impl FnOnce(P) -> Vec<u8> + Send + 'static,
) -> Receiver<Vec<u8>> {
    let (sender, heard) = channel();
    if let Some(pipe) = pipe {
        thread::spawn(move || sender.send(read(pipe)));
    }
    heard
}

/// The end of what is said, however long that is.
fn tail(mut pipe: impl Read) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut piece = [0; MOST_LAST_BYTES];
    while let Ok(count @ 1..) = pipe.read(&mut piece) {
        kept.extend_from_slice(&piece[..count]);
        kept.drain(..kept.len().saturating_sub(MOST_LAST_BYTES));
    }
    kept
}

/// Waits for the end; also for that of stdout, because a flood ends it early.
fn wait(
    child: &mut Child,
    stdout: &Receiver<Vec<u8>>,
    deadline: Instant,
    interrupt: &Interrupt,
) -> (Ending, Option<Vec<u8>>) {
    let mut heard = None;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return (Ending::Status(status), heard),
            Ok(None) => {}
            Err(error) => return (Ending::Broken(error), heard),
        }
        if heard.as_ref().is_some_and(|heard: &Vec<u8>| heard.len() as u64 > MOST_BYTES) {
            return (Ending::TooMuch, heard);
        }
        if interrupt.is_set() {
            return (Ending::Interrupted, heard);
        }
        if Instant::now() >= deadline {
            return (Ending::TooLong, heard);
        }
        match stdout.recv_timeout(TICK) {
            Ok(all) => heard = Some(all),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => thread::sleep(TICK),
        }
    }
}

fn last_line(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    last.trim().chars().take(MOST_LAST_CHARACTERS).collect()
}
