//! Corpora of one's own, and detectors whose scores are worked out by hand.

use std::fs;

use serde_json::{Value, json};

use crate::{Bench, stderr, stdout, utf8};

/// A detector of five characters, by its argument.
const DETECTOR: &str = r#"
import json, sys
mode, said = sys.argv[1], False
sys.stdin.readline()
def say(t, state):
    print(json.dumps({"t_seconds": t, "signal": "rss_bytes", "state": state}))
for line in sys.stdin:
    seen = json.loads(line)
    t, level = seen["t_seconds"], seen["rss_bytes"]
    if mode == "happy" and t in (0, 10, 210):
        say(t, "steady" if t == 10 else "leaking")
    bound = {"perfect": 100, "crashing": 100, "slow": 600}.get(mode)
    if bound and level > bound and not said:
        said = True
        say(t, "leaking")
    if mode == "crashing" and t == 500:
        sys.stdout.flush()
        sys.exit(7)
"#;

/// A thousand seconds at 100 B, two of them with a leak of 1 B/s from 200 s on, below 1100 B.
fn corpus(bench: &Bench) -> String {
    let folder = bench.path("own");
    fs::create_dir(&folder).expect("a folder");
    let leak = "label: leak\nsignals: [rss_bytes]\nonset_seconds: 200\nslope_per_second: 1\n\
                growth: 800\n";
    for (name, family, leaks) in
        [("a", "growing", true), ("b", "growing", true), ("c", "flat", false)]
    {
        let level = |t: u32| if leaks { 100 + t.saturating_sub(200) } else { 100 };
        let rows = (0..=100).map(|ten| format!("{},{}\n", ten * 10, level(ten * 10)));
        let csv = format!("t_seconds,rss_bytes\n{}", rows.collect::<String>());
        let label = if leaks { leak } else { "label: no_leak\n" };
        let truth = format!("schema_version: 1\nfamily: {family}\nlimit: 1100\n{label}");
        fs::write(folder.join(format!("{name}.csv")), csv).expect("written");
        fs::write(folder.join(format!("{name}.truth.yaml")), truth).expect("written");
    }
    utf8(&folder).to_owned()
}

/// The arguments that bench a detector of this character under a name.
fn named(bench: &Bench, name: &str, mode: &str) -> String {
    let script = bench.path("detector.py");
    fs::write(&script, DETECTOR).expect("written");
    format!("{name}=exec:python3 '{}' {mode}", utf8(&script))
}

#[test]
fn five_characters_get_the_scores_that_were_worked_out_by_hand() {
    let bench = Bench::new();
    let folder = corpus(&bench);
    let characters = ["perfect", "blind", "happy", "slow", "crashing"];
    let detectors = characters.map(|mode| named(&bench, mode, mode));
    let mut args = vec!["bench", "--corpus", &folder, "--format", "json"];
    args.extend(detectors.iter().flat_map(|detector| ["--detector", detector.as_str()]));
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let score = |index: usize| &report["detectors"][index]["overall"];
    let rounded = |value: &Value| value.as_f64().map(|value| (value * 1e4).round() / 1e4);
    // Precision, recall, F1, delay, share of the way to the limit, false alarms, failed traces.
    let expected = [
        // 10 s after the onset, 10 B of 1000.
        (Some(1.0), 1.0, 1.0, Some(10.0), Some(0.01), 0, 0),
        (None, 0.0, 0.0, None, None, 0, 0),
        // One false alarm on each leak and two on the flat one: 2 of 2 + 3, and 4 of 4 + 3.
        (Some(0.4), 1.0, 0.5714, Some(10.0), Some(0.01), 4, 0),
        (Some(1.0), 1.0, 1.0, Some(510.0), Some(0.51), 0, 0),
        // What it said before it crashed counts.
        (Some(1.0), 1.0, 1.0, Some(10.0), Some(0.01), 0, 3),
    ];
    for (index, (precision, recall, f1, delay, way, alarms, failed)) in
        expected.into_iter().enumerate()
    {
        let (score, who) = (score(index), characters[index]);
        assert_eq!(rounded(&score["precision"]["value"]), precision, "{who}");
        assert_eq!(rounded(&score["recall"]["value"]), Some(recall), "{who}");
        assert_eq!(rounded(&score["f1"]["value"]), Some(f1), "{who}");
        assert_eq!(score["delay_median_seconds"].as_f64(), delay, "{who}");
        assert_eq!(rounded(&score["way_to_limit_median"]), way, "{who}");
        assert_eq!(
            (&score["false_alarms"], &score["failed"]),
            (&json!(alarms), &json!(failed)),
            "{who}"
        );
    }
    // NAB: tanh(2.5 (1 - y)) / tanh(2.5) at y = 10/800 and 510/800, and .11 for a false alarm.
    let nab = |index: usize| score(index)["nab"].as_f64().expect("leaks");
    for (index, expected) in [(0, 99.95), (1, 0.0), (2, 99.95 - 11.0), (3, 86.44)] {
        assert!((nab(index) - expected).abs() < 0.05, "{}: {}", characters[index], nab(index));
    }
    assert_eq!(report["detectors"][4]["failed"], json!(["a", "b", "c"]));
}

