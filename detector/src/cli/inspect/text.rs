//! The report of an inspection, for people.

use std::fmt::{Display, Formatter, Result};

use crate::State;
use crate::cli::units::{bytes, duration, hourly, level};
use crate::inspect::{Event, Finding, Inspection, Largest, Step, instant};

impl Display for Inspection {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        writeln!(f, "{}", headline(self))?;
        for remark in remarks(self) {
            writeln!(f, "  {remark}")?;
        }
        for (number, finding) in self.findings.iter().enumerate() {
            writeln!(f)?;
            write_finding(f, self, number + 1, finding)?;
        }
        if self.counts.leaking > 0 {
            writeln!(
                f,
                "\nnext:\n  - look at the most urgent from nearby: detector check PID --metrics URL"
            )?;
        }
        Ok(())
    }
}

/// How many series of what were judged how.
pub fn headline(inspection: &Inspection) -> String {
    let counts = inspection.counts;
    let named = [
        ("leaking", counts.leaking),
        ("stopped growing", counts.growth_stopped),
        ("recovered", counts.recovered),
        ("suspect", counts.suspect),
        ("steady", counts.steady),
        ("undecided", counts.undecided),
    ];
    let there = named.iter().filter(|(name, count)| *count > 0 || *name == "leaking");
    let there: Vec<String> = there.map(|(name, count)| format!("{count} {name}")).collect();
    let shard = inspection.shard.as_ref().map(|shard| format!(", shard {shard}"));
    format!(
        "{} series of {}, {} to {}{}: {}",
        counts.total(),
        inspection.query,
        instant(inspection.from_seconds),
        instant(inspection.to_seconds),
        shard.unwrap_or_default(),
        there.join(", ")
    )
}

/// What is to be known of the inspection as a whole, gravest first.
pub fn remarks(inspection: &Inspection) -> Vec<String> {
    let Inspection { incomplete, notes, filters, .. } = inspection;
    let incomplete = incomplete.iter().map(|why| format!("INCOMPLETE: {why}"));
    let step =
        |step: &Step| format!("{}: {} of {} series left", step.filter, step.left, step.before);
    incomplete.chain(notes.iter().cloned()).chain(filters.iter().map(step)).collect()
}

fn write_finding(
    f: &mut Formatter<'_>,
    inspection: &Inspection,
    number: usize,
    finding: &Finding,
) -> Result {
    writeln!(f, "{number:>3}. {:<9} {}", finding.severity.name(), labels(finding))?;
    for (what, fact) in facts(inspection, finding) {
        writeln!(f, "       {what:<8} {fact}")?;
    }
    Ok(())
}

/// The labels of a finding without the name of the metric, which all share.
pub fn labels(finding: &Finding) -> String {
    let own = finding.labels.iter().filter(|(name, _)| *name != "__name__");
    let own: Vec<String> = own.map(|(name, value)| format!("{name}={value:?}")).collect();
    if own.is_empty() { "(no labels)".to_owned() } else { own.join(" ") }
}

/// What is known of a finding: what it is, and how it reads.
pub fn facts(inspection: &Inspection, finding: &Finding) -> Vec<(&'static str, String)> {
    let (line, signal) = (&finding.assessment, inspection.signal);
    let slope = line.slope_per_second.zip(line.slope_low).zip(line.slope_high);
    let slope = slope.map(|((slope, low), high)| {
        let (low, high) = (hourly(signal, low), hourly(signal, high));
        format!("{} per hour ({low} to {high})", hourly(signal, slope))
    });
    let related = finding.related.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let facts = [
        (
            "state",
            Some(format!(
                "{} {} -> {}",
                line.state,
                level(signal, finding.first),
                level(signal, finding.latest)
            )),
        ),
        ("seen", Some(line.reason.clone())),
        ("slope", slope.filter(|_| line.state == State::Leaking)),
        ("since", line.onset_seconds.map(instant)),
        ("limit", line.eta_seconds.map(|eta| format!("reached in {}", duration(eta)))),
        ("largest", Some(largest(&finding.largest))),
        ("events", Some(events(&finding.events)).filter(|events| !events.is_empty())),
        ("related", Some(related).filter(|related| !related.is_empty())),
    ];
    facts.into_iter().filter_map(|(what, fact)| Some((what, fact?))).collect()
}

fn events(events: &[Event]) -> String {
    let event = |event: &Event| {
        let labels = event.labels.iter().map(|(name, value)| format!("{name}={value:?}"));
        let labels = labels.collect::<Vec<_>>().join(" ");
        format!("{labels} {}: {:.0}", event.kind.name(), event.times.ceil())
    };
    events.iter().map(event).collect::<Vec<_>>().join("; ")
}

fn largest(largest: &Largest) -> String {
    match largest {
        Largest::NoAnalysis(why) => format!("no analysis: {why}"),
        Largest::Users(users) => {
            let users: Vec<String> =
                users.iter().map(|(name, size)| format!("{name} {}", bytes(*size))).collect();
            users.join(", ")
        }
    }
}
