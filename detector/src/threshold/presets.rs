//! The rules that teams have agreed on, by the names under which they know them.
//!
//! First those of the alerts for a Django application, then the bands of an API's runbook, whose base is the usage at
//! rest, its peak the highest within an hour. MB there are MiB here, as in the rules for Prometheus.

use super::{Condition, Figure, Measure, Rule, Severity};
use Severity::{Critical, Warning};

const MIB: f64 = 1_048_576.0;
const GIB: f64 = 1024.0 * MIB;
const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// What stands in place of a name that only the user knows.
const UNNAMED: &str = "";

impl Rule {
    /// Every rule that has a name; those about a counter or a gauge of the user's own have yet to be told which
    /// ([`Rule::is_complete`]).
    pub fn presets() -> Vec<Self> {
        let memory = |name, severity, measure, threshold, minutes| {
            above(name, severity, measure, Figure::Memory, HOUR, threshold, minutes)
        };
        let named = |name, measure, of: &str, window_seconds, threshold, minutes| {
            let of = Figure::Named(of.to_owned());
            above(name, Warning, measure, of, window_seconds, threshold, minutes)
        };
        let plain = |name: &str, condition, minutes: f64| Self {
            name: name.to_owned(),
            severity: Warning,
            condition,
            hold_seconds: minutes * MINUTE,
        };
        vec![
            memory("HighMemoryGrowthRate", Warning, Measure::Growth, 10.0 * MIB, 30.0),
            memory("CriticalMemoryGrowthRate", Critical, Measure::Growth, 50.0 * MIB, 15.0),
            named(
                "MemoryLeakEventsDetected",
                Measure::Events,
                "memory_growth_events_total",
                HOUR,
                5.0,
                0.0,
            ),
            named("HighObjectGrowth", Measure::Growth, UNNAMED, HOUR, 1000.0, 30.0),
            memory("HighMemoryUsage", Warning, Measure::Level, 500.0 * MIB, 10.0),
            memory("CriticalMemoryUsage", Critical, Measure::Level, GIB, 5.0),
            named("ExcessiveGarbageCollection", Measure::Rate, UNNAMED, 5.0 * MINUTE, 10.0, 15.0),
            plain("MemoryMetricsMissing", Condition::Missing(Figure::Memory), 10.0),
            plain("MetricsAuthenticationFailure", Condition::Refused, 0.0),
            plain("MetricsServerError", Condition::Failing, 0.0),
            memory("ContainerMemoryGrowthRate", Warning, Measure::Growth, 20.0 * MIB, 30.0),
            memory("ContainerHighMemoryUsage", Warning, Measure::Level, 800.0 * MIB, 10.0),
            memory("ServiceMemoryUsage", Critical, Measure::Level, 2.0 * GIB, 5.0),
            memory("BaseMemoryWarning", Warning, Measure::Base, 800.0 * MIB, 0.0),
            memory("BaseMemoryCritical", Critical, Measure::Base, 1.5 * GIB, 0.0),
            memory("PeakMemoryWarning", Warning, Measure::Peak, 1.5 * GIB, 0.0),
            memory("PeakMemoryCritical", Critical, Measure::Peak, 2.0 * GIB, 0.0),
            memory("MemoryGrowthWarning", Warning, Measure::Growth, 50.0 * MIB, 0.0),
            memory("MemoryGrowthCritical", Critical, Measure::Growth, 100.0 * MIB, 0.0),
        ]
    }

    /// The rule of that name.
    pub fn preset(name: &str) -> Option<Self> {
        Self::presets().into_iter().find(|rule| rule.name == name)
    }

    /// Whether it is known which figure it is about.
    pub fn is_complete(&self) -> bool {
        match &self.condition {
            Condition::Above { of, .. } | Condition::Missing(of) => {
                *of != Figure::Named(UNNAMED.to_owned())
            }
            Condition::Refused | Condition::Failing => true,
        }
    }
}

fn above(
    name: &str,
    severity: Severity,
    measure: Measure,
    of: Figure,
    window_seconds: f64,
    threshold: f64,
    minutes: f64,
) -> Rule {
    Rule {
        name: name.to_owned(),
        severity,
        condition: Condition::Above { measure, of, window_seconds, threshold },
        hold_seconds: minutes * MINUTE,
    }
}
