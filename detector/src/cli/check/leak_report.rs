//! `--report`: the page that a validation after a fix leaves behind, in Markdown.
//!
//! Everything on it is in the [`Report`]; here it is only put into words for whoever was not there.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::bands::{self, Band};
use super::intervals::Interval;
use super::report::Report;
use crate::cli::units::{bytes, duration, hourly, level};

/// A report that cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the report {}", path.display())]
pub struct ReportNotWritten {
    path: PathBuf,
    source: io::Error,
}

/// Refuses at the start what could not be written at the end.
pub fn prepare(path: &Path) -> Result<(), ReportNotWritten> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    opened.map(drop).map_err(|source| ReportNotWritten { path: path.to_owned(), source })
}

/// Replaces what is at `path` by the report.
pub fn write(path: &Path, report: &Report) -> Result<(), ReportNotWritten> {
    let page = page(report, SystemTime::now());
    fs::write(path, page).map_err(|source| ReportNotWritten { path: path.to_owned(), source })
}

fn page(report: &Report, now: SystemTime) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| page.push_str(&(text + "\n"));
    line(format!("# Memory leak check of {}\n", report.target));
    line(format!("Verdict: **{}**{}\n", report.verdict.name(), cut_short(report)));
    line(
        format!("Finished {}; ", humantime::format_rfc3339_seconds(now)) + &watched(report) + "\n",
    );
    line("## Memory\n".to_owned());
    line("| what | figure | band |\n|---|---|---|".to_owned());
    for (what, figure, band) in memory(report) {
        line(format!("| {what} | {figure} | {} |", band.map_or("-", Band::name)));
    }
    line(format!("\n{}\n", bands::EXPLAINED));
    if report.intervals.len() > 1 {
        line("## Growth per interval\n".to_owned());
        line("| time | memory | growth | per hour | heap | tasks | verdict |".to_owned());
        line("|---|---|---|---|---|---|---|".to_owned());
        for row in &report.intervals {
            line(format!("| {} |", cells(row).join(" | ")));
        }
        line(String::new());
    }
    line("## What was judged\n".to_owned());
    for signal in &report.signals {
        let told = &signal.assessment;
        let cause = told.cause.as_ref().map(|cause| format!("; grows with `{cause}`"));
        let cause = cause.unwrap_or_default();
        line(format!("- {}: {}: {}{cause}", told.signal, told.state, told.reason));
    }
    for (title, lines) in
        [("Warnings", &report.warnings), ("Not seen", &report.notes), ("Next", &report.next_steps)]
    {
        if !lines.is_empty() {
            line(format!("\n## {title}\n"));
            for text in lines {
                line(format!("- {text}"));
            }
        }
    }
    page
}

fn cut_short(report: &Report) -> String {
    report.cut_short_by.as_ref().map(|by| format!(", cut short: {by}")).unwrap_or_default()
}

fn watched(report: &Report) -> String {
    let (elapsed, every) = (duration(report.elapsed_seconds), duration(report.every_seconds));
    let mut text =
        format!("watched for {elapsed}, looked every {every}, {} looks.", report.samples);
    let confirm = duration(report.confirm_seconds);
    let _ = write!(text, " Growth had to last {confirm} to be called a leak.");
    if let Some(limit) = &report.limit {
        let _ = write!(text, " Memory limit: {} ({}).", bytes(limit.bytes as f64), limit.set_by);
    }
    text
}

/// Memory at the start, at the end and at its peak, and its growth with the interval of confidence.
fn memory(report: &Report) -> Vec<(&'static str, String, Option<Band>)> {
    let Some(memory) = report.memory() else {
        return vec![("memory", "was not seen".to_owned(), None)];
    };
    let told = &memory.assessment;
    let figure = |value: Option<f64>| value.map_or("-".to_owned(), |v| level(told.signal, v));
    let slope = |value: Option<f64>| value.map_or("?".to_owned(), |v| hourly(told.signal, v));
    let growth = match told.slope_per_second {
        Some(_) => format!(
            "{} per hour ({} to {})",
            slope(told.slope_per_second),
            slope(told.slope_low),
            slope(told.slope_high)
        ),
        None => "cannot be told".to_owned(),
    };
    vec![
        ("at the start", figure(memory.first), memory.first.map(bands::base)),
        ("at the end", figure(memory.latest), memory.latest.map(bands::base)),
        ("at its peak", figure(memory.highest), memory.highest.map(bands::peak)),
        ("growth", growth, told.slope_per_second.map(bands::growth)),
    ]
}

/// A row of the table of intervals.
pub fn cells(row: &Interval) -> [String; 7] {
    let size = |value: Option<f64>| value.map_or("-".to_owned(), bytes);
    let signed = |value: Option<f64>| {
        value.map_or("-".to_owned(), |v| format!("{}{}", if v < 0.0 { "" } else { "+" }, bytes(v)))
    };
    let share = row.growth_bytes.zip(row.memory_bytes).filter(|(grew, now)| now - grew > 0.0);
    let share = share.map(|(grew, now)| format!(" ({:+.1} %)", grew / (now - grew) * 100.0));
    let state = row.state.map_or("-", crate::State::name);
    let state = if row.warm_up { format!("{state} (warm-up)") } else { state.to_owned() };
    [
        duration(row.t_seconds),
        size(row.memory_bytes),
        signed(row.growth_bytes) + &share.unwrap_or_default(),
        signed(row.growth_bytes_per_hour),
        size(row.heap_bytes),
        row.tasks.map_or("-".to_owned(), |tasks| format!("{tasks:.0}")),
        state,
    ]
}
