//! What people are told: texts with names in braces, which stand for what is known.

use super::incident::{Incident, Kind, Message, Stage};
use crate::cli::{bytes, duration};

const ALERT: &str = "\
INCIDENT: {title}
Target: {target} ({subject})
Severity: {severity}
Status: {state}
Impact: {current_usage} (limit: {limit})
Risk: {time_to_limit}
Growth Rate: {growth_rate}
Root Cause: {root_cause}
Seen: {reason}
";

const UPDATE: &str = "\
MEMORY LEAK UPDATE
Target: {target} ({subject})
Current Usage: {current_usage} (was {usage_at_restart} at restart)
Growth Rate: {growth_rate}
Root Cause: {root_cause}
Fix: {fix}
Testing: {testing}
";

const RESOLUTION: &str = "\
RESOLVED: {target} ({subject}), {state}
Root Cause: {root_cause}
Fix Applied: {fix}
Validation: {testing}, stable at {current_usage}
Duration: {duration}
";

/// One text for each kind of message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Templates {
    /// It has begun.
    pub alert: String,
    /// Something has changed.
    pub update: String,
    /// It is over.
    pub resolution: String,
}

impl Default for Templates {
    fn default() -> Self {
        Self {
            alert: ALERT.to_owned(),
            update: UPDATE.to_owned(),
            resolution: RESOLUTION.to_owned(),
        }
    }
}

/// What a name stands for.
type Value = fn(&Incident) -> String;

/// The names, and what they stand for.
const NAMES: [(&str, Value); 17] = [
    ("title", title),
    ("id", |incident| incident.id.to_string()),
    ("target", |incident| incident.about.target.clone()),
    ("subject", |incident| incident.about.subject.clone()),
    ("severity", |incident| incident.severity.to_uppercase()),
    ("state", |incident| incident.state.name().replace('_', " ")),
    ("reason", |incident| incident.reason.clone()),
    ("current_usage", |incident| amount(incident, incident.figures.level)),
    ("usage_at_restart", |incident| amount(incident, incident.level_restarted)),
    ("usage_when_flagged", |incident| amount(incident, incident.level_flagged)),
    ("limit", |incident| amount(incident, incident.figures.limit)),
    ("growth_rate", growth_rate),
    ("time_to_limit", time_to_limit),
    ("root_cause", root_cause),
    ("fix", fix),
    ("testing", |incident| incident.reason.clone()),
    ("duration", |incident| incident.duration_seconds.map_or_else(unknown, duration)),
];

impl Templates {
    /// The text of a message.
    pub fn render(&self, message: Message, incident: &Incident) -> String {
        let template = match message {
            Message::Alert => &self.alert,
            Message::Update => &self.update,
            Message::Resolution => &self.resolution,
        };
        fill(template, incident)
    }
}

/// Refuses a text with a name that stands for nothing.
pub fn check(template: &str) -> Result<String, String> {
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('{') {
        let name = after.split_once('}').map(|(name, _)| name);
        let known = NAMES.map(|(known, _)| known);
        match name {
            Some(name) if known.contains(&name) => rest = &after[name.len() + 1..],
            _ => return Err(format!("in braces may stand: {}", known.join(", "))),
        }
    }
    Ok(template.to_owned())
}

/// What a value holds is not looked through for names.
fn fill(template: &str, incident: &Incident) -> String {
    let mut pieces = template.split('{');
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, after) = piece.split_once('}').unwrap_or((piece, ""));
        let value = NAMES.iter().find(|(known, _)| *known == name);
        text += &value.map_or_else(unknown, |(_, value)| value(incident));
        text += after;
    }
    text
}

