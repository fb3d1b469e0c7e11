//! The report as a table for people.

use detector::Signal;

use super::{DrillReport, Report};
use crate::proof::Proof;
use crate::quantity::{exact_amount, seconds};

/// Columns: title, and whether it holds numbers.
const COLUMNS: [(&str, bool); 11] = [
    ("drill", false),
    ("target", false),
    ("verdict", false),
    ("flagged", true),
    ("on", false),
    ("cause", false),
    ("ended", false),
    ("after", true),
    ("per request", true),
    ("measured", true),
    ("false flags", true),
];

/// A verdict table, the reasons of failures, and the proofs of recovery.
pub fn text(report: &Report) -> String {
    let rows: Vec<_> = report.drills.iter().map(row).collect();
    let mut out = table(&rows);
    for drill in &report.drills {
        out.push_str(&details(drill));
    }
    out.push_str(&summary(report));
    out
}

fn row(drill: &DrillReport) -> [String; COLUMNS.len()] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let signal = drill.flagged_on.unwrap_or(Signal::HeapBytes);
    let per_request = |value: Option<f64>| or_dash(value.map(|value| exact_amount(signal, value)));
    let cause = drill.cause.as_ref().map(|cause| match drill.cause_is_right {
        Some(true) => cause.clone(),
        _ => format!("{cause} (wrong)"),
    });
    [
        drill.name.clone(),
        drill.target.clone(),
        drill.verdict().to_owned(),
        or_dash(drill.flagged_after_seconds.map(seconds)),
        or_dash(drill.flagged_on.map(|signal| signal.name().to_owned())),
        or_dash(cause),
        or_dash(drill.ending.map(|ending| ending.name().to_owned())),
        or_dash(drill.ending_after_seconds.map(seconds)),
        per_request(drill.per_request_true),
        per_request(drill.per_request_measured),
        drill.false_flags.to_string(),
    ]
}

fn table(rows: &[[String; COLUMNS.len()]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0).max(COLUMNS[column].0.len())
    };
    let widths: Vec<_> = (0..COLUMNS.len()).map(width).collect();
    let line = |cells: &[&str]| {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            let cell = if COLUMNS[column].1 {
                format!("{cell:>width$}")
            } else {
                format!("{cell:<width$}")
            };
            line.push_str(&cell);
            line.push_str("  ");
        }
        line.trim_end().to_owned() + "\n"
    };
    let mut out = line(&COLUMNS.map(|(title, _)| title));
    for row in rows {
        out.push_str(&line(&row.each_ref().map(String::as_str)));
    }
    out
}

fn details(drill: &DrillReport) -> String {
    let reasons = drill.reasons.iter().map(|reason| format!("  {reason}\n"));
    let checks = drill.proof.iter().flat_map(Proof::checks);
    let checks = checks.map(|check| {
        let mark = match (check.holds, drill.is_open(&check)) {
            (true, _) => "yes",
            (false, true) => "NO ",
            // Nobody asked for it.
            (false, false) => " - ",
        };
        format!("  {mark} {}: {}\n", check.name, check.numbers)
    });
    let lines: String = reasons.chain(checks).collect();
    if lines.is_empty() {
        String::new()
    } else {
        format!("\n{} ({}):\n{lines}", drill.name, drill.verdict())
    }
}

fn summary(report: &Report) -> String {
    let torn = if report.journal_is_torn { "; the journal's last line is cut off" } else { "" };
    format!("\n{} of {} drills as expected{torn}\n", report.passed(), report.drills.len())
}
