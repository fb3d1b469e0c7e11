//! The tables of the page: all detectors overall, then by family and by difficulty.

use std::fmt::Write;

use crate::bench::interval::Estimate;
use crate::bench::report::{Difficulty, Report, Scored};
use crate::bench::text::{
    dash, difficulty_names, estimate, family_names, per_cent, seconds, share,
};
use crate::report::junit::escape;

pub(super) fn all(report: &Report) -> String {
    let mut tables = card("", &[overall(report), more(report)]);
    if !report.matches.is_empty() {
        tables.push_str(&card("", &[matches(report)]));
    }
    let [leaks, benign] = [true, false].map(|leaks| families(report, leaks));
    let by_family: Vec<String> = [leaks, benign].into_iter().flatten().collect();
    tables.push_str(&card("", &by_family));
    if let Some(table) = difficulties(report) {
        tables.push_str(&card("", &[table]));
    }
    tables
}

fn card(class: &str, tables: &[String]) -> String {
    format!("<div class=\"card scroll{class}\">\n{}</div>\n", tables.join("<br>\n"))
}

fn table(caption: &str, head: &[&str], rows: &str) -> String {
    let head = head.iter().enumerate().map(|(column, name)| {
        let class = if column == 0 { "" } else { " class=\"number\"" };
        format!("<th{class}>{}</th>", escape(name))
    });
    let caption =
        if caption.is_empty() { String::new() } else { format!("<caption>{caption}</caption>\n") };
    format!("<table>\n{caption}<tr>{}</tr>\n{rows}</table>\n", head.collect::<String>())
}

fn overall(report: &Report) -> String {
    let rows = report.detectors.iter().enumerate().map(|(index, scored)| {
        let score = &scored.overall;
        let class = if index == 0 { " class=\"first\"" } else { "" };
        let cells = [
            score.traces.to_string(),
            figure(score.precision),
            figure(score.recall),
            figure(score.f1),
            score.f1_forgiving.map_or_else(dash, |f1| format!("{:.3}", f1.value)),
            seconds(score.delay_median_seconds),
            seconds(score.delay_p95_seconds),
            figure(score.false_alarms_per_day),
            share(score.recovered, score.fixed),
        ];
        format!("<tr{class}><td>{}</td>{}</tr>\n", escape(&scored.detector), numbers(&cells))
    });
    let head = [
        "detector",
        "scored",
        "precision",
        "recall",
        "F1",
        "forgiven",
        "delay",
        "p95",
        "false alarms per day",
        "recovered",
    ];
    table("All traces", &head, &rows.collect::<String>())
}

/// How soon, why, and to the end.
fn more(report: &Report) -> String {
    let rows = report.detectors.iter().map(|scored| {
        let score = &scored.overall;
        let cells = [
            per_cent(score.way_to_limit_median),
            share(score.causes_right, score.causes_named),
            seconds(score.recovery_median_seconds),
            score.nab.map_or_else(dash, |nab| format!("{nab:.1}")),
            score.failed.to_string(),
        ];
        format!("<tr><td>{}</td>{}</tr>\n", escape(&scored.detector), numbers(&cells))
    });
    let head = ["detector", "to limit", "cause right", "recovery", "NAB", "failed"];
    let caption = "How soon, why, and to the end";
    table(caption, &head, &rows.collect::<String>())
}

fn matches(report: &Report) -> String {
    let rows = report.matches.iter().map(|one| {
        let confirm = one.confirm_seconds.map_or_else(|| "slower".to_owned(), |s| seconds(Some(s)));
        let cells = [
            figure(one.rival_score.f1),
            seconds(one.rival_score.delay_median_seconds),
            confirm,
            figure(one.builtin_score.f1),
            seconds(one.builtin_score.delay_median_seconds),
        ];
        format!("<tr><td>{}</td>{}</tr>\n", one.rival, numbers(&cells))
    });
    let head = ["rival", "its F1", "delay", "confirm", "F1 of builtin", "delay"];
    let caption = "builtin in each rival's scope, at the longest --confirm that is no slower";
    table(caption, &head, &rows.collect::<String>())
}

fn families(report: &Report, leaks: bool) -> Option<String> {
    let mut rows = String::new();
    for name in family_names(report, leaks) {
        let _ = write!(rows, "<tr><td>{}</td>", escape(name));
        for scored in &report.detectors {
            let tally = scored.families.get(name).copied().unwrap_or_default();
            let (hits, share) = if leaks {
                (tally.detected, tally.recall)
            } else {
                (tally.with_false_alarms, tally.alarmed_share)
            };
            rows.push_str(&bar((hits, tally.traces), share, leaks));
        }
        rows.push_str("</tr>\n");
    }
    let title = if leaks { "Leaks detected, by family" } else { "False alarms, by family" };
    (!rows.is_empty()).then(|| table(title, &columns("family", report), &rows))
}

fn difficulties(report: &Report) -> Option<String> {
    let names = difficulty_names(report)?;
    let mut rows = String::new();
    for (index, name) in names.iter().enumerate() {
        let _ = write!(rows, "<tr><td>{name}</td>");
        for Scored { difficulties, .. } in &report.detectors {
            let Difficulty { detected, leaks, recall, .. } = difficulties[index];
            rows.push_str(&bar((detected, leaks), recall, true));
        }
        rows.push_str("</tr>\n");
    }
    let title = "Leaks detected, by growth in standard deviations of everything else";
    Some(table(title, &columns("difficulty", report), &rows))
}

fn columns<'a>(first: &'a str, report: &'a Report) -> Vec<&'a str> {
    let names = report.detectors.iter().map(|scored| scored.detector.as_str());
    std::iter::once(first).chain(names).collect()
}

fn numbers(cells: &[String]) -> String {
    format!("<td class=\"number\">{}</td>", cells.join("</td><td class=\"number\">"))
}

/// The figure, and its interval below it.
fn figure(of: Option<Estimate>) -> String {
    let text = estimate(of, 3);
    text.split_once(" (").map_or(text.clone(), |(value, interval)| {
        format!("{value}<small class=\"soft\">{}</small>", interval.trim_end_matches(')'))
    })
}

/// A share as a fraction, with a bar behind it that is as long; whoever points at it reads its interval.
fn bar((hits, of): (usize, usize), estimated: Option<Estimate>, good: bool) -> String {
    let class = if good { "good" } else { "bad" };
    let percent = estimated.map_or(0.0, |share| 100.0 * share.value);
    let title = estimated.map_or_else(String::new, |share| {
        let Estimate { low, high, .. } = share;
        format!(" title=\"95 %: {low:.2} to {high:.2}\"")
    });
    format!(
        "<td class=\"number share {class}\" style=\"--share:{percent:.0}%\"{title}>{}</td>",
        share(hits, of)
    )
}
