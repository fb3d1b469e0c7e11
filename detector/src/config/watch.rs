//! The sections of the watch: where it listens, where it keeps incidents, whom it tells, what it inspects.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::fields::{Fields, duration, parsed, text};
use super::targets::{NOT_SECURE, prefix, url};
use crate::Signal;
use crate::cli::Limit;
use crate::inspect::choice::Filter;
use crate::inspect::shard::Shard;
use crate::service::cron::Cron;
use crate::service::settings::{Inspection, Receiver, ReceiverKind, Settings};
use crate::service::template::{self, Templates};
use crate::source::address;

/// How long an inspection may take where nothing is said.
const TIME_LIMIT: Duration = Duration::from_mins(15);

/// Most receivers, and most inspections: each has a thread.
const MOST: usize = 32;

/// Reads what is about neither targets nor rules.
pub(super) fn read(file: &mut Fields<'_>) -> Settings {
    let mut settings = Settings::default();
    if let Some(listen) = file.get("listen", address) {
        settings.listen = listen;
    }
    if let Some(database) = file.get("database", text) {
        settings.database = PathBuf::from(database);
    }
    if let Some(retention) = file.get("retention", duration) {
        settings.retention = retention;
    }
    settings.receivers = file.map("notify").map(receivers).unwrap_or_default();
    settings.inspections = inspections(file);
    settings
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "expected an address with a port, such as 127.0.0.1:9477".to_owned())
}

fn receivers(mut notify: Fields<'_>) -> Vec<Receiver> {
    let mut receivers: Vec<Receiver> = Vec::new();
    for (key, kind) in [("alertmanagers", "alertmanager"), ("webhooks", "webhook")] {
        for mut fields in notify.maps(key) {
            let address = fields.require("url", url);
            let name = fields.get("name", text);
            let credentials = fields.get("credentials", prefix);
            let authority = fields.get("ca", text).map(PathBuf::from);
            let kind_of = match kind {
                "webhook" => ReceiverKind::Webhook(templates(fields.map("template"))),
                _ => ReceiverKind::Alertmanager,
            };
            if let Some(url) = address {
                let name = name.unwrap_or_else(|| format!("{kind} {}", host(&url)));
                if receivers.iter().any(|other| other.name == name) {
                    let what = format!("two receivers are named `{name}`; give one a `name`");
                    fields.report_at("url", what);
                }
                if authority.is_some() && !address::is_secure(&url) {
                    fields.report_at("ca", NOT_SECURE);
                }
                receivers.push(Receiver { name, url, kind: kind_of, credentials, authority });
            }
            fields.close();
        }
    }
    if receivers.len() > MOST {
        notify.report(format!("more than {MOST} receivers"));
    }
    notify.close();
    receivers
}

/// Host and port: what stands behind them may be a secret.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

fn templates(fields: Option<Fields<'_>>) -> Templates {
    let mut templates = Templates::default();
    if let Some(mut fields) = fields {
        for (key, text) in [
            ("alert", &mut templates.alert),
            ("update", &mut templates.update),
            ("resolution", &mut templates.resolution),
        ] {
            if let Some(given) = fields.get(key, template::check) {
                *text = given;
            }
        }
        fields.close();
    }
    templates
}

fn inspections(file: &mut Fields<'_>) -> Vec<Inspection> {
    let mut inspections: Vec<Inspection> = Vec::new();
    for mut fields in file.maps("inspections") {
        let inspection = inspection(&mut fields);
        if let Some(inspection) = inspection {
            if inspections.iter().any(|other| other.name == inspection.name) {
                let what = format!("two inspections are named `{}`", inspection.name);
                fields.report_at("name", what);
            }
            inspections.push(inspection);
        }
        fields.close();
    }
    if inspections.len() > MOST {
        file.report_at("inspections", format!("more than {MOST} inspections"));
    }
    inspections
}

fn inspection(fields: &mut Fields<'_>) -> Option<Inspection> {
    let name = fields.require("name", text);
    let hourly = || "0 * * * *".parse().ok();
    let cron: Option<Cron> = if fields.has("cron") { fields.get("cron", parsed) } else { hourly() };
    let server = fields.require("url", url);
    let query = fields.require("query", text);
    let time_limit = fields.get("time_limit", duration).unwrap_or(TIME_LIMIT);
    let span = |text: &str| duration(text).map(|_| text.to_owned());
    let mut options = Vec::new();
    options.extend(fields.get("over", span).map(|value| ("--over", value)));
    options.extend(fields.get("step", span).map(|value| ("--step", value)));
    options.extend(fields.get("confirm", span).map(|value| ("--confirm", value)));
    options.extend(fields.get("host_label", text).map(|value| ("--host-label", value)));
    let signal = fields.get("signal", parsed::<Signal>);
    options.extend(signal.map(|value| ("--signal", value.to_string())));
    let limit = fields.get("limit", |text| parsed::<Limit>(text).map(|_| text.to_owned()));
    options.extend(limit.map(|value| ("--limit", value)));
    let shard = fields.get("shard", |text| parsed::<Shard>(text).map(|_| text.to_owned()));
    options.extend(shard.map(|value| ("--shard", value)));
    let hosts = fields.list("include", text).into_iter();
    options.extend(hosts.map(|host| ("--include", host)));
    let filters = fields.list("filters", |text| parsed::<Filter>(text).map(|_| text.to_owned()));
    options.extend(filters.into_iter().map(|filter| ("--filter", filter)));
    options.extend(fields.get("ca", text).map(|file| ("--ca", file)));
    Some(Inspection { name: name?, cron: cron?, url: server?, query: query?, time_limit, options })
}
