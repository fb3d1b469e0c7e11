//! The result of a bench as one page that needs nothing else: the tables on top, below them the
//! curve of each trace that the first detector got wrong, with what is true and what was said.

mod plot;
mod tables;

use std::fmt::Write;

use super::Judged;
use super::baseline::Comparison;
use super::report::{Report, Scored};
use super::score::Score;
use super::text::{self, estimate, seconds};
use super::wrong::Wrong;
use crate::report::junit::escape;

/// The page's look: that of the drills' report, and what only this one has.
const STYLE: [&str; 2] = [include_str!("../report/page.css"), include_str!("page/page.css")];

/// The page; of what the first detector got wrong, the first `most` are drawn.
pub fn page(report: &Report, judged: &[Judged], most: usize) -> String {
    let name = escape(&report.corpus);
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\">\n<title>leaklab bench, {name}</title>\n\
         <style>\n{}{}</style>\n</head>\n<body>\n<main>\n",
        STYLE[0], STYLE[1],
    );
    if let Some(first) = report.detectors.first() {
        page.push_str(&head(report, first));
    }
    page.extend(report.comparison.as_ref().map(against));
    page.push_str(&tables::all(report));
    if let Some(first) = report.detectors.first() {
        page.push_str(&mistakes(first, judged, most));
    }
    page.push_str(&footer(report));
    page.push_str("</main>\n</body>\n</html>\n");
    page
}

fn head(report: &Report, first: &Scored) -> String {
    let Score { leaks, detected, traces, traces_with_false_alarms: wrong, .. } = first.overall;
    let name = escape(&first.detector);
    let headline = if leaks > 0 {
        format!(
            "{name} finds {detected} of {leaks} leaks, and is wrong about {wrong} of {traces} traces"
        )
    } else {
        format!("{name} raises false alarms on {wrong} of {traces} traces in which nothing leaks")
    };
    let score = &first.overall;
    let tile = |figure: String, label: &str| {
        let (number, interval) = figure.split_once(' ').unwrap_or((&figure, ""));
        format!("<div class=\"tile\"><b>{number} <small>{interval}</small></b>{label}</div>\n")
    };
    let tiles = [
        tile(estimate(score.precision, 3), "precision"),
        tile(estimate(score.recall, 3), "recall"),
        tile(estimate(score.f1, 3), "F1"),
        tile(seconds(score.delay_median_seconds), "median from onset to alarm"),
        tile(estimate(score.false_alarms_per_day, 3), "false alarms per series and day"),
    ];
    format!(
        "<h1>{headline}</h1>\n<p class=\"soft\">leaklab bench, {}: {} traces, {} of them leak. In brackets: 95 % \
         intervals.</p>\n<div class=\"tiles\">\n{}</div>\n",
        escape(&report.corpus),
        report.traces,
        report.leaks,
        tiles.concat(),
    )
}

/// What changed since the baseline.
fn against(comparison: &Comparison) -> String {
    let (class, headline) = if comparison.regressed {
        ("failed", "worse than the baseline, beyond chance")
    } else {
        ("passed", "no worse than the baseline, beyond chance")
    };
    let changes = text::changes(comparison);
    let changes = changes.iter().map(|change| format!("<li>{}</li>\n", escape(change)));
    format!(
        "<div class=\"card\"><span class=\"pill {class}\">{headline}</span>\n<ul class=\"changes\">\n{}</ul></div>\n",
        changes.collect::<String>()
    )
}

fn mistakes(first: &Scored, judged: &[Judged], most: usize) -> String {
    let wrong: Vec<Wrong> = judged.iter().filter_map(|one| Wrong::of(one, 0)).collect();
    let drawn = wrong.len().min(most);
    let (missed, all) = (wrong.iter().filter(|wrong| wrong.missed).count(), wrong.len());
    let mut part = format!(
        "<h2 class=\"part\">What {} gets wrong</h2>\n<p class=\"soft\">{missed} misses, and false alarms on {} other \
         traces; {} of {all} are drawn (<code>--misses</code>). Alarms that were raised while something benign still moved, \
         and withdrawn, are not among them.</p>\n",
        escape(&first.detector),
        all - missed,
        drawn,
    );
    if drawn > 0 {
        part.push_str(plot::LEGEND);
    }
    part.push_str("<div class=\"curves\">\n");
    for wrong in &wrong[..drawn] {
        let (trace, class) = (wrong.trace, if wrong.missed { "unsure" } else { "failed" });
        let _ = writeln!(
            part,
            "<section class=\"card\"><div class=\"head\"><h3>{}</h3><span class=\"pill {class}\">{}</span></div>\n\
             <p class=\"soft\">{}</p>\n{}</section>",
            escape(&trace.name),
            wrong.fault(),
            escape(&wrong.circumstances()),
            plot::svg(wrong),
        );
    }
    part + "</div>\n"
}

fn footer(report: &Report) -> String {
    let rules = report.detectors.iter().map(|scored| {
        let (name, says) = (escape(&scored.detector), escape(&scored.says));
        format!("<li><code>{name}</code> {says}</li>\n")
    });
    format!(
        "<footer><ul class=\"rules\">\n{}</ul>\nleaklab {}. A detector is scored on the traces that it was made for: long \
         enough for its window, and with a leak of something that it looks at.</footer>\n",
        rules.collect::<String>(),
        env!("CARGO_PKG_VERSION"),
    )
}

#[cfg(test)]
mod tests;
