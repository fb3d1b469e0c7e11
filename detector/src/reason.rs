//! The sentences that assessments give as their reason.

use bytesize::ByteSize;

use crate::Signal;
use crate::explain::Family;
use crate::incident::{Incident, Witness};
use crate::judge::{Growth, Lacking};

/// A value of a signal with its unit.
pub(crate) fn amount(signal: Signal, value: f64) -> String {
    match signal {
        signal if signal.is_bytes() => {
            let sign = if value < 0.0 { "-" } else { "" };
            format!("{sign}{}", ByteSize::b(value.abs().round() as u64))
        }
        Signal::MemoryUsedPercent => format!("{value:.2} %"),
        counted => format!("{value:.1} {counted}"),
    }
}

/// Seconds, as a person would say them.
pub(crate) fn span(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.1} h", s / 3600.0),
        s => format!("{:.1} days", s / 86400.0),
    }
}

pub(crate) fn too_short(seen_seconds: f64, confirm_seconds: f64) -> String {
    let (seen, asked) = (span(seen_seconds), span(confirm_seconds));
    format!("seen for {seen}; a judgement needs {asked} and {} blocks", crate::judge::LEAST_BLOCKS)
}

pub(crate) fn leaking(
    signal: Signal,
    growth: &Growth,
    now_seconds: f64,
    cause: Option<&str>,
) -> String {
    let per_second = amount(signal, growth.slope.mid);
    let lasted = span(now_seconds - growth.began_seconds);
    let with = cause.map_or_else(String::new, |gauge| format!(", with {gauge}"));
    format!("grows by {per_second}/s for {lasted}{with}; no benign explanation fits as well")
}

pub(crate) fn suspect(signal: Signal, growth: &Growth, lacking: Lacking) -> String {
    let per_second = amount(signal, growth.slope.mid);
    let seen = span(growth.span_seconds);
    let but = match lacking {
        Lacking::Span(asked_seconds) => format!("only for {seen} of {}", span(asked_seconds)),
        Lacking::Persistence => "its last third rises less than the whole".to_owned(),
        Lacking::Troughs => "its troughs do not rise".to_owned(),
        Lacking::Margin(family) => format!("{} fits about as well", explanation(family)),
    };
    format!("grows by {per_second}/s, but {but}")
}

pub(crate) fn steady(family: Family) -> String {
    format!("no leak: {}", explanation(family))
}

pub(crate) fn levelling_off(in_seconds: f64) -> String {
    format!(
        "rises ever more slowly; known in {}, when it should have levelled off",
        span(in_seconds)
    )
}

pub(crate) fn growth_stopped(
    signal: Signal,
    incident: &Incident,
    upper: f64,
    load: bool,
) -> String {
    let upper = amount(signal, upper);
    let old = amount(signal, incident.growth.slope.mid);
    let held = amount(signal, incident.taken());
    let under = if load { "under comparable load" } else { "(load unknown)" };
    format!("grows by at most {upper}/s instead of {old}/s {under}; up to {held} still held")
}

pub(crate) fn recovered(signal: Signal, incident: &Incident, witness: Witness) -> String {
    let taken = amount(signal, incident.taken());
    let witness = match witness {
        Witness::Heap => "the allocator's bytes in use are",
        Witness::Signal => "its level is",
    };
    format!("no longer grows, and {witness} back: {taken} given back")
}

pub(crate) fn withdrawn(incident: &Incident) -> String {
    let grew = span(incident.growth.span_seconds);
    format!("withdrawn: levelled off by itself after it was flagged ({grew} of growth)")
}

pub(crate) fn load_fell(rate: f64, was: f64) -> String {
    format!(
        "no longer grows, but load fell from {was:.1} to {rate:.1} requests/s, which proves nothing"
    )
}

pub(crate) fn nothing_seen() -> String {
    "nothing seen yet".to_owned()
}

pub(crate) fn too_few_samples(needed: usize) -> String {
    format!("fewer than {needed} samples")
}

pub(crate) fn not_seen_for(gap_seconds: f64) -> String {
    format!("not seen for {}; judged anew", span(gap_seconds))
}

pub(crate) fn restarted(t_seconds: f64) -> String {
    format!("restarted at {t_seconds:.0} s, which proves nothing; judged anew from there")
}

fn explanation(family: Family) -> &'static str {
    match family {
        Family::Flat => "flat",
        Family::Filled => "rose and levelled off, as a cache that has filled",
        Family::Steps => "one or two steps",
        Family::Saturating => "warm-up that has levelled off",
        Family::Settling => "settles ever more slowly",
        Family::Growth => "growth",
    }
}
