//! The help says what a newcomer needs: units, examples, exit codes.

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::process::Command;

fn help(arguments: &[&str]) -> String {
    let command = Command::new(env!("CARGO_BIN_EXE_detector")).args(arguments).output();
    let output = command.expect("runs");
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_help_ends_with_the_exit_codes() {
    for arguments in [
        &["--help"][..],
        &["check", "--help"],
        &["replay", "--help"],
        &["inspect", "--help"],
        &["check", "-h"],
    ] {
        let help = help(arguments);
        let codes = help.split_once("Exit codes:").expect("exit codes").1;
        for code in ["0", "1", "2", "3"] {
            assert!(codes.contains(code), "{help}");
        }
    }
}

/// An example that is refused is worse than none.
#[test]
fn every_example_of_the_help_is_understood() {
    let mut seen = 0;
    for command in ["check", "replay", "inspect"] {
        let help = help(&[command, "--help"]);
        let examples = help.split_once("Examples:\n").expect("examples").1;
        let examples = examples.replace("\\\n", "");
        for example in examples.lines().take_while(|line| line.starts_with("  ")) {
            let words = example.replace("$(pidof redis-server)", "2147483647");
            let words =
                words.replace(" 4242", " 2147483647").replace("127.0.0.1:8080", "127.0.0.1:9");
            let words = words.replace("nginx", "no-such-nginx").replace("r api", "r no-such-api");
            let words = words.rsplit_once("detector ").expect("the program").1;
            let words = words.split(" > ").next().expect("a command");
            // A program that is there would be started.
            let words = words.replace("'redis-", "'no-such-redis-").replace(":9090", ":9");
            let output = Command::new("sh")
                .args(["-c", &format!("exec {} {words}", env!("CARGO_BIN_EXE_detector"))])
                .current_dir("/")
                .stdin(std::process::Stdio::null())
                .output()
                .expect("runs");
            let told = String::from_utf8_lossy(&output.stderr);
            // Neither that process nor that file exists; everything before that is right.
            let understood = [
                "does not exist",
                "no process is named",
                "there is no container",
                "no container engine answers",
                "no configuration",
                "cannot open",
                "cannot read the certificates",
                "stdin:1: is empty",
                "ended at once",
                "is unreachable",
            ];
            assert!(understood.iter().any(|what| told.contains(what)), "{example}: {told}");
            seen += 1;
        }
    }
    assert_eq!(seen, 18);
}

#[test]
fn an_unknown_command_or_option_exits_2() {
    for arguments in [&["chekc"][..], &["check", "1", "--fro", "1s"], &["replay"], &[]] {
        let output = Command::new(env!("CARGO_BIN_EXE_detector")).args(arguments).output();
        assert_eq!(output.expect("runs").status.code(), Some(2), "{arguments:?}");
    }
}
