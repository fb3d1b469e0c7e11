//! Detectors that people bring, as `leaklab bench` runs them.

use std::path::Path;

use crate::bench::corpus;
use crate::{Bench, LEAKLAB, stderr, stdout, utf8};

/// The block of the docs that follows a heading and begins with this fence.
fn from_docs(heading: &str, fence: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/bench.md");
    let text = std::fs::read_to_string(page).expect("the docs");
    let (_, section) = text.split_once(heading).expect("the section");
    let (_, block) = section.split_once(&format!("{fence}\n")).expect("the block");
    block.split_once("```").expect("its end").0.to_owned()
}

fn scores(bench: &Bench, args: &[&str]) -> Vec<serde_json::Value> {
    let args = [&["bench", "--format", "json"], args].concat();
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    report["detectors"].as_array().expect("a list").clone()
}

/// By hand: from 40 MiB the fast leak passes 60 twenty hours after its onset and the slow one never
/// does; the batch job of 30 MiB does, and is no leak.
#[test]
fn the_ten_lines_of_python_in_the_docs_are_a_detector() {
    let bench = Bench::new();
    let script = from_docs("## A detector of your own", "```python");
    assert!(script.lines().count() <= 10, "ten lines are promised");
    bench.file("half_more.py", &script);
    let folder = corpus(&bench);
    let program = "half_more=exec:python3 half_more.py";
    let scored = scores(&bench, &["--corpus", &folder, "--detector", program]);
    let scored = &scored[0];
    assert_eq!(scored["detector"], "half_more");
    assert_eq!((&scored["overall"]["detected"], &scored["missed"][0]), (&1.into(), &"slow".into()));
    assert_eq!(scored["alarmed"], serde_json::json!(["job"]));
    let delay = scored["overall"]["delay_median_seconds"].as_f64().expect("a delay");
    // Twenty hours, less what the ripple of a MiB is worth at a MiB an hour.
    assert!((19.0 * 3600.0..=20.0 * 3600.0).contains(&delay), "{delay}");
}

#[test]
fn our_own_replay_as_a_program_scores_as_the_built_in_detector_does() {
    let bench = Bench::new();
    let limit = "${LEAKLAB_LIMIT_BYTES:+--limit ${LEAKLAB_LIMIT_BYTES}B}";
    let program = format!("replay=exec-csv:{LEAKLAB} detect replay - {limit}");
    let traces = ["--seed", "4", "--traces", "54", "--detector", "builtin", "--detector", &program];
    let scored = scores(&bench, &traces);
    for key in ["overall", "families", "difficulties", "missed", "alarmed"] {
        assert_eq!(scored[0][key], scored[1][key], "{key}");
    }
}

#[test]
fn a_program_that_crashes_hangs_or_raves_is_scored_and_the_bench_goes_on() {
    let bench = Bench::new();
    let wrong = bench.file(
        "wrong.sh",
        "cat >/dev/null; case $1 in crash) exit 9;; hang) sleep 1000;; rave) echo 42;; esac\n",
    );
    let [crash, hang, rave] =
        ["crash", "hang", "rave"].map(|how| format!("{how}=exec:sh {} {how}", utf8(&wrong)));
    let args = [
        "bench",
        "--traces",
        "4",
        "--timeout",
        "1s",
        "--format",
        "json",
        "--detector",
        &crash,
        "--detector",
        &hang,
        "--detector",
        &rave,
    ];
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    for scored in report["detectors"].as_array().expect("a list") {
        let overall = &scored["overall"];
        assert_eq!((&overall["traces"], &overall["detected"]), (&4.into(), &0.into()), "{scored}");
    }
}
