//! The rules that `rules` prints, and what it refuses. What they do in Prometheus is asked of
//! Prometheus (`with-promtool`).

#![cfg(feature = "tool")]
#![expect(clippy::expect_used, reason = "a test may stop where it cannot go on")]

use std::process::{Command, Output};

fn rules(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_detector")).arg("rules").args(words).output().expect("runs")
}

fn printed(words: &[&str]) -> String {
    let output = rules(words);
    assert_eq!(output.status.code(), Some(0), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

#[test]
fn every_example_of_the_help_prints_rules() {
    let help = printed(&["--help"]);
    let examples = help.split_once("Examples:\n").expect("examples").1;
    let mut seen = 0;
    for example in examples.lines().take_while(|line| line.starts_with("  ")) {
        let words = example.trim().strip_prefix("detector rules ").expect("the program");
        let words = words.split(" > ").next().expect("a command").replace('\'', "");
        let words: Vec<_> = words.split(' ').collect();
        assert!(printed(&words).starts_with("groups:\n"), "{example}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn only_what_the_target_has_is_asked_about() {
    let alerts = |text: &str| text.matches("- alert:").count();
    let plain = printed(&["--selector", r#"job="api""#]);
    assert_eq!(alerts(&plain), 7, "{plain}");
    let all = printed(&[
        "--selector",
        r#"job="api""#,
        "--containers",
        r#"name="api""#,
        "--objects",
        "a",
        "--objects",
        "b",
        "--collections",
        "c",
        "--growth-events",
        "d",
    ]);
    assert_eq!(alerts(&all), 7 + 2 + 2 + 1 + 1, "{all}");
}

#[test]
fn thresholds_are_per_hour_and_in_the_unit_that_is_printed() {
    let text = printed(&[
        "--selector",
        r#"job="api""#,
        "--growth",
        "512KiB,100MiB",
        "--level",
        "1.5GiB,2GiB",
    ]);
    for wanted in
        ["* 3600 / 1048576 > 0.5'", "* 3600 / 1048576 > 100'", "} > 1610612736'", "} > 2147483648'"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
}

#[test]
fn refused_credentials_are_those_of_the_target_if_it_is_named() {
    for (more, wanted) in [
        (&[][..], r#"{reason="unauthorized"}[5m]"#),
        (&["--watched-as", "api"], r#"{reason="unauthorized",target="api"}[5m]"#),
    ] {
        let text = printed(&[&["--selector", r#"job="api""#], more].concat());
        assert!(text.contains(wanted), "{text}");
    }
}

#[test]
fn what_prometheus_would_refuse_is_refused_here() {
    for words in [
        &[][..],
        &["--selector", "job=api"],
        &["--selector", r#"job="api""#, "--memory", "rss bytes"],
        &["--selector", r#"job="api""#, "--growth", "50MiB,10MiB"],
        &["--selector", r#"job="api""#, "--container-level", "1GiB"],
        &["--selector", r#"job="api""#, "--objects", "a", "--objects", "b", "--objects", "a"],
    ] {
        let output = rules(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
}
