//! What Alertmanager is sent: its API v2, an alert for each incident.
//!
//! An alert is known by its labels, so they are the same from the first to the last; it is up
//! until `endsAt`, which is put off again and again while the incident is open.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::service::incident::{Incident, Kind, Message};
use crate::service::store::Entry;
use crate::service::template::Templates;

/// Below the address.
pub const PATH: &str = "/api/v2/alerts";

/// How often open alerts are told again.
pub const REPEATED_EVERY: Duration = Duration::from_mins(1);

/// How long an alert stays up of which no more is heard: four repetitions, as Prometheus has it.
const UP_SECONDS: f64 = 4.0 * 60.0;

/// The latest of each incident among events, in their order.
pub fn of_events(entries: &[Entry], now_seconds: f64) -> String {
    let latest: BTreeMap<i64, &Entry> =
        entries.iter().map(|entry| (entry.incident.id, entry)).collect();
    let alerts = latest.values().map(|entry| alert(&entry.incident, entry.message, now_seconds));
    alerts.collect::<Value>().to_string()
}

/// Open incidents.
pub fn of_open(incidents: &[Incident], now_seconds: f64) -> String {
    let alerts = incidents.iter().map(|incident| {
        let changed = incident.growth_stopped_seconds.or(incident.restarted_seconds);
        let message = if changed.is_some() { Message::Update } else { Message::Alert };
        alert(incident, message, now_seconds)
    });
    alerts.collect::<Value>().to_string()
}

fn alert(incident: &Incident, message: Message, now_seconds: f64) -> Value {
    let about = &incident.about;
    let name = match (about.kind, incident.figures.unit.as_str()) {
        (Kind::Rule, _) => about.subject.as_str(),
        (_, "bytes" | "percent") => "MemoryLeak",
        _ => "ResourceLeak",
    };
    let mut annotations = BTreeMap::from([
        ("summary", format!("{} of {}: {}", about.subject, about.target, incident.state.name())),
        ("description", Templates::default().render(message, incident)),
        ("reason", incident.reason.clone()),
    ]);
    annotations.extend(incident.figures.cause.clone().map(|cause| ("cause", cause)));
    json!({
        "labels": {
            "alertname": name,
            "target": about.target,
            "signal": about.subject,
            "severity": incident.severity,
            "incident": incident.id.to_string(),
        },
        "annotations": annotations,
        "startsAt": time(incident.flagged_seconds),
        "endsAt": time(incident.ended_seconds.unwrap_or(now_seconds + UP_SECONDS)),
    })
}

fn time(unix_seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(unix_seconds).unwrap_or_default();
    humantime::format_rfc3339_millis(UNIX_EPOCH + since).to_string()
}
