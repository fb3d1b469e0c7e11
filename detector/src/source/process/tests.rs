//! A `/proc` of our own shows what a test cannot ask of the kernel: old kernels, reused pids.

#![expect(clippy::float_cmp, reason = "these numbers are carried, not computed")]

use std::fs;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};

use super::*;

const PID: u32 = 4242;

struct FakeProc(tempfile::TempDir);

impl FakeProc {
    fn new() -> Self {
        let fake = Self(tempfile::tempdir().expect("a folder"));
        fs::create_dir_all(fake.folder().join("fd")).expect("folders");
        fake.stat(100, 7000);
        fake.status("S (sleeping)", PID, "VmRSS: 300 kB\nRssAnon: 100 kB\nRssFile: 200 kB\n");
        fake
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join(PID.to_string())
    }

    fn stat(&self, start_ticks: u64, stack: u64) {
        self.stat_with(0, start_ticks, stack);
    }

    fn stat_with(&self, flags: u32, start_ticks: u64, stack: u64) {
        let zeros = |n| "0 ".repeat(n);
        let line = format!(
            "{PID} (an (odd) name) S {}{} {}{start_ticks} 0 0 0 0 0 {stack} {}",
            zeros(5),
            flags,
            zeros(12),
            zeros(24)
        );
        fs::write(self.folder().join("stat"), line).expect("stat");
    }

    fn status(&self, state: &str, tgid: u32, memory: &str) {
        let text = format!(
            "Name:\tx\nUmask:\t0022\nState:\t{state}\nTgid:\t{tgid}\nPid:\t{PID}\nPPid:\t1\n\
             TracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\nFDSize:\t64\nGroups:\t0\n{memory}\
             Threads:\t3\nSigQ:\t0/100\nSigPnd:\t0\nShdPnd:\t0\nSigBlk:\t0\nSigIgn:\t0\n\
             SigCgt:\t0\nCapInh:\t0\nCapPrm:\t0\nCapEff:\t0\n"
        );
        fs::write(self.folder().join("status"), text).expect("status");
    }

    /// Another process, whose parent is `parent`.
    fn process(&self, pid: u32, state: char, parent: u32) {
        let folder = self.0.path().join(pid.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("stat"), format!("{pid} (an (odd) name) {state} {parent} 1 1\n"))
            .expect("stat");
    }

    /// The children of a thread, as a kernel lists them that does.
    fn list_children(&self, thread: u32, children: &str) {
        let folder = self.folder().join("task").join(thread.to_string());
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("children"), children).expect("children");
    }

    fn open(&self) -> Result<ProcessSource, SampleError> {
        ProcessSource::open_in(self.0.path(), PID)
    }
}

fn observe(source: &mut ProcessSource) -> Result<(Observation, BTreeSet<String>), SampleError> {
    let mut notes = BTreeSet::new();
    Ok((source.observe(1.5, &mut notes)?, notes))
}

#[test]
fn memory_threads_and_start_are_read_in_bytes_and_seconds() {
    let source = FakeProc::new();
    let mut source = source.open().expect("opens");
    let (seen, notes) = observe(&mut source).expect("observes");
    assert_eq!(seen.t_seconds, 1.5);
    assert_eq!(seen.start_seconds, Some(100.0 / procfs::ticks_per_second() as f64));
    assert_eq!(seen.signals[&Signal::RssBytes], 300.0 * 1024.0);
    assert_eq!(seen.signals[&Signal::RssAnonBytes], 100.0 * 1024.0);
    assert_eq!(seen.signals[&Signal::Threads], 3.0);
    assert!(notes.is_empty(), "{notes:?}");
    assert_eq!(source.name(), "an (odd) name");
}

#[test]
fn children_are_counted_with_the_process_and_zombies_with_the_children() {
    let fake = FakeProc::new();
    let mut source = fake.open().expect("opens");
    let mut processes = || observe(&mut source).expect("observes").0.signals[&Signal::Processes];
    assert_eq!(processes(), 1.0);
    for (pid, state, parent) in [(50, 'S', PID), (51, 'Z', PID), (52, 'S', 51), (53, 'S', 1)] {
        fake.process(pid, state, parent);
    }
    assert_eq!(processes(), 3.0, "a grandchild and a stranger are none");
    // A kernel that lists children is believed, thread by thread.
    fake.list_children(PID, "50 51 ");
    fake.list_children(PID + 1, "54 ");
    assert_eq!(processes(), 4.0);
}

/// A process that says what it reads, and has by now: what the script did before that is done.
fn reader(script: &str) -> Child {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut reader = command.spawn().expect("a shell");
    ask(&mut reader);
    reader
}

/// Waits until it has read what was written.
fn ask(reader: &mut Child) {
    reader.stdin.as_ref().expect("piped").write_all(b".").expect("it reads");
    reader.stdout.as_mut().expect("piped").read_exact(&mut [0]).expect("it answers");
}