/// What an alert is headed by.
fn title(incident: &Incident) -> String {
    match (incident.about.kind, incident.figures.unit.as_str()) {
        (Kind::Rule, _) => incident.about.subject.clone(),
        (_, "bytes" | "percent") => "memory leak detected".to_owned(),
        (_, counted) => format!("leak of {counted} detected"),
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

fn amount(incident: &Incident, value: Option<f64>) -> String {
    value.map_or_else(unknown, |value| with_unit(&incident.figures.unit, value))
}

fn with_unit(unit: &str, value: f64) -> String {
    match unit {
        "bytes" => bytes(value),
        "percent" => format!("{value:.1} %"),
        counted => format!("{value:.1} {counted}"),
    }
}

fn growth_rate(incident: &Incident) -> String {
    let slope = incident.figures.slope_per_second;
    let hourly = |slope| format!("{} per hour", with_unit(&incident.figures.unit, slope * 3600.0));
    slope.map_or_else(unknown, hourly)
}

fn time_to_limit(incident: &Incident) -> String {
    let eta = incident.figures.eta_seconds;
    eta.map_or_else(unknown, |eta| format!("the limit is reached in {}", duration(eta)))
}

fn root_cause(incident: &Incident) -> String {
    let figures = &incident.figures;
    let Some(cause) = &figures.cause else {
        return "not known: nothing that is counted grows with it".to_owned();
    };
    let per = |(value, of): (Option<f64>, &str)| {
        value.map(|value| format!(", {} per {of}", bytes(value)))
    };
    let each = [(figures.bytes_per_entry, "entry"), (figures.bytes_per_request, "request")];
    format!("grows with {cause}{}", each.into_iter().filter_map(per).collect::<String>())
}

fn fix(incident: &Incident) -> String {
    let restarted = incident.restarted_seconds.is_some();
    let what = match (incident.state, restarted) {
        (Stage::Leaking, true) => "restarted; whether that helped is not known yet",
        (Stage::Leaking, false) | (Stage::Firing, _) => "none seen",
        (Stage::GrowthStopped, _) => "growth has stopped; what was taken is still held",
        (Stage::Recovered, true) => "restarted, and it no longer grows",
        (Stage::Recovered, false) => "what was taken is given back, without a restart",
        (Stage::Withdrawn, _) => "none; it was withdrawn",
    };
    what.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::incident::{Figures, News, Report, Topic, step};

    fn incident() -> Incident {
        let report = Report {
            about: Topic {
                target: "api {id}".to_owned(),
                kind: Kind::Leak,
                subject: "rss_anon_bytes".to_owned(),
            },
            news: News::Leaking,
            at_seconds: 100.0,
            evidence_since_seconds: 0.0,
            run_start_seconds: None,
            onset_seconds: Some(40.0),
            severity: "warning",
            figures: Figures {
                unit: "bytes".to_owned(),
                level: Some(1024.0 * 1024.0),
                slope_per_second: Some(1024.0),
                cause: Some("entries".to_owned()),
                bytes_per_entry: Some(10240.0),
                ..Figures::default()
            },
            reason: "grows".to_owned(),
        };
        step(None, &report).expect("opened").0
    }

    #[test]
    fn every_message_says_what_is_known_and_what_is_not() {
        let templates = Templates::default();
        for (message, line) in [
            (Message::Alert, "Impact: 1.0 MiB (limit: unknown)"),
            (Message::Alert, "Target: api {id} (rss_anon_bytes)"),
            (Message::Update, "Current Usage: 1.0 MiB (was unknown at restart)"),
            (Message::Update, "Growth Rate: 3.5 MiB per hour"),
            (Message::Update, "Root Cause: grows with entries, 10.0 KiB per entry"),
            (Message::Resolution, "Fix Applied: none seen"),
        ] {
            let text = templates.render(message, &incident());
            assert!(text.contains(line), "{line}: {text}");
        }
    }

    #[test]
    fn an_alert_is_headed_by_what_it_is_of() {
        let of = |kind, unit: &str| {
            let mut incident = incident();
            incident.about.kind = kind;
            unit.clone_into(&mut incident.figures.unit);
            let text = Templates::default().render(Message::Alert, &incident);
            text.lines().next().map(str::to_owned)
        };
        for (kind, unit, line) in [
            (Kind::Leak, "bytes", "INCIDENT: memory leak detected"),
            (Kind::Inspection, "percent", "INCIDENT: memory leak detected"),
            (Kind::Leak, "fds", "INCIDENT: leak of fds detected"),
            (Kind::Rule, "bytes", "INCIDENT: rss_anon_bytes"),
        ] {
            assert_eq!(of(kind, unit).as_deref(), Some(line));
        }
    }

    #[test]
    fn a_name_that_stands_for_nothing_is_refused() {
        assert!(check("{target} leaks {growth_rate}").is_ok());
        assert!(check(ALERT).is_ok() && check(UPDATE).is_ok() && check(RESOLUTION).is_ok());
        for bad in ["{targets}", "{target", "{}"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
