//! The command that is recommended, run as it stands.

use std::process::Command;

use clap::Parser;

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

/// What a line says, as `sh` takes it apart.
fn plan(line: &str) -> Plan {
    let printed = Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output();
    let words = String::from_utf8(printed.expect("a shell").stdout).expect("UTF-8");
    let line = Line::try_parse_from(words.lines()).expect("accepted");
    Plan::new(line.args).expect("no contradiction")
}

/// The recommended command, from `check` on.
fn recommended(line: &str) -> String {
    let step = longer(&plan(line));
    let (_, command) = step.split_once("detector ").expect("a command");
    command.to_owned()
}

#[test]
fn the_next_command_looks_at_the_same_and_judges_it_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("my file's.yaml");
    let targets = "targets:\n- {name: crawler, process: crawler, every: 5s, confirm: 2m}\n";
    std::fs::write(&file, targets).expect("a file");
    let file = quoted(file.to_str().expect("UTF-8"));
    let url = "\"http://127.0.0.1:1/metrics?a=1&b='2'\"";
    for line in [
        format!("4242 --metrics {url} --signal rss_anon_bytes --limit 256MiB --for 20s"),
        "4242 --for 500ms --every 10ms --confirm 100ms".to_owned(),
        "--process \"it's\" -i 10s -c 3 --confirm 7s".to_owned(),
        "--cgroup '/a b' -i 1s -c 4 --signal fds --signal threads".to_owned(),
        format!("--container api --metrics {url} --heap-gauge 'my heap' --requests-counter all"),
        "--metrics https://127.0.0.1:1/metrics --ca 'my ca.pem' --for 2h".to_owned(),
        "--json http://127.0.0.1:1/memory --limit 1GB".to_owned(),
        format!("-s crawler --config {file}"),
        format!("-s crawler --config {file} --for 1h --every 1s --confirm 90s --limit 1GiB"),
    ] {
        let first = plan(&format!("check {line}"));
        let command = recommended(&format!("check {line}"));
        let next = plan(&command);
        assert_eq!(next.target, first.target, "{command}");
        assert_eq!((next.every, &next.service), (first.every, &first.service), "{command}");
        let asked = line.contains("--confirm") || next.target.confirm.is_some();
        assert!(next.confirm == first.confirm || !asked, "{command}");
        assert!(next.every * next.intervals > first.every * first.intervals, "{command}");
    }
}

#[test]
fn nothing_is_said_that_was_not_and_commands_are_left_to_be_filled_in() {
    assert_eq!(recommended("check 4242 --for 30s"), "check 4242 --for 1m");
    assert_eq!(
        recommended("check --run 'db --password x' --load 'hit --token y' --limit 1MiB"),
        "check --run ... --load ... --limit 1048576B --for 2m"
    );
}
