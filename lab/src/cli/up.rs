//! `leaklab up`: the lab in one terminal, without Docker.

use clap::Args;

use super::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::quantity::{parse_rate, parse_seconds, parse_size};
use crate::up::{self, Screen, Settings};

/// Keep the lab up in this terminal: service, gentle load and detector, without Docker.
///
/// The service is a process of its own on loopback. When its resident anonymous memory reaches
/// the limit it is killed with SIGKILL and started again, with every leak off, as a container with
/// a limit and a restart policy is. There is no control group here, so memory is watched from
/// outside, ten times a second: it may be above the limit for so long. The detector narrates here, and answers on a port of its
/// own as `detector watch` does. Stdout has two lines: the addresses of both.
///
/// Exit codes: 0 ended by Ctrl-C or SIGTERM; 2 could not run.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Port of the service on loopback; 0 takes any free one
    #[arg(long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Port of the detector's API on loopback; 0 takes any free one, 'none' leaves it out. Where it is taken the lab goes on without
    #[arg(long, value_name = "PORT", default_value = "9477", value_parser = port)]
    detector_port: Amount<u16>,
    /// Load on /api/data, such as 5/s; 'none' for no load
    #[arg(long, value_name = "RATE", default_value = "20/s", value_parser = rate)]
    rate: Amount<f64>,
    /// Memory at which the service is killed and started again; 'none' lifts it
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = limit)]
    limit: Amount<u64>,
    /// Growth that has lasted so long is called a leak, 10s or more
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = confirm)]
    confirm: f64,
}

/// A value, or `none`. (clap takes an `Option` for a flag that may be left out.)
#[derive(Clone, Copy, Debug)]
struct Amount<T>(Option<T>);

/// The detector judges nothing on less than ten looks, and looks once a second.
const SHORTEST_CONFIRM_SECONDS: f64 = 10.0;
/// A limit that a service without any leak stays below.
const SMALLEST_LIMIT_BYTES: u64 = 32 << 20;
/// What one load generator of the lab is asked for at most.
const HIGHEST_RATE_PER_SECOND: f64 = 10_000.0;

fn port(text: &str) -> Result<Amount<u16>, String> {
    if text == "none" {
        return Ok(Amount(None));
    }
    let port = text.parse().map_err(|_| "expected a port, 0 to 65535, or 'none'".to_owned())?;
    Ok(Amount(Some(port)))
}

fn rate(text: &str) -> Result<Amount<f64>, String> {
    if text == "none" {
        return Ok(Amount(None));
    }
    let rate = parse_rate(text)?;
    let possible = rate > 0.0 && rate <= HIGHEST_RATE_PER_SECOND;
    possible
        .then_some(Amount(Some(rate)))
        .ok_or_else(|| format!("above 0/s and up to {HIGHEST_RATE_PER_SECOND}/s, or 'none'"))
}

fn limit(text: &str) -> Result<Amount<u64>, String> {
    if text == "none" {
        return Ok(Amount(None));
    }
    let limit = parse_size(text)?;
    (limit >= SMALLEST_LIMIT_BYTES).then_some(Amount(Some(limit))).ok_or_else(|| {
        "32MiB or more (the service itself takes some 10MiB, and more while it reads symbols), or \
         'none'"
            .to_owned()
    })
}

fn confirm(text: &str) -> Result<f64, String> {
    let seconds = parse_seconds(text)?;
    let possible = seconds >= SHORTEST_CONFIRM_SECONDS;
    possible.then_some(seconds).ok_or_else(|| "10s or more".to_owned())
}

pub(super) fn run(args: &UpArgs) -> Result<Exit, Failure> {
    let interrupt = Interrupt::listen()?;
    let settings = Settings {
        port: args.port,
        detector_port: args.detector_port.0,
        rate_per_second: args.rate.0,
        limit_bytes: args.limit.0,
        confirm_seconds: args.confirm,
    };
    up::run(settings, std::env::current_exe()?, &interrupt, &mut Screen::on_stderr())?;
    Ok(Exit::AsExpected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_sense_is_refused_and_none_is_none() {
        assert_eq!(rate("5/s").map(|rate| rate.0), Ok(Some(5.0)));
        assert_eq!(rate("none").map(|rate| rate.0), Ok(None));
        assert_eq!(limit("none").map(|limit| limit.0), Ok(None));
        for bad in ["0/s", "-1/s", "20000/s", "5"] {
            assert!(rate(bad).is_err(), "{bad} was accepted");
        }
        assert_eq!(port("none").map(|port| port.0), Ok(None));
        assert_eq!(port("0").map(|port| port.0), Ok(Some(0)));
        assert!(port("65536").is_err() && port("").is_err());
        assert!(limit("1MiB").is_err() && limit("256").is_err());
        assert!(confirm("1s").is_err() && confirm("30").is_err());
    }
}
