//! `leaklab bench live`: the user's own monitoring watches drills.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::selection::select;
use super::{Exit, Failure};
use crate::bench::live::report::Report;
use crate::bench::live::webhook::Webhook;
use crate::bench::live::{self, Firing, Plan};
use crate::interrupt::Interrupt;

/// Let your own monitoring watch drills: when does it fire, and when does it resolve?
///
/// Each drill starts the leaky service where your Prometheus scrapes it, loads it, switches the leak on
/// at a known instant, waits for a webhook of your Alertmanager, fixes the leak, and waits for the end
/// of the alert. It goes on in real time, so your rules' own `for` decides how long that takes.
///
/// Exit codes: 0 every leak was told and resolved, and nothing else; 1 a miss or a false alarm; 2 a drill
/// could not run; 130 interrupted.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, with a receiver `webhook_configs: [{url: 'http://127.0.0.1:9099/', send_resolved: true}]` in Alertmanager and a
target `127.0.0.1:8080` in Prometheus:
  leaklab bench live cache bounded_cache --listen 127.0.0.1:9099 --serve 127.0.0.1:8080 --alert MemoryHigh")]
pub struct LiveArgs {
    /// Shipped drills by name, or drill files; by default the standard drills
    #[arg(value_name = "NAME|FILE")]
    drills: Vec<String>,
    /// Where Alertmanager's webhooks are received
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9099")]
    listen: SocketAddr,
    /// Where the service listens, for your Prometheus to scrape /metrics
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    serve: SocketAddr,
    /// Only this alert counts; may be repeated. Without it every alert does
    #[arg(long = "alert", value_name = "ALERTNAME")]
    alerts: Vec<String>,
    /// How long to wait for an alert after the injection
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15m")]
    fire_within: Duration,
    /// How long to wait for its end after the fix
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration, default_value = "15m")]
    resolve_within: Duration,
    /// How to write the result
    #[arg(long, value_enum, default_value_t = LiveFormat::Text)]
    format: LiveFormat,
}

/// A form of results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LiveFormat {
    /// A table for people
    Text,
    /// JSON with a `schema_version`
    Json,
}

pub(super) fn run(args: &LiveArgs) -> Result<Exit, Failure> {
    let Some(selected) = select(&args.drills) else { return Ok(Exit::CouldNotRun) };
    let webhook = Webhook::listen(args.listen)
        .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
    let plan = Plan {
        program: std::env::current_exe()?,
        serve: args.serve,
        alerts: args.alerts.clone(),
        fire_within: args.fire_within,
        resolve_within: args.resolve_within,
        interrupt: Interrupt::listen()?,
    };
    eprintln!(
        "webhooks at http://{}/, metrics at http://{}/metrics",
        webhook.address(),
        plan.serve
    );
    let mut firing = Firing::default();
    let mut outcomes = Vec::new();
    for selected in &selected {
        outcomes.push(live::run(&selected.drill, &plan, &webhook, &mut firing));
        if plan.interrupt.is_set() {
            break;
        }
    }
    let report = Report::new(outcomes);
    let mut out = io::stdout().lock();
    match args.format {
        LiveFormat::Text => out.write_all(report.text().as_bytes())?,
        LiveFormat::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
    }
    Ok(if plan.interrupt.is_set() {
        Exit::Interrupted
    } else if report.drills.iter().any(|one| one.problem.is_some()) {
        Exit::CouldNotRun
    } else if report.drills.iter().all(live::report::Outcome::is_good) {
        Exit::AsExpected
    } else {
        Exit::Finding
    })
}
