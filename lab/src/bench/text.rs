//! The result of a bench as tables for people.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::baseline::{Compared, Comparison};
use super::interval::Estimate;
use super::report::{DIFFICULTIES, OnTrace, Report, Scored};

/// The report as text.
pub fn render(report: &Report) -> String {
    let mut text =
        format!("{}: {} traces, {} of them leak\n\n", report.corpus, report.traces, report.leaks);
    overall(&mut text, report);
    more(&mut text, report);
    for scored in &report.detectors {
        if let Some(why) = failure(scored) {
            line(&mut text, &format!("\n{why}"));
        }
    }
    families(&mut text, report);
    difficulties(&mut text, report);
    matches(&mut text, report);
    if let Some(found) = &report.comparison {
        text.push('\n');
        text.push_str(&comparison(found));
    }
    text.push('\n');
    for scored in &report.detectors {
        line(&mut text, &format!("{:<13} {}", scored.detector, scored.says));
    }
    text
}

fn line(text: &mut String, line: &str) {
    text.push_str(line.trim_end());
    text.push('\n');
}

fn overall(text: &mut String, report: &Report) {
    let head = format!(
        "{:<13} {:>6} {:>18} {:>18} {:>18} {:>8} {:>8} {:>8} {:>22} {:>9}",
        "detector",
        "scored",
        "precision",
        "recall",
        "F1",
        "forgiven",
        "delay",
        "p95",
        "false alarms per day",
        "recovered"
    );
    line(text, &head);
    for scored in &report.detectors {
        let score = &scored.overall;
        let row = format!(
            "{:<13} {:>6} {:>18} {:>18} {:>18} {:>8} {:>8} {:>8} {:>22} {:>9}",
            scored.detector,
            score.traces,
            estimate(score.precision, 3),
            estimate(score.recall, 3),
            estimate(score.f1, 3),
            score.f1_forgiving.map_or_else(dash, |f1| format!("{:.3}", f1.value)),
            seconds(score.delay_median_seconds),
            seconds(score.delay_p95_seconds),
            estimate(score.false_alarms_per_day, 3),
            share(score.recovered, score.fixed),
        );
        line(text, &row);
    }
    line(text, "");
    line(
        text,
        "Precision and recall count traces; intervals are 95 %. \"forgiven\" is F1 if alarms that \
         were raised while",
    );
    line(text, "something benign still moved, and then withdrawn, do not count.");
}

/// What a score says beside how often it is right: how soon, why, and to the end.
fn more(text: &mut String, report: &Report) {
    line(
        text,
        &format!(
            "\n{:<13} {:>8} {:>12} {:>9} {:>6} {:>7}",
            "detector", "to limit", "cause right", "recovery", "NAB", "failed"
        ),
    );
    for scored in &report.detectors {
        let score = &scored.overall;
        line(
            text,
            &format!(
                "{:<13} {:>8} {:>12} {:>9} {:>6} {:>7}",
                scored.detector,
                per_cent(score.way_to_limit_median),
                share(score.causes_right, score.causes_named),
                seconds(score.recovery_median_seconds),
                score.nab.map_or_else(dash, |nab| format!("{nab:.1}")),
                score.failed,
            ),
        );
    }
}

/// Where a detector came to no end, and why on the first trace; none if nowhere.
pub(super) fn failure(scored: &Scored) -> Option<String> {
    let failed = |on: &OnTrace| Some((on.trace.clone(), on.outcome.failure.clone()?));
    let (trace, why) = scored.outcomes.iter().find_map(failed)?;
    let (name, count, of) = (&scored.detector, scored.overall.failed, scored.overall.traces);
    Some(format!("{name} failed on {count} of {of} traces; on {trace}: {why}"))
}

/// What is different from the baseline, one thing a line.
pub fn comparison(comparison: &Comparison) -> String {
    let worse = if comparison.regressed { "worse" } else { "no worse" };
    let mut text = format!("{worse} than the baseline beyond chance\n");
    for change in changes(comparison) {
        line(&mut text, &format!("  {change}"));
    }
    text
}

/// The same as sentences that begin with the detector's name, the regressions of each first.
pub(super) fn changes(comparison: &Comparison) -> Vec<String> {
    let mut all: Vec<String> = comparison.detectors.iter().flat_map(changes_of).collect();
    all.extend(comparison.new_detectors.iter().map(|name| format!("{name}: not in the baseline")));
    let missing = comparison.missing_detectors.iter();
    all.extend(missing.map(|name| format!("{name}: in the baseline alone, not compared")));
    all
}

