//! Rules beside the core: fixed thresholds, for those who have agreed on some.
//!
//! A rule sees one figure and not the shape of a curve, so those about growth also fire on a long warm-up; the
//! [`Watcher`](crate::Watcher) tells these apart. A [`Guard`] runs one [`Rule`] on one target: a function of values like
//! the core, in constant memory, to which a look that failed is no sign of health.

mod guard;
#[cfg(feature = "tool")]
mod keys;
mod presets;
#[cfg(test)]
mod tests;
mod window;

use std::collections::BTreeMap;
use std::fmt;

use bytesize::ByteSize;
use serde::Serialize;

pub use guard::{Guard, Look, Transition};
#[cfg(feature = "tool")]
pub use keys::{BadKey, KEYS};

use crate::{Observation, Signal, reason};

/// One rule: a condition that has to hold for so long without a break.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// The name of the alert.
    pub name: String,
    /// How soon somebody has to look.
    pub severity: Severity,
    /// What must hold.
    pub condition: Condition,
    /// For so long, in seconds; with 0 at once.
    pub hold_seconds: f64,
}

/// How soon somebody has to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Today.
    Warning,
    /// Now.
    Critical,
}

impl Severity {
    /// The name in files and labels.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// What a rule asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A measure of a figure is above a threshold.
    Above {
        /// What is measured.
        measure: Measure,
        /// Of what.
        of: Figure,
        /// Over the latest so many seconds; a level needs none.
        window_seconds: f64,
        /// The threshold, in the unit of the measure.
        threshold: f64,
    },
    /// The figure is not there, or nothing is.
    Missing(Figure),
    /// We are refused: credentials are missing or wrong.
    Refused,
    /// Whoever should tell fails itself: a status of 500 or more.
    Failing,
}

/// What is measured of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Its value, in its own unit.
    Level,
    /// Its lowest value in the window: the usage at rest.
    Base,
    /// Its highest value in the window.
    Peak,
    /// Its slope over the window, in its unit per hour: the median of the slopes of all pairs of a sixtieth of the
    /// window (Theil and Sen), if growth is certain. A few outliers, or a sawtooth that stays level, do not move it.
    Growth,
    /// By how much a counter rose in the window. A fall is a counter that began anew.
    Events,
    /// The same per second.
    Rate,
}

/// Which number of a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Figure {
    /// Anonymous memory where it is known, else resident memory, in bytes; of a container that of its cgroup.
    Memory,
    /// A signal, in its unit.
    Signal(Signal),
    /// A gauge, a counter, or `requests_total`, by name; with labels in braces those series that have them.
    Named(String),
}

impl Figure {
    /// Its value among what was seen; a number that is none counts as absent.
    fn of(&self, seen: &Observation, named: &BTreeMap<String, f64>) -> Option<f64> {
        let value = match self {
            Self::Memory | Self::Signal(_) => {
                self.signals().iter().find_map(|signal| seen.signals.get(signal).copied())
            }
            Self::Named(name) if name == "requests_total" => seen.requests_total,
            Self::Named(name) => named.get(name).or_else(|| seen.gauges.get(name)).copied(),
        };
        value.filter(|value| value.is_finite())
    }

    /// The signals that tell it, best first; none where it is known by its name alone.
    pub fn signals(&self) -> &[Signal] {
        match self {
            Self::Memory => &[Signal::RssAnonBytes, Signal::RssBytes],
            Self::Signal(signal) => std::slice::from_ref(signal),
            Self::Named(_) => &[],
        }
    }

    /// Its unit: `bytes`, `percent`, or the name of what is counted.
    pub fn unit(&self) -> &str {
        match self {
            Self::Memory => "bytes",
            Self::Signal(signal) if signal.is_bytes() => "bytes",
            Self::Signal(Signal::MemoryUsedPercent) => "percent",
            Self::Signal(signal) => signal.name(),
            Self::Named(name) if name.ends_with("_bytes") => "bytes",
            Self::Named(name) => name,
        }
    }

    /// A value of it with its unit, for people.
    fn amount(&self, value: f64) -> String {
        match self {
            Self::Memory => reason::amount(Signal::RssBytes, value),
            Self::Signal(signal) if signal.is_bytes() => reason::amount(*signal, value),
            Self::Signal(Signal::MemoryUsedPercent) => format!("{value} %"),
            Self::Named(name) if name.ends_with("_bytes") => ByteSize::b(value as u64).to_string(),
            Self::Signal(_) | Self::Named(_) => format!("{value}"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory"),
            Self::Signal(signal) => signal.fmt(f),
            Self::Named(name) => f.write_str(name),
        }
    }
}

impl Rule {
    /// The gauge or counter that a source must be asked for by name, if the rule needs one: an [`Observation`] has no
    /// counters, only those gauges that may be a cause, and each of these by all of its labels.
    pub fn asks_for(&self) -> Option<&str> {
        match &self.condition {
            Condition::Above { of: Figure::Named(name), .. }
            | Condition::Missing(Figure::Named(name))
                if name != "requests_total" =>
            {
                Some(name)
            }
            _ => None,
        }
    }

    /// Whether it is about how often something happens, which counters tell.
    pub fn counts(&self) -> bool {
        matches!(
            self.condition,
            Condition::Above { measure: Measure::Events | Measure::Rate, of: Figure::Named(_), .. }
        )
    }

    /// A value of what it measures with its unit, for people.
    pub fn amount(&self, value: f64) -> String {
        match &self.condition {
            Condition::Above { measure, of, .. } => match measure {
                Measure::Level | Measure::Base | Measure::Peak => of.amount(value),
                Measure::Growth => format!("{} per hour", of.amount(value)),
                Measure::Events => format!("{value:.0}"),
                Measure::Rate => format!("{value:.1} per second"),
            },
            Condition::Missing(_) | Condition::Refused | Condition::Failing => format!("{value}"),
        }
    }
}

/// What the rule says, as a sentence: "memory grows by more than 10.0 MiB per hour, for 30 min".
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.condition {
            Condition::Above { measure, of, window_seconds, threshold } => {
                let (above, window) = (self.amount(*threshold), reason::span(*window_seconds));
                match measure {
                    Measure::Level => write!(f, "{of} is above {above}"),
                    Measure::Base => write!(f, "{of} was never below {above} in {window}"),
                    Measure::Peak => write!(f, "{of} was above {above} within {window}"),
                    Measure::Growth => write!(f, "{of} grows by more than {above}"),
                    Measure::Events => write!(f, "{of} rose by more than {above} within {window}"),
                    Measure::Rate => write!(f, "{of} rises by more than {above}"),
                }
            }
            Condition::Missing(of) => write!(f, "{of} is missing"),
            Condition::Refused => f.write_str("the metrics page refuses our credentials"),
            Condition::Failing => f.write_str("the metrics page answers with an error of its own"),
        }?;
        if self.hold_seconds > 0.0 {
            write!(f, ", for {}", reason::span(self.hold_seconds))?;
        }
        Ok(())
    }
}
