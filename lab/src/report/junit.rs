//! The report as `JUnit` XML: one test case per drill, for whatever collects test results.

use super::{DrillReport, Report};
use crate::event::Status;

/// One suite with a case per drill; a failed expectation is a `failure`, a drill that came to no
/// finding an `error`.
pub fn junit(report: &Report) -> String {
    let failures =
        report.drills.iter().filter(|drill| drill.status == Some(Status::Failed)).count();
    let errors = report.drills.len() - report.passed() - failures;
    let seconds: f64 = report.drills.iter().map(|drill| drill.elapsed_seconds).sum();
    let cases: String = report.drills.iter().map(case).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"leaklab drill\" \
         tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\" timestamp=\"{}\">\n\
         {cases}  </testsuite>\n</testsuites>\n",
        report.drills.len(),
        escape(&report.started_at),
    )
}

fn case(drill: &DrillReport) -> String {
    let open = format!(
        "    <testcase classname=\"leaklab.drill\" name=\"{}\" time=\"{:.3}\"",
        escape(&drill.name),
        drill.elapsed_seconds
    );
    let element = match drill.status {
        Some(Status::Passed) => return format!("{open}/>\n"),
        Some(Status::Failed) => "failure",
        _ => "error",
    };
    let message = drill.reasons.first().map_or("the journal was cut off", String::as_str);
    format!(
        "{open}>\n      <{element} message=\"{}\">{}</{element}>\n    </testcase>\n",
        escape(message),
        escape(&drill.reasons.join("\n"))
    )
}

/// Text as it may stand in XML and HTML, in elements and attributes; characters that XML does not
/// allow at all are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}
