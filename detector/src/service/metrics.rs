//! The page of metrics, in the Prometheus text format.

use std::collections::BTreeMap;
use std::fmt::{Display, Write};

use super::shared::Shared;
use super::store::StoreError;
use crate::State;
use crate::target::Reason;

/// Every state, one of which is 1.
const STATES: [State; 6] = [
    State::Steady,
    State::Suspect,
    State::Leaking,
    State::GrowthStopped,
    State::Recovered,
    State::Undecided,
];

/// All of it.
pub fn page(shared: &Shared) -> String {
    let mut page = Page::default();
    targets(&mut page, shared);
    database(&mut page, shared);
    let facts = shared.facts();
    page.family(
        "detector_incidents_total",
        "counter",
        "What happened to incidents since the start.",
    );
    for (happened, count) in &facts.happened {
        page.sample(&[("happened", happened)], count);
    }
    page.family(
        "detector_notifications_total",
        "counter",
        "Notifications since the start: delivered, refused for good, or failed and tried again.",
    );
    for ((receiver, result), count) in &facts.notifications {
        page.sample(&[("receiver", receiver), ("result", result)], count);
    }
    page.family("detector_inspections_total", "counter", "Inspections since the start.");
    for ((name, result), count) in &facts.inspections {
        page.sample(&[("inspection", name), ("result", result)], count);
    }
    page.family("detector_reports_waiting", "gauge", "Reports that wait for the database.");
    page.sample(&[], facts.pending);
    page.family(
        "detector_configuration_ok",
        "gauge",
        "Whether the configuration that was read last is in use.",
    );
    page.sample(&[], u8::from(facts.refused.is_none()));
    page.family(
        "detector_configuration_timestamp_seconds",
        "gauge",
        "When the configuration in use was read.",
    );
    page.sample(&[], facts.configured_seconds);
    page.family(
        "detector_configuration_refused_total",
        "counter",
        "Configurations that were refused.",
    );
    page.sample(&[], facts.refusals);
    page.0
}

fn targets(page: &mut Page, shared: &Shared) {
    let standings: Vec<_> = shared.statuses().iter().map(|status| status.lock().clone()).collect();
    page.family("detector_state", "gauge", "The judgement of a signal: 1 for its state, else 0.");
    for standing in &standings {
        for (signal, judged) in &standing.signals {
            let Some(assessment) = &judged.assessment else { continue };
            for state in STATES {
                let labels = [
                    ("target", &*standing.name),
                    ("signal", signal.name()),
                    ("state", state.name()),
                ];
                page.sample(&labels, u8::from(assessment.state == state));
            }
        }
    }
    page.family("detector_level", "gauge", "The latest value of a signal, in its unit.");
    for standing in &standings {
        for (signal, judged) in &standing.signals {
            if let Some(level) = judged.level {
                page.sample(&[("target", &standing.name), ("signal", signal.name())], level);
            }
        }
    }
    page.family(
        "detector_source_errors_total",
        "counter",
        "Looks without an observation, by reason.",
    );
    for standing in &standings {
        for reason in Reason::ALL {
            let count = standing.errors.get(&reason).copied().unwrap_or(0);
            page.sample(&[("target", &standing.name), ("reason", reason.name())], count);
        }
    }
    page.family("detector_last_success_timestamp_seconds", "gauge", "When a target was last seen.");
    for standing in &standings {
        let seen = standing.last_success_seconds.unwrap_or(0.0);
        page.sample(&[("target", &standing.name)], seen);
    }
    page.family("detector_targets", "gauge", "Targets that are watched.");
    page.sample(&[], standings.len());
    page.family("detector_looks_total", "counter", "Looks at targets that are watched.");
    page.sample(&[], standings.iter().map(|standing| standing.looks).sum::<u64>());
    page.family(
        "detector_looks_missed_total",
        "counter",
        "Looks passed over, since the one before took too long.",
    );
    page.sample(&[], standings.iter().map(|standing| standing.looks_missed).sum::<u64>());
    page.family(
        "detector_lag_seconds",
        "gauge",
        "How late the latest look at a target began: the worst of all targets.",
    );
    page.sample(&[], standings.iter().map(|standing| standing.lag_seconds).fold(0.0, f64::max));
}

fn database(page: &mut Page, shared: &Shared) {
    let counted = shared.shelf.with(|store| {
        let mut open = BTreeMap::<_, u64>::new();
        for incident in store.open_incidents()? {
            *open.entry(incident.state.name()).or_default() += 1;
        }
        Ok::<_, StoreError>((open, store.waiting_counts()?))
    });
    let (open, waiting) = counted.unwrap_or_default();
    page.family("detector_incidents_open", "gauge", "Open incidents in the database.");
    for state in ["leaking", "firing", "growth_stopped"] {
        page.sample(&[("state", state)], open.get(state).copied().unwrap_or(0));
    }
    page.family("detector_outbox_entries", "gauge", "Notifications that wait for a receiver.");
    let receivers = shared.receivers();
    for receiver in &receivers {
        let count =
            waiting.iter().find(|(name, _)| name == receiver).map_or(0, |(_, count)| *count);
        page.sample(&[("receiver", receiver)], count);
    }
    let health = shared.shelf.health();
    page.family("detector_database_ok", "gauge", "Whether incidents are written to the database.");
    page.sample(&[], u8::from(health.trouble.is_none()));
    page.family(
        "detector_database_trouble",
        "gauge",
        "What is wrong with the database, if anything.",
    );
    if health.trouble.is_some() {
        page.sample(&[("kind", health.state)], 1);
    }
}

#[derive(Debug, Default)]
struct Page(String, &'static str);

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
        self.1 = name;
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        self.0 += self.1;
        for (k, (label, text)) in labels.iter().enumerate() {
            let open = if k == 0 { '{' } else { ',' };
            let _ = write!(self.0, "{open}{label}=\"{}\"", escaped(text));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let _ = writeln!(self.0, "{close} {value}");
    }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::clock::Clock;
    use crate::service::shelf::Shelf;
    use crate::service::watched::{Task, Watched};
    use crate::source::exposition::samples;
    use crate::target::{Kind, Target};

    #[test]
    fn the_page_is_in_the_text_format_and_counts_what_went_wrong_by_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Clock::start();
        let shared = Shared::new(clock, Shelf::open(folder.path().join("detector.db")));
        // No process has this number.
        let target = Target::new("a \"b\"\\".to_owned(), Kind::Pid(0x7fff_ffff));
        let mut watched = Watched::new(Task { target, rules: [].into() }, clock);
        watched.look(std::time::Duration::ZERO);
        shared.facts().statuses.insert("a".to_owned(), watched.status.clone());
        let page = page(&shared);
        for sample in samples(&page) {
            sample.expect("in the format");
        }
        let line = r#"detector_source_errors_total{target="a \"b\"\\",reason="gone"} 1"#;
        assert!(page.lines().any(|found| found == line), "{page}");
    }
}
