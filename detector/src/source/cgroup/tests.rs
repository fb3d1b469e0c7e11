//! Folders that look like control groups of either version.

#![expect(clippy::float_cmp, reason = "these numbers are carried, not computed")]

use super::*;
use crate::target::Reason;

/// A mount with the group `a/b`, which holds this process.
fn folder_of(files: &[(&str, &str)]) -> tempfile::TempDir {
    let mount = tempfile::tempdir().expect("a folder");
    let group = mount.path().join("a/b");
    fs::create_dir_all(group.join("below")).expect("groups");
    fs::write(group.join("below/cgroup.procs"), format!("{}\n", std::process::id()))
        .expect("procs");
    fs::write(group.join("cgroup.procs"), "").expect("procs");
    for (name, text) in files {
        fs::write(group.join(name), text).expect("a file");
    }
    mount
}

fn entity(mount: &tempfile::TempDir) -> CgroupEntity {
    CgroupEntity::below(Path::new("/a/b"), vec![mount.path().to_owned()])
}

const TWO: [(&str, &str); 5] = [
    ("cgroup.controllers", "memory\n"),
    (
        "memory.stat",
        "anon 1000\nfile 5000\nkernel 300\nshmem 40\nslab_reclaimable 100\nslab_unreclaimable 50\n",
    ),
    ("memory.current", "6300\n"),
    ("memory.max", "100000\n"),
    ("memory.events", "low 0\noom 3\noom_kill 2\n"),
];

const ONE: [(&str, &str); 4] = [
    ("memory.stat", "cache 1\nrss 2\ntotal_cache 5000\ntotal_rss 1000\nshmem 3\ntotal_shmem 40\n"),
    ("memory.usage_in_bytes", "6300\n"),
    ("memory.limit_in_bytes", "100000\n"),
    ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"),
];

#[test]
fn anonymous_memory_is_judged_with_what_the_kernel_cannot_give_back_and_page_cache_is_not() {
    for (files, anonymous) in [(&TWO[..], 1240.0), (&ONE[..], 1040.0)] {
        let mount = folder_of(files);
        let mut group = entity(&mount);
        let seen = group.observe(0.0, &mut BTreeSet::new()).expect("a group");
        assert_eq!(seen.signals[&Signal::RssAnonBytes], anonymous);
        assert_eq!(seen.signals[&Signal::RssBytes], 6300.0);
        assert_eq!(seen.signals[&Signal::Processes], 1.0);
        assert!(seen.signals[&Signal::Threads] >= 1.0);
        assert_eq!(group.memory_limit().expect("a limit").bytes, 100_000);
    }
    // Before Linux 5.18 the kernel's share is told in parts.
    let mut parts = TWO;
    parts[1].1 = "anon 1000\nkernel_stack 1\npagetables 2\nslab_reclaimable 100\nslab_unreclaimable 50\nsock 4\n";
    let mount = folder_of(&parts);
    let seen = entity(&mount).observe(0.0, &mut BTreeSet::new()).expect("a group");
    assert_eq!(seen.signals[&Signal::RssAnonBytes], 1057.0);
}

#[test]
fn kills_for_want_of_memory_are_noted_from_the_first_look_on() {
    let mount = folder_of(&TWO);
    let (mut group, mut notes) = (entity(&mount), BTreeSet::new());
    group.observe(0.0, &mut notes).expect("a group");
    assert!(notes.is_empty(), "{notes:?}");
    for (kills, told) in [(3, "memory: 1"), (5, "memory: 3")] {
        let events = format!("oom_kill {kills}\n");
        fs::write(mount.path().join("a/b/memory.events"), events).expect("events");
        group.observe(f64::from(kills), &mut notes).expect("a group");
        assert!(notes.len() == 1 && notes.iter().all(|note| note.ends_with(told)), "{notes:?}");
    }
    fs::write(mount.path().join("a/b/below/cgroup.procs"), "").expect("procs");
    let error = group.observe(9.0, &mut notes).expect_err("nobody is left");
    assert_eq!(error.reason(), Reason::Gone);
    assert!(error.to_string().ends_with("killed for want of memory: 3"), "{error}");
}

#[test]
fn a_group_that_is_made_anew_is_another_run() {
    let mount = folder_of(&ONE);
    let mut group = entity(&mount);
    let mut start = |t| group.observe(t, &mut BTreeSet::new()).expect("a group").start_seconds;
    assert_eq!(start(0.0), start(5.0));
    // The old one is kept, so that its inode is not given to the new one.
    fs::rename(mount.path().join("a"), mount.path().join("old")).expect("moved");
    let again = folder_of(&ONE);
    std::process::Command::new("cp")
        .arg("-r")
        .args([again.path().join("a"), mount.path().join("a")])
        .status()
        .expect("copied");
    assert_eq!(start(6.0), Some(6.0));
}

#[test]
fn a_group_that_is_not_there_is_gone_and_garbage_is_a_bad_answer() {
    let mount = folder_of(&TWO);
    let mut missing = CgroupEntity::below(Path::new("x"), vec![mount.path().to_owned()]);
    let error = missing.observe(0.0, &mut BTreeSet::new()).expect_err("not there");
    assert_eq!(error.reason(), Reason::Gone);
    assert!(error.to_string().contains("there is no control group x"), "{error}");
    for (file, text) in [("memory.stat", "anon lots\n"), ("memory.current", "")] {
        let mount = folder_of(&TWO);
        fs::write(mount.path().join("a/b").join(file), text).expect("garbage");
        let error = entity(&mount).observe(0.0, &mut BTreeSet::new()).expect_err("garbage");
        assert_eq!(error.reason(), Reason::BadAnswer, "{error}");
    }
}
