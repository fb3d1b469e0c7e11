//! `watch`: looks at all targets of a configuration file, for as long as it runs.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::outcome::{Refusal, chain};
use super::{Outcome, Ran};
use crate::config::Config;
use crate::service::{self, Service};

const EXAMPLES: &str = "\
Examples:
  detector watch --config detector.yaml
  detector watch --config detector.yaml --check-config
  detector watch --config /etc/detector.yaml --listen 0.0.0.0:9477 --database /data/detector.db
  curl -s '127.0.0.1:9477/api/v1/incidents?state=open'

SIGHUP reads the file again: a bad one is refused, and the old one stays in use. SIGTERM and SIGINT
end it. With DETECTOR_API_TOKEN in the environment, all but /health asks for it as a bearer token.
docs/watch.md describes the file, the database, the notifications and the API.

Exit codes: 0 ended by a signal, or the configuration is sound (--check-config); 2 could not run.";

/// Watch all targets of a configuration file, keep incidents, and notify
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The configuration [default: $`DETECTOR_CONFIG`, else ./detector.yaml, else /etc/detector.yaml].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where questions are answered, instead of where the file says.
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,

    /// Where incidents are kept, instead of where the file says.
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,

    /// Only say whether the configuration is sound.
    #[arg(long)]
    check_config: bool,
}

/// The configuration needs something to do.
#[derive(Debug, thiserror::Error)]
#[error("nothing to watch: the configuration has neither targets nor inspections")]
struct Nothing;

pub fn run(args: &Args) -> Ran {
    let config = load(args)?;
    if args.check_config {
        let (targets, rules) = (config.targets.len(), config.rules.len());
        let (receivers, inspections) =
            (config.watch.receivers.len(), config.watch.inspections.len());
        println!(
            "sound: {targets} targets, {rules} rules, {receivers} receivers, {inspections} inspections"
        );
        return Ok(Outcome::Steady);
    }
    // Before anything is started, so that none is lost.
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM])?;
    let token = std::env::var(service::TOKEN).ok().filter(|token| !token.is_empty());
    let mut service = Service::start(&config, token)?;
    eprintln!("watch: {} targets, listening on {}", config.targets.len(), service.address());
    for signal in signals.forever() {
        if signal != SIGHUP {
            break;
        }
        reload(args, &config, &mut service)?;
    }
    eprintln!("watch: ending");
    service.stop();
    Ok(Outcome::Steady)
}

fn reload(args: &Args, started: &Config, service: &mut Service) -> Result<(), Refusal> {
    match load(args) {
        Ok(config) => {
            let (new, old) = (&config.watch, &started.watch);
            if new.listen != old.listen || new.database != old.database {
                eprintln!("watch: `listen` and `database` stay as they are until the next start");
            }
            service.configure(&config)?;
            eprintln!("watch: read the configuration again, {} targets", config.targets.len());
        }
        Err(refusal) => {
            let why: Vec<String> = refusal.0.iter().map(|error| chain(error.as_ref())).collect();
            for error in &why {
                eprintln!("watch: the new configuration is refused: {error}");
            }
            service.refuse(why.join("; "));
        }
    }
    Ok(())
}

fn load(args: &Args) -> Result<Config, Refusal> {
    let config = Config::load(args.config.as_deref());
    let boxed = |error| Box::new(error) as Box<dyn Error>;
    let mut config = config.map_err(|errors| Refusal(errors.into_iter().map(boxed).collect()))?;
    if config.targets.is_empty() && config.watch.inspections.is_empty() {
        return Err(Nothing.into());
    }
    let faults = service::check(&config);
    if !faults.is_empty() {
        return Err(Refusal(faults));
    }
    config.watch.listen = args.listen.unwrap_or(config.watch.listen);
    if let Some(database) = &args.database {
        config.watch.database.clone_from(database);
    }
    Ok(config)
}
