//! The debriefing, for people.

use std::fmt::Write;

use serde_json::Value;

use super::Debrief;
use super::scenario::{Injection, Level};
use super::score::{Answer, Oom, Score};
use crate::quantity::{bytes, exact_bytes, seconds, slope};

/// Renders it.
pub fn text(debrief: &Debrief) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out, debrief);
    out
}

/// What was on, in lines.
pub fn injected_text(seed: u64, level: Level, injected: &[Injection]) -> String {
    let mut out = format!("what was on (seed {seed}, {}):\n", level.name());
    for injected in injected {
        let role = if injected.is_leak { "leak" } else { "decoy" };
        let settings = injected.controls.iter().filter(|(name, _)| *name != "enabled");
        let settings: Vec<_> = settings
            .map(|(name, value)| match value {
                Value::String(text) => format!("{name} {text}"),
                other => format!("{name} {other}"),
            })
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(out, "  {role:<6} {:<16} {}", injected.name, settings.join(", "));
    }
    out
}

fn write(out: &mut String, debrief: &Debrief) -> std::fmt::Result {
    out.push_str(&injected_text(debrief.seed, debrief.level, &debrief.injected));
    let truth = &debrief.truth;
    writeln!(
        out,
        "  at {} of {}, growing by {}",
        bytes(truth.rss_bytes),
        bytes(truth.limit_bytes),
        slope(truth.bytes_per_second)
    )?;
    let (Some(answer), Some(score)) = (&debrief.answer, &debrief.score) else {
        return writeln!(out, "no answer was given");
    };
    writeln!(out)?;
    let none = || "-".to_owned();
    let said_leaks = listed(&answer.leaks);
    let true_leaks = listed(&truth.leaks);
    let said_bytes = answer.bytes_per_request.map_or_else(none, exact_bytes);
    let true_bytes = truth.bytes_per_request.map_or_else(none, exact_bytes);
    let true_oom = truth.oom_after_seconds.map_or_else(|| "never".to_owned(), after);
    for (what, said, truth, points, most) in [
        ("", "you", "the truth", None, None),
        ("what leaks", &said_leaks, &true_leaks, Some(score.what), Some(50)),
        ("bytes per request", &said_bytes, &true_bytes, Some(score.bytes_per_request), Some(20)),
        ("out of memory", &said_oom(answer), &true_oom, Some(score.oom), Some(15)),
        ("time taken", &seconds(debrief.elapsed_seconds), "", Some(score.time), Some(15)),
    ] {
        row(out, what, said, truth, points.zip(most))?;
    }
    writeln!(out, "\n{} of 100 points", score.total.round())?;
    writeln!(out, "{}", remark(score))?;
    for injected in &debrief.injected {
        writeln!(out, "read on: leaklab leaks show {}", injected.name)?;
    }
    Ok(())
}

fn row(
    out: &mut String,
    what: &str,
    said: &str,
    truth: &str,
    points: Option<(f64, u32)>,
) -> std::fmt::Result {
    let points = points.map_or_else(
        || "points".to_owned(),
        |(points, most)| format!("{} of {most}", points.round()),
    );
    writeln!(out, "{what:<18} {said:<24} {truth:<24} {points:>9}")
}

fn listed(names: &[impl AsRef<str>]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn said_oom(answer: &Answer) -> String {
    match answer.oom {
        None => "-".to_owned(),
        Some(Oom::Never) => "never".to_owned(),
        Some(Oom::AfterSeconds(after_seconds)) => after(after_seconds),
    }
}

fn after(after_seconds: f64) -> String {
    let whole = std::time::Duration::from_secs(after_seconds.round() as u64);
    format!("in {}", humantime::format_duration(whole))
}

fn remark(score: &Score) -> &'static str {
    match score.total {
        90.0.. => "nothing to add",
        60.0.. => "the service would have been saved",
        30.0.. => "on the right track",
        _ => "the service is gone; the pages below say what would have shown it",
    }
}
