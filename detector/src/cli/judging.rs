//! The options about the judgement that both commands share.

use std::time::Duration;

use super::units::Limit;
use crate::{Settings, Signal};

/// Memory signals, of which the first that is there is the one to judge.
const RESIDENT: [Signal; 2] = [Signal::RssAnonBytes, Signal::RssBytes];

#[derive(Debug, clap::Args)]
pub struct Judging {
    /// Judge only this signal; may be repeated.
    ///
    /// One of `rss_anon_bytes`, `rss_bytes`, `memory_used_percent`, `heap_bytes`, `fds`,
    /// `threads`, `tasks`, `processes`. Without it every one that is there is judged, `rss_bytes`
    /// only where `rss_anon_bytes` is not known: mapped files are no leak.
    #[arg(long = "signal", value_name = "NAME")]
    pub signals: Vec<Signal>,

    /// Shortest growth that may be called a leak, for example 10s or 4m.
    ///
    /// A cache that fills is a leak until it is full, for all that anyone can see; ask for more
    /// than your caches take to fill. Default: half of the time watched (`check`); 12 minutes, or
    /// 96 samples if those take longer (`replay`), three times as many samples where no calm came
    /// before the growth, and less of what is about to reach the limit.
    #[arg(long, value_name = "DURATION", value_parser = humantime::parse_duration)]
    pub confirm: Option<Duration>,
}

impl Judging {
    /// The settings of the core.
    pub fn settings(&self, limit: Option<Limit>) -> Settings {
        Settings {
            signals: self.signals.clone(),
            confirm_seconds: self.confirm.map(|confirm| confirm.as_secs_f64()),
            limit: limit.map(Limit::value),
        }
    }

    /// The signals to judge among those that are there.
    pub fn judged(&self, there: &[Signal]) -> Vec<Signal> {
        let asked = |signal: &Signal| {
            if self.signals.is_empty() {
                *signal != RESIDENT[1] || !there.contains(&RESIDENT[0])
            } else {
                self.signals.contains(signal)
            }
        };
        there.iter().copied().filter(asked).collect()
    }
}
