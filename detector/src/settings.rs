//! What a user may set about the judgement.

use crate::{Observation, Signal};

/// Options of a [`crate::Watcher`]; the default judges every resource that it is shown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// Signals to judge; empty means every resource that the observations have: memory
    /// (`rss_anon_bytes` where present, else `rss_bytes`, `memory_used_percent`), `heap_bytes`,
    /// `fds`, `threads`, `tasks`, `processes`.
    pub signals: Vec<Signal>,
    /// Shortest stretch of growth that may be called a leak, in seconds; by default it follows
    /// from the sampling interval, the limit and the slope.
    pub confirm_seconds: Option<f64>,
    /// The memory limit, in the unit of the memory signal (bytes, or percent, where it is 100 by
    /// default); gives the time to the limit, and what is about to reach it is flagged sooner.
    pub limit: Option<f64>,
}

impl Settings {
    /// The limit of a signal, in its unit; things that are counted have none.
    pub(crate) fn limit_of(&self, signal: Signal) -> Option<f64> {
        match signal {
            Signal::MemoryUsedPercent => self.limit.or(Some(100.0)),
            signal if signal.is_bytes() => self.limit,
            _ => None,
        }
    }

    /// The signals of an observation that are to be judged.
    pub(crate) fn judged<'a>(
        &'a self,
        observation: &'a Observation,
    ) -> impl Iterator<Item = Signal> + 'a {
        let present = observation.signals.keys().copied();
        let anonymous = observation.signals.contains_key(&Signal::RssAnonBytes);
        present.filter(move |signal| {
            if self.signals.is_empty() {
                !(*signal == Signal::RssBytes && anonymous)
            } else {
                self.signals.contains(signal)
            }
        })
    }
}
