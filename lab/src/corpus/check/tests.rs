//! A corpus that was made is sound; every way in which it can be spoilt is found.

use super::*;
use crate::corpus::family::FAMILIES;
use crate::corpus::{Half, Recipe, write};

fn made(traces: usize) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    write::corpus(&Recipe { seed: 3, half: Half::Tune, traces }, dir.path()).unwrap();
    dir
}

fn whys(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{}: {}", finding.what, finding.why)).collect()
}

#[test]
fn a_generated_corpus_is_sound() {
    let dir = made(4 * FAMILIES.len());
    let checked = folder(dir.path()).unwrap();
    assert_eq!(whys(&checked.errors), [""; 0]);
    assert!(checked.has_manifest);
    assert_eq!((checked.traces, checked.leaks), (108, 48));
}

#[test]
fn whatever_is_changed_missing_or_too_much_is_found_at_once() {
    let dir = made(4);
    let file = |name: &str| dir.path().join(name);
    let manifest = Manifest::of(dir.path()).unwrap().unwrap();
    let names: Vec<&str> = manifest.traces.iter().map(|entry| entry.name.as_str()).collect();
    let truth = file(&format!("{}.truth.yaml", names[0]));
    let text = fs::read_to_string(&truth).unwrap();
    fs::write(&truth, format!("{text}# changed\n")).unwrap();
    fs::remove_file(file(&manifest.traces[1].file)).unwrap();
    fs::write(file("stray.csv"), "t_seconds,fds\n0,5\n1,6\n").unwrap();
    let told = whys(&folder(dir.path()).unwrap().errors).join("\n");
    for expected in [
        format!("{}.truth.yaml: is not what the manifest lists", names[0]),
        format!("{}.csv.gz: cannot be read", names[1]),
        "stray: is not in the manifest".to_owned(),
        "has neither a NAME.truth.yaml".to_owned(),
    ] {
        assert!(told.contains(&expected), "{expected} is missing from {told}");
    }
}

/// A trace of 100 samples along a curve, with the truth that is given.
fn checked(curve: impl Fn(f64) -> f64, truth: &str) -> Checked {
    let dir = tempfile::tempdir().unwrap();
    let rows = (0..100).map(|t| format!("{t},{}\n", curve(f64::from(t))));
    let csv = format!("t_seconds,rss_bytes\n{}", rows.collect::<String>());
    fs::write(dir.path().join("a.csv"), csv).unwrap();
    let truth = format!("schema_version: 1\nfamily: mine\n{truth}\n");
    fs::write(dir.path().join("a.truth.yaml"), truth).unwrap();
    folder(dir.path()).unwrap()
}

#[test]
fn a_truth_that_the_samples_belie_is_an_error() {
    let leak = |rest: &str| format!("label: leak\nsignals: [rss_bytes]\n{rest}");
    let grows = |t: f64| 1e6 + 1e4 * t;
    let errors = |curve: &dyn Fn(f64) -> f64, truth: &str| whys(&checked(curve, truth).errors);
    assert_eq!(errors(&grows, &leak("onset_seconds: 10")), [""; 0]);
    assert_eq!(
        errors(&|t: f64| 1e6 - t, &leak("onset_seconds: 10")),
        ["a: is labelled a leak and does not grow: rss_bytes ends 81B below where it began"]
    );
    assert_eq!(errors(&|_| 1e6, &leak("onset_seconds: 10")).len(), 1);
    assert_eq!(
        errors(&grows, &leak("onset_seconds: 500")),
        ["a: `onset_seconds` is 500; the trace goes from 0 to 99"]
    );
    assert_eq!(errors(&grows, &leak("onset_seconds: 5\nfixed_seconds: 500")).len(), 1);
    assert_eq!(
        errors(&grows, "label: leak\nsignals: [fds]\nonset_seconds: 5"),
        ["a: has none of the signals that it leaks on (fds)"]
    );
    // So little in so much noise need not show.
    let hidden = leak("onset_seconds: 5\ngrowth: 10\nresidual_sd: 1000");
    assert_eq!(errors(&|_| 1e6, &hidden), [""; 0]);
}

#[test]
fn no_leak_that_still_rises_at_its_end_is_a_warning() {
    let warnings = |curve: &dyn Fn(f64) -> f64, truth: &str| checked(curve, truth).warnings.len();
    let grows = |t: f64| 1e6 + 1e4 * t;
    assert_eq!(warnings(&grows, "label: no_leak"), 1);
    assert_eq!(warnings(&grows, "label: no_leak\nsettles_seconds: 99"), 0, "it was still filling");
    assert_eq!(warnings(&|t| 1e6 + 1e4 * (t % 10.0), "label: no_leak"), 0, "it comes back");
    assert_eq!(warnings(&|t| 1e6 + 1e4 * t.min(40.0), "label: no_leak"), 0, "it has come to rest");
}