#[test]
fn a_child_that_nobody_waits_for_is_counted_until_its_parent_ends() {
    // The shell's child is left to a program that has none.
    let mut parent = reader("true & exec cat");
    let mut source = ProcessSource::open(parent.id()).expect("it runs");
    for _ in 0..2 {
        assert_eq!(observe(&mut source).expect("observes").0.signals[&Signal::Processes], 2.0);
        ask(&mut parent);
    }
    drop(parent.stdin.take());
    parent.wait().expect("its end");
    assert!(matches!(observe(&mut source), Err(SampleError::Gone { .. })));

    let mut alone = reader("true; exec cat");
    let mut source = ProcessSource::open(alone.id()).expect("it runs");
    assert_eq!(observe(&mut source).expect("observes").0.signals[&Signal::Processes], 1.0);
    drop(alone.stdin.take());
    alone.wait().expect("its end");
}

#[test]
fn an_old_kernel_gives_anonymous_memory_by_its_rollup_or_says_that_it_is_missing() {
    let fake = FakeProc::new();
    fake.status("S (sleeping)", PID, "VmRSS: 300 kB\n");
    let mut source = fake.open().expect("opens");
    let (seen, notes) = observe(&mut source).expect("observes");
    assert!(!seen.signals.contains_key(&Signal::RssAnonBytes));
    assert!(notes.iter().any(|note| note.starts_with("rss_anon_bytes")), "{notes:?}");

    let rollup =
        "00400000-7ffe0000 ---p 00000000 00:00 0 [rollup]\nRss: 300 kB\nAnonymous: 90 kB\n";
    fs::write(fake.folder().join("smaps_rollup"), rollup).expect("rollup");
    let (seen, notes) = observe(&mut source).expect("observes");
    assert_eq!(seen.signals[&Signal::RssAnonBytes], 90.0 * 1024.0);
    assert!(notes.is_empty(), "{notes:?}");
}

#[test]
fn a_pid_given_to_another_process_is_a_restart_and_not_the_same_series() {
    let fake = FakeProc::new();
    let mut source = fake.open().expect("opens");
    fs::rename(fake.folder(), fake.0.path().join("old")).expect("the old process");
    fs::remove_dir_all(fake.0.path().join("old")).expect("ends");
    assert!(matches!(observe(&mut source), Err(SampleError::Gone { pid: PID })));

    fs::create_dir(fake.folder()).expect("a new process");
    fake.stat(101, 7000);
    let how = Restart::NewProcess;
    assert!(
        matches!(observe(&mut source), Err(SampleError::Restarted { how: found, .. }) if found == how)
    );
}

#[test]
fn a_replaced_program_is_a_restart_unless_the_kernel_hides_the_stack() {
    for (stack, restarted) in [(7000, false), (0, false), (7001, true)] {
        let fake = FakeProc::new();
        let mut source = fake.open().expect("opens");
        fake.stat(100, stack);
        assert_eq!(
            matches!(observe(&mut source), Err(SampleError::Restarted { .. })),
            restarted,
            "{stack}"
        );
    }
}

#[test]
fn what_was_opened_in_the_middle_of_an_exec_is_watched_as_the_program_that_follows() {
    let fake = FakeProc::new();
    fake.stat(100, 0);
    let mut source = fake.open().expect("opens");
    fake.stat(100, 7000);
    observe(&mut source).expect("the same run");
    fake.stat(100, 7001);
    assert!(matches!(observe(&mut source), Err(SampleError::Restarted { .. })));
}

#[test]
fn zombies_threads_kernel_threads_and_nonsense_are_told_apart() {
    let fake = FakeProc::new();
    fake.status("Z (zombie)", PID, "");
    assert!(matches!(fake.open(), Err(SampleError::Gone { .. })));
    fake.status("S (sleeping)", PID, "");
    assert!(matches!(fake.open(), Err(SampleError::NoMemory { .. })));
    fake.stat_with(EXITING, 100, 7000);
    assert!(matches!(fake.open(), Err(SampleError::Gone { .. })), "its memory goes first");
    fake.status("S (sleeping)", 4000, "VmRSS: 1 kB\n");
    assert!(matches!(fake.open(), Err(SampleError::Thread { owner: 4000, .. })));
    fake.status("S (sleeping)", PID, "VmRSS: much\n");
    assert!(matches!(fake.open(), Err(SampleError::Unreadable { what: "status", .. })));
}

#[test]
fn the_lowest_limit_of_a_control_group_and_those_above_it_counts() {
    let mount = tempfile::tempdir().expect("a folder");
    let inner = mount.path().join("outer/inner");
    fs::create_dir_all(&inner).expect("groups");
    fs::write(inner.join("memory.max"), "max\n").expect("inner");
    fs::write(mount.path().join("outer/memory.max"), "268435456\n").expect("outer");
    let limit = lowest_limit_in(mount.path(), "/outer/inner", "memory.max").expect("a limit");
    assert_eq!((limit.bytes, limit.set_by.as_str()), (256 << 20, "control group /outer"));
}
