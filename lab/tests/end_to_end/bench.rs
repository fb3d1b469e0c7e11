//! Corpora and scores as people get them from the command line.

use std::fs;

use crate::{Bench, stderr, stdout, utf8};

/// Two days of a sample a minute about 40 MiB, with `more` MiB on top at each hour, as a trace.
fn series(more: impl Fn(f64) -> f64) -> String {
    let minute = |minute: u32| {
        // A ripple of a MiB, so that no sample is like the one before.
        let ripple = f64::from(minute % 7) / 7.0;
        let mib = 40.0 + ripple + more(f64::from(minute) / 60.0);
        format!("{},{:.0}\n", minute * 60, mib * 1_048_576.0)
    };
    let rows: Vec<String> = (0..=2 * 24 * 60).map(minute).collect();
    format!("t_seconds,rss_bytes\n{}", rows.concat())
}

/// A folder with two leaks, one of them slow, that begin after twelve hours, and a batch job.
pub fn corpus(bench: &Bench) -> String {
    let folder = bench.path("corpus");
    fs::create_dir(&folder).expect("a folder");
    let put = |name: &str, family: &str, more: &dyn Fn(f64) -> f64, label: &str| {
        let truth = format!("schema_version: 1\nfamily: {family}\n{label}");
        fs::write(folder.join(format!("{name}.csv")), series(more)).expect("written");
        fs::write(folder.join(format!("{name}.truth.yaml")), truth).expect("written");
    };
    let leak =
        "label: leak\nsignals: [rss_bytes]\nonset_seconds: 43200\ngrowth: 36e6\nresidual_sd: 3e5\n";
    put("fast", "growing", &|hours| (hours - 12.0).max(0.0), leak);
    put("slow", "growing", &|hours| 0.3 * (hours - 12.0).max(0.0), leak);
    let job = |hours: f64| if (20.0..30.0).contains(&hours) { 30.0 } else { 0.0 };
    put("job", "batch", &job, "label: no_leak\n");
    utf8(&folder).to_owned()
}

/// The rule of the field that is simplest to follow by hand: half as much again as at the start.
#[test]
fn the_tables_and_sketches_of_a_rule_are_to_the_letter() {
    let bench = Bench::new();
    let folder = corpus(&bench);
    let args = ["bench", "--corpus", &folder, "--detector", "first_last", "--misses", "5"];
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = stdout(&output).replace(&folder, "FOLDER");
    let expected = include_str!("../snapshots/bench.txt");
    assert_eq!(text, expected, "\n{text}");
}

#[test]
fn the_comparison_names_each_rival_with_its_own_score_and_ours_in_its_scope() {
    let bench = Bench::new();
    let folder = corpus(&bench);
    let args = [
        "bench",
        "--corpus",
        &folder,
        "--detector",
        "builtin",
        "--detector",
        "first_last",
        "--compare",
    ];
    let text = stdout(&bench.run(&args));
    let (_, compared) = text
        .split_once("builtin in each rival's scope, at the longest --confirm that is no slower\n")
        .expect("a comparison");
    let mut lines = compared.lines();
    let head: Vec<_> = lines.next().expect("a head").split_whitespace().collect();
    assert_eq!(head, ["rival", "its", "F1", "delay", "confirm", "F1", "of", "builtin", "delay"]);
    let row: Vec<_> = lines.next().expect("a row").split_whitespace().collect();
    assert_eq!(row[..2], ["first_last", "0.500"], "{text}");
    assert_eq!(lines.next(), Some(""), "one rival, one row");
}

#[test]
fn every_form_says_the_same_and_the_page_draws_the_mistakes() {
    let bench = Bench::new();
    let folder = corpus(&bench);
    let form = |format| {
        let args = ["bench", "--corpus", &folder, "--detector", "first_last", "--format", format];
        stdout(&bench.run(&args))
    };
    let json: serde_json::Value = serde_json::from_str(&form("json")).expect("JSON");
    let scored = &json["detectors"][0];
    assert_eq!((&json["schema_version"], &json["traces"]), (&1.into(), &3.into()));
    assert_eq!(scored["missed"], serde_json::json!(["slow"]));
    assert_eq!(
        (&scored["overall"]["detected"], &scored["overall"]["leaks"]),
        (&1.into(), &2.into())
    );
    let page = form("html");
    assert!(page.starts_with("<!doctype html>") && page.contains("first_last finds 1 of 2 leaks"));
    assert!(!page.contains("<h3>fast</h3>"), "it was found");
    assert!(page.contains("<h3>slow</h3>") && page.contains("<h3>job</h3>"));
}

#[test]
fn a_generated_corpus_is_scored_the_same_from_its_folder_as_from_its_seed() {
    let bench = Bench::new();
    let made = bench.path("made");
    let seed = ["--seed", "4", "--half", "tune", "--traces", "27"];
    let output = bench.run(&[&["corpus", "generate", "--out", utf8(&made)], &seed[..]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), format!("27 traces in {}\n", utf8(&made)));
    let detector = ["--detector", "builtin", "--detector", "first_last"];
    let from_seed = stdout(&bench.run(&[&["bench"], &seed[..], &detector].concat()));
    let from_folder =
        stdout(&bench.run(&[&["bench", "--corpus", utf8(&made)], &detector[..]].concat()));
    let (head, tables) = from_seed.split_once('\n').expect("lines");
    assert_eq!(head, "generated, half tune, seed 4: 27 traces, 12 of them leak");
    // The order of the traces differs, and with it what the bootstrap draws.
    let told = |text: &str| -> Vec<String> {
        let of_families = text.split_once("leaks detected").expect("families").1;
        let shares = of_families.split_whitespace().filter(|word| word.contains('/'));
        shares.map(str::to_owned).collect()
    };
    assert_eq!(told(tables), told(&from_folder));
    let again = bench.run(&["corpus", "generate", "--out", utf8(&made)]);
    assert_eq!(again.status.code(), Some(2));
    assert!(stderr(&again).contains("is not empty"), "{}", stderr(&again));
}

#[test]
fn what_is_no_corpus_or_no_detector_is_refused() {
    let bench = Bench::new();
    let bad = bench.path("bad");
    fs::create_dir(&bad).expect("a folder");
    fs::write(bad.join("a.csv"), "t_seconds,fds\n0,5\n").expect("written");
    for (args, what) in [
        (vec!["bench", "--corpus", "no/such"], "cannot read no/such"),
        (vec!["bench", "--corpus", utf8(&bad)], "has neither a NAME.truth.yaml nor a line"),
        (vec!["bench", "--detector", "crystal_ball"], "unknown detector `crystal_ball`; valid are"),
        (vec!["bench", "--detector", "ball", "--detector", "rate", "--detector", "orb"], "`orb`"),
        (
            vec!["bench", "--detector", "rate", "--detector", "rate"],
            "two detectors are called `rate`",
        ),
        (vec!["bench", "--leak-free"], "--corpus"),
        (vec!["bench", "--half", "third"], "expected tune or test"),
        (vec!["bench", "--traces", "0"], "there is no trace to score"),
        (vec!["corpus", "generate"], "--out"),
    ] {
        let output = bench.run(&args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(what), "{args:?}: {}", stderr(&output));
    }
}