#[test]
fn a_run_that_was_killed_goes_on_to_the_same_result() {
    let bench = Bench::new();
    let (folder, kept) = (corpus(&bench), bench.path("kept.jsonl"));
    let (slow, happy) = (named(&bench, "slow", "slow"), named(&bench, "happy", "happy"));
    let args = ["bench", "--corpus", &folder, "--detector", &slow, "--detector", &happy];
    let plain = stdout(&bench.run(&args));
    let resumed = || bench.run(&[&args[..], &["--resume", utf8(&kept)]].concat());
    assert_eq!(stdout(&resumed()), plain);
    let whole = fs::read_to_string(&kept).expect("kept");
    assert_eq!(whole.lines().count(), 6);
    // Killed in the middle of the fourth line.
    let torn = whole.match_indices('\n').nth(3).map_or(0, |(at, _)| at - 5);
    fs::write(&kept, &whole[..torn]).expect("written");
    let again = resumed();
    assert_eq!(stdout(&again), plain);
    assert!(stderr(&again).contains("going on from 3 answers"), "{}", stderr(&again));
    assert_eq!(fs::read_to_string(&kept).expect("kept").lines().count(), 6);
    // An edited program is another one, without a word about it.
    fs::write(bench.path("detector.py"), DETECTOR.replace("600", "700")).expect("written");
    let edited = stdout(&resumed());
    assert_ne!(edited, plain);
    assert_eq!(edited, stdout(&bench.run(&args)));
    assert_eq!(fs::read_to_string(&kept).expect("kept").lines().count(), 12);
}

#[test]
fn a_baseline_tells_what_changed_and_refuses_another_corpus() {
    let bench = Bench::new();
    let (folder, old) = (corpus(&bench), bench.path("old.json"));
    let run = |mode: &str, more: &[&str]| {
        let detector = named(&bench, "mine", mode);
        bench.run(&[&["bench", "--corpus", &folder, "--detector", &detector], more].concat())
    };
    fs::write(&old, run("perfect", &["--format", "json"]).stdout).expect("written");
    let baseline = ["--baseline", utf8(&old)];
    let same = run("perfect", &baseline);
    assert_eq!(same.status.code(), Some(0));
    assert!(stdout(&same).contains("mine: the same on every trace"), "{}", stdout(&same));
    // Two leaks may be lost by chance, one time in four.
    let worse = run("blind", &baseline);
    assert_eq!(worse.status.code(), Some(0));
    assert!(stdout(&worse).contains("mine: leaks no longer detected: a, b"), "{}", stdout(&worse));
    let strict = run("blind", &[&baseline[..], &["--strict", "--format", "markdown"]].concat());
    assert_eq!(strict.status.code(), Some(1));
    let told = stdout(&strict);
    assert!(
        told.contains("2 leaks are no longer detected, 0 the other way round (p = 0.250)"),
        "{told}"
    );
    let ended = run("blind", &[&baseline[..], &["--format", "junit"]].concat());
    let told = stdout(&ended);
    for trace in ["a", "b"] {
        let case = format!("name=\"{trace}\">\n      <failure message=\"the leak was missed");
        assert!(told.contains(&case), "{told}");
    }
    assert_eq!(told.matches("; the baseline detects it").count(), 2, "{told}");
    assert!(stderr(&ended).contains("mine: leaks no longer detected: a, b"), "{}", stderr(&ended));
    let page = stdout(&run("blind", &[&baseline[..], &["--format", "html"]].concat()));
    assert!(page.contains("<li>mine: leaks no longer detected: a, b</li>"), "{page}");
    let cases = stdout(&run("blind", &["--format", "junit"]));
    assert!(cases.contains("tests=\"3\" failures=\"2\" errors=\"0\" skipped=\"0\""), "{cases}");
    assert!(cases.contains("<testcase classname=\"mine.flat\" name=\"c\"/>"), "{cases}");
    fs::remove_file(bench.path("own").join("c.csv")).expect("removed");
    let other = run("perfect", &baseline);
    assert_eq!(other.status.code(), Some(2));
    assert!(stderr(&other).contains("it is of another corpus"), "{}", stderr(&other));
}

