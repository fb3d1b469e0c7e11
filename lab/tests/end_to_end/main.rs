//! The real program with real processes. One test at a time: they judge memory under load, and
//! two at once would be each other's noise.
#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

mod bench;
mod commands;
mod contestants;
mod corpus;
mod drills;
mod exercise;
mod game_day;
mod no_orphans;
mod spans;
mod target;
mod up;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const LEAKLAB: &str = env!("CARGO_BIN_EXE_leaklab");

/// A program that is ended with its test, however that ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A folder of its own, and the machine to itself.
struct Bench {
    directory: TempDir,
    _alone: MutexGuard<'static, ()>,
}

impl Bench {
    fn new() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { directory: tempfile::tempdir().expect("a folder"), _alone: alone }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn journal(&self) -> PathBuf {
        self.path("run.jsonl")
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a writable folder");
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(LEAKLAB);
        command.args(args).current_dir(self.directory.path()).stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("leaklab starts")
    }

    /// Runs one drill from a file, with its journal.
    fn drill(&self, text: &str) -> Output {
        let file = self.file("mine.yaml", text);
        self.run(&["drill", utf8(&file), "--journal", utf8(&self.journal())])
    }
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Waits for a condition, and fails if it does not come true.
fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < deadline, "in vain waited until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a process is there and has not ended; a zombie has.
fn is_alive(pid: u32) -> bool {
    let stat = procfs::process::Process::new(pid.cast_signed()).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.state != 'Z')
}
