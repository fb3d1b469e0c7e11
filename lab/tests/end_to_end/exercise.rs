//! Exercises against a real service: what is missing is told, and what is done is seen.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use lab::service::Service;
use serde_json::{Value, json};

use crate::{Bench, LEAKLAB, stderr, stdout};

fn exercise(bench: &Bench, args: &[&str]) -> Output {
    let mut command = bench.command(&["exercise"]);
    command.args(args).env("XDG_STATE_HOME", bench.path("state")).output().expect("leaklab starts")
}

#[test]
fn a_check_fails_before_and_passes_after_and_progress_is_kept() {
    let bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
    let url = format!("http://{}", service.address());
    let check = |answers: &[&str]| {
        let args = ["cache", "check", "--url", &url, "--format", "json"];
        let output = exercise(&bench, &[&args[..], answers].concat());
        let outcome: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), outcome)
    };
    let answers = ["--answer", "bytes-per-request=10KiB", "--answer", "requests-to-limit=24500"];
    let (code, outcome) = check(&answers);
    assert_eq!((code, &outcome["passed"]), (Some(1), &json!(false)));
    assert_eq!(outcome["findings"][0]["met"], json!(false), "{outcome}");

    ureq::post(format!("{url}/admin/leaks/cache"))
        .send_json(json!({"enabled": true}))
        .expect("switched on");
    for _ in 0..1000 {
        ureq::get(format!("{url}/api/data")).call().expect("an answer");
    }
    let (code, outcome) = check(&[]);
    assert_eq!((code, &outcome["findings"][0]["met"]), (Some(1), &json!(true)), "{outcome}");
    let (code, outcome) = check(&answers);
    assert_eq!((code, &outcome["schema_version"]), (Some(0), &json!(1)), "{outcome}");

    let list = exercise(&bench, &[]);
    assert!(stdout(&list).contains("1 of 12 passed"), "{}", stdout(&list));
    assert_eq!(exercise(&bench, &["--reset"]).status.code(), Some(0));
    assert!(stdout(&exercise(&bench, &[])).contains("0 of 12 passed"));
}

#[test]
fn what_cannot_be_checked_is_no_finding() {
    let bench = Bench::new();
    let nobody = exercise(&bench, &["1", "check", "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(2));
    assert!(stderr(&nobody).contains("leaklab up"), "{}", stderr(&nobody));
    let unknown = exercise(&bench, &["13"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("out-of-memory"), "{}", stderr(&unknown));
    let answers = exercise(&bench, &["1", "check", "--answer", "rss=17", "--answer", "x=1"]);
    assert_eq!(answers.status.code(), Some(2));
    assert!(stderr(&answers).contains("answer `rss`") && stderr(&answers).contains("answer `x`"));
    assert_eq!(exercise(&bench, &["check"]).status.code(), Some(2));
}

#[test]
fn pages_and_solutions_are_printed_as_text() {
    let bench = Bench::new();
    let page = exercise(&bench, &["3"]);
    assert_eq!(page.status.code(), Some(0));
    assert!(stdout(&page).starts_with("3. DOES IT GROW WITH REQUESTS, OR WITH TIME?\n"));
    assert!(!stdout(&page).contains("```") && !stdout(&page).contains('\x1b'));
    assert!(stdout(&exercise(&bench, &["3", "solution"])).contains("SOLUTION OF 3."));
}
