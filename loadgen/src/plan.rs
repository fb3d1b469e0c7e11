//! The plan: what load to send where. Raw options become a [`Plan`] in one checking step that
//! reports every problem at once; whoever holds a `Plan` holds something that can be run.

mod problem;
mod rate;
mod target;

use std::time::Duration;

pub use problem::{Problem, Problems};
pub use rate::{Rate, RateError};
pub use target::{Target, TargetError};

use crate::schedule::Schedule;

/// Longest run: a week.
const MAX_DURATION: Duration = Duration::from_hours(7 * 24);
/// Most connections of one generator; each may need 64 KiB for replies.
const MAX_CONNECTIONS: usize = 10_000;
/// Longest wait for one reply; far below the hour that the histograms hold.
const MAX_TIMEOUT: Duration = Duration::from_mins(10);
/// Largest backlog: 2^20 arrivals of 16 bytes, 16 MiB.
const MAX_BACKLOG: usize = 1 << 20;
/// Smallest default backlog, so that bursts fit at low rates too.
const MIN_DEFAULT_BACKLOG: usize = 1024;

/// How arrivals are spread in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly: the n-th arrival at n / rate, exactly.
    Constant,
    /// Independently of one another, as many unrelated users do: exponential gaps.
    Poisson,
}

impl std::fmt::Display for Arrivals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Constant => "constant",
            Self::Poisson => "poisson",
        })
    }
}

impl std::str::FromStr for Arrivals {
    type Err = ArrivalsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "constant" => Ok(Self::Constant),
            "poisson" => Ok(Self::Poisson),
            _ => Err(ArrivalsError),
        }
    }
}

/// The name is no kind of arrivals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is neither `constant` nor `poisson`")]
pub struct ArrivalsError;

/// Options of a plan before they are checked. [`PlanOptions::new`] has the defaults.
#[derive(Debug, Clone)]
pub struct PlanOptions {
    /// Where the load goes, `http://HOST:PORT/PATH`; see [`Target`].
    pub url: String,
    /// Arrivals per time, as `200/s`; see [`Rate`].
    pub rate: String,
    /// How the arrivals are spread.
    pub arrivals: Arrivals,
    /// Seed of the Poisson gaps; constant arrivals ignore it.
    pub seed: u64,
    /// Keep-alive connections, 1 to 10,000, all opened before the clock starts.
    pub connections: usize,
    /// How long arrivals go on, at most a week.
    pub duration: Duration,
    /// How long an arrival may wait for a free connection, and then once more how long its
    /// request may take; 1 ms to 10 min.
    pub timeout: Duration,
    /// Arrivals that may wait for a free connection at once, 1 to 1,048,576. By default as many
    /// as come in one `timeout`, and at least 1024.
    pub backlog: Option<usize>,
    /// The run is invalid if the generator itself was later than this with more than 1 % of the
    /// arrivals; at least 1 us.
    pub max_lateness: Duration,
}

impl PlanOptions {
    /// The defaults: constant arrivals, seed 0, 10 connections, 5 s of timeout, 10 ms of lateness.
    pub fn new(url: impl Into<String>, rate: impl Into<String>, duration: Duration) -> Self {
        Self {
            url: url.into(),
            rate: rate.into(),
            arrivals: Arrivals::Constant,
            seed: 0,
            connections: 10,
            duration,
            timeout: Duration::from_secs(5),
            backlog: None,
            max_lateness: Duration::from_millis(10),
        }
    }

    /// Checks all options and names every problem at once.
    pub fn check(self) -> Result<Plan, Problems> {
        let mut problems = Problems::default();
        let target = problems.parse::<Target>("URL", &self.url);
        let rate = problems.parse::<Rate>("rate", &self.rate);
        let micro = Duration::from_micros(1);
        let milli = Duration::from_millis(1);
        problems.count_within("connections", self.connections, 1, MAX_CONNECTIONS);
        problems.time_within("duration", self.duration, milli, MAX_DURATION);
        problems.time_within("timeout", self.timeout, milli, MAX_TIMEOUT);
        problems.time_within("max-lateness", self.max_lateness, micro, MAX_TIMEOUT);
        if let Some(backlog) = self.backlog {
            problems.count_within("backlog", backlog, 1, MAX_BACKLOG);
        }
        match (target, rate) {
            (Some(target), Some(rate)) => problems.or(Plan { options: self, target, rate }),
            _ => Err(problems),
        }
    }
}

/// A checked plan, ready to be run.
#[derive(Debug, Clone)]
pub struct Plan {
    options: PlanOptions,
    target: Target,
    rate: Rate,
}

impl Plan {
    /// The options that the plan was checked from.
    pub fn options(&self) -> &PlanOptions {
        &self.options
    }

    /// Where the load goes.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Arrivals per time.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Arrivals that may wait for a free connection at once.
    pub fn backlog(&self) -> usize {
        let in_one_timeout = self.rate.per_second() * self.options.timeout.as_secs_f64();
        let default = (in_one_timeout.ceil() as usize).clamp(MIN_DEFAULT_BACKLOG, MAX_BACKLOG);
        self.options.backlog.unwrap_or(default)
    }

    /// The intended instants of all arrivals, from the start.
    pub fn schedule(&self) -> Schedule {
        let PlanOptions { arrivals, seed, duration, .. } = self.options;
        Schedule::new(self.rate, arrivals, seed, duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> PlanOptions {
        PlanOptions::new("http://localhost:8080/", "200/s", Duration::from_secs(10))
    }

    #[test]
    fn the_defaults_make_a_plan() {
        let plan = options().check().expect("the defaults are valid");
        assert_eq!(plan.backlog(), 1024);
        assert_eq!(plan.schedule().count(), 2000);
    }

    #[test]
    fn the_default_backlog_holds_one_timeout_of_arrivals() {
        let mut options = options();
        options.rate = "5000/s".to_owned();
        assert_eq!(options.check().expect("valid").backlog(), 25_000);
    }

    #[test]
    fn every_problem_is_named_at_once() {
        let mut options = PlanOptions::new("https://host/", "0/s", Duration::ZERO);
        options.connections = 0;
        options.timeout = Duration::from_hours(1);
        options.backlog = Some(0);
        options.max_lateness = Duration::ZERO;
        let problems = options.check().expect_err("seven problems");
        let places: Vec<_> = problems.iter().map(|problem| problem.place).collect();
        let all = ["URL", "rate", "connections", "duration", "timeout", "max-lateness", "backlog"];
        assert_eq!(places, all);
    }
}
