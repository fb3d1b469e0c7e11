use std::time::{Duration, Instant};

use detector::{Observation, Signal, State};

use super::*;
use crate::bench::Change;
use crate::corpus::truth::Truth;

fn trace() -> Trace {
    let at = |t_seconds: f64| Observation {
        t_seconds,
        signals: [(Signal::RssBytes, 1e6)].into(),
        ..Observation::default()
    };
    Trace {
        name: "tells-what-leaks".into(),
        truth: Truth { limit: Some(2e6), ..Truth::default() },
        observations: vec![at(0.0), at(30.5), at(60.0)],
    }
}

fn exec(command: &str, form: Form) -> Said {
    let exec = Exec {
        name: format!("exec:{command}"),
        command: command.to_owned(),
        form,
        timeout: Duration::from_mins(2),
        interrupt: Interrupt::default(),
    };
    exec.watch(&trace())
}

fn said(command: &str) -> Said {
    exec(command, Form::JsonLines)
}

const LEAKING: &str = r#"{"t_seconds": 30.5, "signal": "rss_bytes", "state": "leaking"}"#;

fn leaking() -> Change {
    Change { t_seconds: 30.5, signal: Signal::RssBytes, state: State::Leaking, cause: None }
}

#[test]
fn a_program_is_shown_the_samples_and_the_limit_and_not_the_name() {
    let shown = |form, expected: &str| {
        let script = format!("cat >&2; exit 9 # {expected}");
        exec(&script, form).failure.unwrap_or_default()
    };
    // The last line that it said on stderr is told with its failure.
    let last = shown(Form::JsonLines, "");
    assert!(last.ends_with(r#"saying `{"rss_bytes":1000000,"t_seconds":60}`"#), "{last}");
    let last = shown(Form::Csv, "");
    assert!(last.ends_with("saying `60,1000000`"), "{last}");
    let head = said("head -n 1 >&2; exit 9").failure.unwrap_or_default();
    let expected = r#"{"schema_version":1,"limit_bytes":2000000.0,"signals":["rss_bytes"]}"#;
    assert!(head.contains(expected), "{head}");
    let limit = said("echo $LEAKLAB_LIMIT_BYTES >&2; exit 9").failure.unwrap_or_default();
    assert!(limit.ends_with("saying `2000000`"), "{limit}");
    let named = said("grep -q tells && exit 9; env | grep -q tells && exit 8; exit 0");
    assert_eq!(named.failure, None);
}

#[test]
fn state_lines_are_its_changes_of_state_and_exit_codes_are_those_of_replay() {
    let clean = said(&format!("echo '{LEAKING}'"));
    assert_eq!(clean, vec![leaking()].into());
    let more = r#"{"t_seconds": 60, "signal": "fds", "state": "steady", "reason": "flat"}"#;
    let both = said(&format!("printf '%s\\n' '{more}' '' '{LEAKING}'; exit 1"));
    assert_eq!(both.failure, None, "1 with a leak is a finding");
    let order: Vec<f64> = both.changes.iter().map(|change| change.t_seconds).collect();
    assert_eq!(order, [30.5, 60.0]);
    assert_eq!(said("exit 3").failure, None, "3 without a leak is undecided");
    for (command, why) in [
        ("exit 1".to_owned(), "exit status: 1"),
        (format!("echo '{LEAKING}'; exit 3"), "exit status: 3"),
        ("exit 2".to_owned(), "exit status: 2"),
        ("kill -SEGV $$".to_owned(), "signal: 11"),
        ("no-such-program".to_owned(), "not found"),
    ] {
        let failure = said(&command).failure.unwrap_or_default();
        assert!(failure.contains(why), "{command}: {failure}");
    }
}

#[test]
fn nonsense_is_told_with_its_line_and_what_came_before_counts() {
    for (line, why) in [
        ("rubbish", "expected value"),
        (r#"{"t_seconds": 61, "signal": "rss_bytes", "state": "steady"}"#, "outside the trace"),
        (r#"{"t_seconds": 1, "signal": "rss_bytes", "state": "steady"}"#, "goes back"),
        (r#"{"t_seconds": 60, "signal": "rss_bytes", "state": "ill"}"#, "unknown variant `ill`"),
        (r#"{"t_seconds": 60, "signal": "rss", "state": "steady"}"#, "unknown variant `rss`"),
        (r#"{"t_seconds": 60, "state": "steady"}"#, "missing field `signal`"),
    ] {
        let heard = said(&format!("printf '%s\\n' '{LEAKING}' '{line}'"));
        assert_eq!(heard.changes, [leaking()], "{line}");
        let failure = heard.failure.unwrap_or_default();
        assert!(
            failure.starts_with("line 2 is no state line") && failure.contains(why),
            "{failure}"
        );
    }
}

#[test]
fn a_flood_is_cut_off_and_a_program_that_hangs_is_ended_with_its_children() {
    let flood = said("yes");
    assert_eq!(flood.failure.as_deref(), Some("it said more than 4 MiB"));
    let errors = said("yes >&2 & sleep 0.2; exit 0");
    assert_eq!(errors.failure, None, "what nobody reads does not stop it");

    let directory = tempfile::tempdir().unwrap();
    let pids = directory.path().join("pids");
    let hangs = Exec {
        name: "exec:hangs".into(),
        command: format!("sleep 1000 & echo $! >{0}; echo $$ >>{0}; wait", pids.display()),
        form: Form::JsonLines,
        timeout: Duration::from_secs(3),
        interrupt: Interrupt::default(),
    };
    assert_eq!(hangs.watch(&trace()).failure.as_deref(), Some("it took longer than 3s"));
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    for pid in pids.lines() {
        let deadline = Instant::now() + Duration::from_mins(1);
        // An orphan that was killed is there until init takes note of it.
        while is_alive(pid) {
            assert!(Instant::now() < deadline, "{pid} is still there");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn is_alive(pid: &str) -> bool {
    let process = procfs::process::Process::new(pid.parse().unwrap());
    process.and_then(|process| process.stat()).is_ok_and(|stat| stat.state != 'Z')
}