#[test]
fn series_of_ones_own_are_taken_in_are_made_to_leak_and_are_checked() {
    let bench = Bench::new();
    let folder = corpus(&bench);
    let (flat, leaking) = (format!("{folder}/c.csv"), bench.path("leaking"));
    let out = utf8(&leaking);
    let rate = ["--shape", "linear", "--rate", "3600B/h", "--onset", "5m"];
    let made =
        bench.run(&[&["corpus", "inject", "--out", out, "--both"], &rate[..], &[&flat]].concat());
    assert_eq!(made.status.code(), Some(0), "{}", stderr(&made));
    let truth = fs::read_to_string(leaking.join("c-linear.truth.yaml")).expect("a truth");
    for line in ["onset_seconds: 300\n", "slope_per_second: 1\n", "growth: 700\n"] {
        assert!(truth.contains(line), "{line} is missing from {truth}");
    }
    let sound = bench.run(&["corpus", "check", out]);
    assert_eq!(sound.status.code(), Some(0), "{}", stdout(&sound));
    assert_eq!(stdout(&sound), "2 traces, 1 of them leak: 0 errors, 0 warnings\n");
    // Each trace is in one of the halves.
    let half = |half: &str| {
        let args =
            ["bench", "--corpus", out, "--detector", "builtin", "--half", half, "--format", "json"];
        let output = bench.run(&args);
        if stderr(&output).contains("there is no trace to score") {
            assert_eq!(output.status.code(), Some(2));
            return 0;
        }
        let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        report["traces"].as_u64().expect("a number")
    };
    assert_eq!(half("tune") + half("test"), 2);
    // Another onset is another truth, and the manifest knows.
    fs::write(leaking.join("c-linear.truth.yaml"), truth.replace("300", "3000")).expect("written");
    let spoilt = bench.run(&["corpus", "check", out]);
    assert_eq!(spoilt.status.code(), Some(1));
    let told = stdout(&spoilt);
    for part in ["c-linear.truth.yaml: is not what the manifest lists", "`onset_seconds` is 3000"] {
        assert!(told.contains(part), "{part} is missing from {told}");
    }
    // OpenMetrics, with a truth of its own.
    let lines: Vec<_> = (0..9).map(|t| format!("fds {} {}\n", 5 + t, 1_000 + t)).collect();
    let metrics = lines.concat();
    let metrics = bench.file("api.prom", &format!("# TYPE fds gauge\n{metrics}# EOF\n"));
    let truth =
        "schema_version: 1\nfamily: mine\nlabel: leak\nsignals: [fds]\nonset_seconds: 1001\n";
    let truth = bench.file("api.yaml", truth);
    let brought = bench.path("brought");
    let import =
        ["corpus", "import", "--out", utf8(&brought), "--truth", utf8(&truth), utf8(&metrics)];
    let imported = bench.run(&import);
    assert_eq!(imported.status.code(), Some(0), "{}", stderr(&imported));
    let sound = bench.run(&["corpus", "check", utf8(&brought)]);
    assert_eq!(stdout(&sound), "1 traces, 1 of them leak: 0 errors, 0 warnings\n");
    let nothing = bench.run(&["corpus", "import", "--out", "new", utf8(&metrics), "no/such.csv"]);
    assert_eq!(nothing.status.code(), Some(2));
    let told = stderr(&nothing);
    assert!(
        told.contains("has neither a NAME.truth.yaml") && told.contains("no/such.csv"),
        "{told}"
    );
    assert!(!bench.path("new").exists(), "nothing is written if anything is wrong");
}

#[test]
fn the_service_is_recorded_with_the_truth_that_it_tells() {
    let bench = Bench::new();
    let out = bench.path("recorded");
    let short = ["--baseline", "3s", "--leak", "10s", "--after", "3s", "--jobs", "2"];
    let args =
        [&["corpus", "record", "--out", utf8(&out), "cache", "bounded_cache"], &short[..]].concat();
    let output = bench.run(&args);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let truth = fs::read_to_string(out.join("cache.truth.yaml")).expect("a truth");
    for part in
        ["label: leak\n", "released: true\n", "leak_cache_size_bytes", "bytes_per_request: 102"]
    {
        assert!(truth.contains(part), "{part} is missing from {truth}");
    }
    let decoy = fs::read_to_string(out.join("bounded_cache.truth.yaml")).expect("a truth");
    assert!(decoy.contains("label: no_leak\n"), "{decoy}");
    let checked = bench.run(&["corpus", "check", utf8(&out)]);
    assert_eq!(checked.status.code(), Some(0), "{}", stdout(&checked));
}
