//! The result as `JUnit` XML: a suite for each detector with a case for each trace, so that whatever
//! collects test results shows which leak is no longer caught.

use std::fmt::Write;

use super::baseline::Compared;
use super::outcome::Outcome;
use super::report::{OnTrace, Report, Scored};
use super::text::seconds;
use crate::report::junit::escape;

/// A missed leak or a false alarm that is not forgiven is a `failure`, a detector that came to no
/// end an `error`, a trace that is out of its scope `skipped` unless it is a leak that the baseline detects.
pub fn junit(report: &Report) -> String {
    let suites: String = report.detectors.iter().map(|scored| suite(report, scored)).collect();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n{suites}</testsuites>\n")
}

/// A trace; what is wrong with it, and the element that says so, if anything is.
struct Case<'a> {
    family: &'a str,
    trace: &'a str,
    found: Option<(&'static str, String)>,
}

fn suite(report: &Report, scored: &Scored) -> String {
    let cases = cases(report, scored);
    let count = |element: &str| {
        cases.iter().filter(|case| matches!(case.found, Some((name, _)) if name == element)).count()
    };
    let detector = escape(&scored.detector);
    let mut suite = format!(
        "  <testsuite name=\"leaklab bench {detector}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        cases.len(),
        count("failure"),
        count("error"),
        count("skipped"),
    );
    for Case { family, trace, found } in &cases {
        let (family, trace) = (escape(family), escape(trace));
        let open = format!("    <testcase classname=\"{detector}.{family}\" name=\"{trace}\"");
        // Writing to a string cannot fail.
        let _ = match found {
            None => writeln!(suite, "{open}/>"),
            Some((element, why)) => writeln!(
                suite,
                "{open}>\n      <{element} message=\"{}\"/>\n    </testcase>",
                escape(why)
            ),
        };
    }
    suite + "  </testsuite>\n"
}

fn cases<'a>(report: &'a Report, scored: &'a Scored) -> Vec<Case<'a>> {
    let mut compared = report.comparison.iter().flat_map(|comparison| &comparison.detectors);
    let compared = compared.find(|one| one.detector == scored.detector);
    let inside = scored.outcomes.iter().map(|OnTrace { trace, family, outcome }| {
        let found = verdict(outcome).map(|(element, why)| (element, why + since(compared, trace)));
        Case { family, trace, found }
    });
    let outside = scored.out_of_scope.iter().map(|trace| {
        let found = if compared.is_some_and(|one| one.leaks.lost.contains(trace)) {
            ("failure", "the leak is out of its scope now; the baseline detects it")
        } else {
            (
                "skipped",
                "it is out of its scope: too short, or of something that it does not look at",
            )
        };
        let family = report.families.get(trace).map_or("", String::as_str);
        Case { family, trace, found: Some((found.0, found.1.to_owned())) }
    });
    inside.chain(outside).collect()
}

/// What was better in the baseline, as the end of a sentence.
fn since(compared: Option<&Compared>, trace: &String) -> &'static str {
    match compared {
        Some(one) if one.finished.lost.contains(trace) => "; in the baseline it came to an end",
        Some(one) if one.leaks.lost.contains(trace) => "; the baseline detects it",
        Some(one) if one.quiet.lost.contains(trace) => "; the baseline has no false alarm",
        _ => "",
    }
}

/// What is wrong, and the element that says so.
fn verdict(outcome: &Outcome) -> Option<(&'static str, String)> {
    if let Some(failure) = &outcome.failure {
        return Some(("error", format!("the detector came to no end: {failure}")));
    }
    let missed = outcome.leaks && outcome.detected_after_seconds.is_none();
    let lasting = outcome.false_alarms - outcome.forgiven_alarms;
    let mut wrong = Vec::new();
    if missed {
        let leaking = seconds(Some(outcome.leaking_seconds));
        wrong.push(format!("the leak was missed, which went on for {leaking}"));
    }
    if lasting > 0 {
        wrong.push(format!("{lasting} false alarms"));
    }
    (!wrong.is_empty()).then(|| ("failure", wrong.join("; ")))
}
