//! The result as Markdown, short enough for the summary of a CI job or a comment.

use std::fmt::Write;

use super::baseline::Comparison;
use super::report::Report;
use super::text::{estimate, failure, per_cent, seconds, share};

/// Names that are listed of each kind; the JSON has them all.
const MOST_NAMES: usize = 20;

/// The overall scores, what changed against the baseline, and what the first detector got wrong.
pub fn markdown(report: &Report) -> String {
    let mut text = format!(
        "### leaklab bench: {}\n\n{} traces, {} of them leak.\n\n",
        report.corpus, report.traces, report.leaks
    );
    text.push_str("| detector | scored | precision | recall | F1 | delay | to limit | false alarms per day | recovered | cause right | NAB | failed |\n");
    text.push_str("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for scored in &report.detectors {
        let score = &scored.overall;
        let cells = [
            format!("`{}`", scored.detector),
            score.traces.to_string(),
            estimate(score.precision, 3),
            estimate(score.recall, 3),
            estimate(score.f1, 3),
            seconds(score.delay_median_seconds),
            per_cent(score.way_to_limit_median),
            estimate(score.false_alarms_per_day, 3),
            share(score.recovered, score.fixed),
            share(score.causes_right, score.causes_named),
            score.nab.map_or_else(super::text::dash, |nab| format!("{nab:.1}")),
            score.failed.to_string(),
        ];
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    if let Some(comparison) = &report.comparison {
        against(&mut text, comparison);
    }
    for why in report.detectors.iter().filter_map(failure) {
        let _ = writeln!(text, "\n{why}");
    }
    if let Some(first) = report.detectors.first() {
        names(&mut text, &format!("Leaks that `{}` misses", first.detector), &first.missed);
        names(&mut text, &format!("False alarms of `{}`", first.detector), &first.alarmed);
    }
    text
}

fn against(text: &mut String, comparison: &Comparison) {
    let headline =
        if comparison.regressed { "Worse than the baseline" } else { "No worse than the baseline" };
    let _ = writeln!(text, "\n**{headline}**");
    for one in &comparison.detectors {
        for regression in &one.regressions {
            let _ = writeln!(text, "\n- `{}`: {regression}", one.detector);
        }
        for (what, traces) in one.changes() {
            names(text, &format!("`{}`: {what}", one.detector), traces);
        }
    }
}

fn names(text: &mut String, title: &str, names: &[String]) {
    if names.is_empty() {
        return;
    }
    let shown: Vec<String> =
        names.iter().take(MOST_NAMES).map(|name| format!("`{name}`")).collect();
    let more = names.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let _ = writeln!(text, "\n{title} ({}): {}{more}", names.len(), shown.join(", "));
}