fn changes_of(one: &Compared) -> Vec<String> {
    let Compared { detector, delay, .. } = one;
    let mut all: Vec<String> =
        one.regressions.iter().map(|what| format!("{detector}: REGRESSION: {what}")).collect();
    let traces = one.changes();
    all.extend(traces.map(|(what, traces)| format!("{detector}: {what}: {}", traces.join(", "))));
    if delay.longer + delay.shorter > 0 {
        let ratio = delay.median_ratio.map_or_else(dash, |ratio| format!("{ratio:.2}"));
        all.push(format!(
            "{detector}: of {} leaks that both detect, {} take longer and {} less long; {ratio} times at the median",
            delay.pairs, delay.longer, delay.shorter
        ));
    }
    if all.is_empty() {
        all.push(format!("{detector}: the same on every trace"));
    }
    all
}

fn families(text: &mut String, report: &Report) {
    for (leaks, title) in [(true, "leaks detected"), (false, "false alarms on")] {
        let names = family_names(report, leaks);
        if names.is_empty() {
            continue;
        }
        table_head(text, title, report);
        for name in names {
            let mut row = format!("{name:<17}");
            for scored in &report.detectors {
                let tally = scored.families.get(name).copied().unwrap_or_default();
                let hits = if leaks { tally.detected } else { tally.with_false_alarms };
                let _ = write!(row, " {:>12}", share(hits, tally.traces));
            }
            line(text, &row);
        }
    }
}

/// The families that leak, or those that do not, of which any detector was shown one.
pub(super) fn family_names(report: &Report, leaks: bool) -> BTreeSet<&str> {
    let all = report.detectors.iter().flat_map(|scored| &scored.families);
    all.filter(|(_, tally)| tally.leaks == leaks).map(|(name, _)| name.as_str()).collect()
}

fn difficulties(text: &mut String, report: &Report) {
    let Some(names) = difficulty_names(report) else { return };
    table_head(text, "by difficulty", report);
    for (index, name) in names.iter().enumerate() {
        let mut row = format!("{name:<17}");
        for scored in &report.detectors {
            let class = &scored.difficulties[index];
            let _ = write!(row, " {:>12}", share(class.detected, class.leaks));
        }
        line(text, &row);
    }
}

/// The classes of difficulty; none if nothing leaks.
pub(super) fn difficulty_names(report: &Report) -> Option<Vec<String>> {
    let known = |scored: &Scored| scored.difficulties.iter().any(|class| class.leaks > 0);
    report.detectors.iter().any(known).then(|| {
        let ends = DIFFICULTIES.iter().skip(1).map(Some).chain([None]);
        let name = |(from, below): (&f64, Option<&f64>)| {
            below.map_or_else(|| format!("{from} and more"), |below| format!("{from} to {below}"))
        };
        DIFFICULTIES.iter().zip(ends).map(name).collect()
    })
}

fn table_head(text: &mut String, title: &str, report: &Report) {
    let mut head = format!("\n{title:<17}");
    for Scored { detector, .. } in &report.detectors {
        let _ = write!(head, " {detector:>12}");
    }
    line(text, &head);
}

fn matches(text: &mut String, report: &Report) {
    if report.matches.is_empty() {
        return;
    }
    line(text, "\nbuiltin in each rival's scope, at the longest --confirm that is no slower");
    line(
        text,
        &format!(
            "{:<13} {:>18} {:>8}   {:>8} {:>18} {:>8}",
            "rival", "its F1", "delay", "confirm", "F1 of builtin", "delay"
        ),
    );
    for one in &report.matches {
        let confirm = one.confirm_seconds.map_or_else(|| "slower".to_owned(), |s| seconds(Some(s)));
        line(
            text,
            &format!(
                "{:<13} {:>18} {:>8}   {:>8} {:>18} {:>8}",
                one.rival,
                estimate(one.rival_score.f1, 3),
                seconds(one.rival_score.delay_median_seconds),
                confirm,
                estimate(one.builtin_score.f1, 3),
                seconds(one.builtin_score.delay_median_seconds),
            ),
        );
    }
}

pub(super) fn estimate(estimate: Option<Estimate>, decimals: usize) -> String {
    estimate.map_or_else(dash, |Estimate { value, low, high }| {
        format!("{value:.decimals$} ({low:.decimals$}-{high:.decimals$})")
    })
}

pub(super) fn share(hits: usize, of: usize) -> String {
    if of == 0 { dash() } else { format!("{hits}/{of}") }
}

pub(super) fn per_cent(share: Option<f64>) -> String {
    share.map_or_else(dash, |share| format!("{:.0} %", 100.0 * share))
}

/// A duration to a tenth of its unit.
pub(super) fn seconds(seconds: Option<f64>) -> String {
    seconds.map_or_else(dash, |seconds| match seconds {
        s if s < 120.0 => format!("{s:.0}s"),
        s if s < 7_200.0 => format!("{:.1}m", s / 60.0),
        s => format!("{:.1}h", s / 3_600.0),
    })
}

pub(super) fn dash() -> String {
    "-".to_owned()
}
