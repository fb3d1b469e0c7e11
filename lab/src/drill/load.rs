//! The requests of a drill: how many, how spaced, and how many are given up.

use serde::{Deserialize, Serialize};

/// How requests are spaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// Evenly.
    Constant,
    /// At random and independently, from the seed.
    Poisson,
}

/// The open-loop load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// Requests per second.
    pub rate_per_second: f64,
    /// Their spacing.
    pub arrivals: Arrivals,
    /// Keep-alive connections.
    pub connections: u32,
    /// Seed of the schedule.
    pub seed: u64,
    /// The part of the clients that go away before their reply, 0 to .99.
    pub abort_share: f64,
    /// How the rate goes up and down, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub swing: Option<Swing>,
}

/// A rate that goes evenly from the load's own to another and back, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Swing {
    /// The other rate, in requests per second.
    pub to_per_second: f64,
    /// There and back.
    pub period_seconds: f64,
}

impl Load {
    /// Requests per second on average.
    pub fn mean_rate_per_second(&self) -> f64 {
        let other = self.swing.map_or(self.rate_per_second, |swing| swing.to_per_second);
        f64::midpoint(self.rate_per_second, other)
    }

    /// Requests per second where the load is highest.
    pub fn highest_rate_per_second(&self) -> f64 {
        self.swing
            .map_or(self.rate_per_second, |swing| self.rate_per_second.max(swing.to_per_second))
    }
}
