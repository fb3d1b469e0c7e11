//! Thresholds: what a run must keep to count as good, written as `p99<250ms` or `errors<1%`.
//!
//! This file owns what can be measured and how it is compared; `threshold/parse.rs` owns the
//! grammar, `threshold/judge.rs` the look at a run. A threshold on something that was never measured does not hold: want of data is no
//! success.

mod judge;
mod parse;

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

pub(crate) use self::judge::Evidence;
pub use self::{
    judge::{Judgement, Unit},
    parse::ThresholdError,
};
use crate::failure::ErrorKind;

/// One condition on a run. Read from text with [`str::parse`]; see [`ThresholdError`] for what is
/// refused.
///
/// | condition | what it asks |
/// |---|---|
/// | `p99<250ms` | response time at that percentile: `p50`, `p99`, `p99.9`, `p999` |
/// | `service_p50<=5ms` | `response_`, `service_` or `lateness_` before any time |
/// | `mean<20ms`, `max<1s`, `min>1ms` | the other statistics of times |
/// | `errors<1%`, `errors<=10` | failed requests, as a share of all that ended or as a count |
/// | `timeout<1%` | one kind of error: `connect`, `closed`, `status_5xx`, ... |
/// | `rate>4900/s`, `completed_rate>100/s` | requests sent, or completed, per time |
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Threshold {
    metric: Metric,
    comparison: Comparison,
    /// In the metric's base unit: seconds, share of one, requests, requests per second.
    bound: f64,
    /// As it was written, without spaces.
    text: String,
}

/// What a threshold looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Metric {
    Time(Clocked, Statistic),
    /// Of all kinds, or of one.
    ErrorCount(Option<ErrorKind>),
    /// Of all requests that ended.
    ErrorShare(Option<ErrorKind>),
    SentRate,
    CompletedRate,
}

/// Which of the three times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clocked {
    Response,
    Service,
    Lateness,
}

/// What of the times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Statistic {
    /// Above 0 and below 1.
    Quantile(f64),
    Mean,
    Min,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Below,
    AtMost,
    Above,
    AtLeast,
}

impl Threshold {
    /// No request may fail: what holds for a run that says nothing else about errors.
    pub fn no_errors() -> Self {
        Self {
            metric: Metric::ErrorCount(None),
            comparison: Comparison::AtMost,
            bound: 0.0,
            text: "errors<=0".to_owned(),
        }
    }

    /// The bound, in the metric's base unit: seconds, a share of one, requests, or per second.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// Whether it says something about failed requests.
    pub fn is_about_errors(&self) -> bool {
        matches!(self.metric, Metric::ErrorCount(_) | Metric::ErrorShare(_))
    }

    /// Whether a measured value, in the metric's base unit, keeps it.
    pub fn holds_for(&self, measured: Option<f64>) -> bool {
        measured.is_some_and(|value| match self.comparison {
            Comparison::Below => value < self.bound,
            Comparison::AtMost => value <= self.bound,
            Comparison::Above => value > self.bound,
            Comparison::AtLeast => value >= self.bound,
        })
    }
}

impl Display for Threshold {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl From<Threshold> for String {
    fn from(threshold: Threshold) -> Self {
        threshold.text
    }
}

impl TryFrom<String> for Threshold {
    type Error = ThresholdError;

    fn try_from(text: String) -> Result<Self, ThresholdError> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_threshold_is_kept_on_its_own_side_of_the_bound() {
        for (text, below, at, above) in [
            ("p99<250ms", true, false, false),
            ("p99<=250ms", true, true, false),
            ("p99>250ms", false, false, true),
            ("p99>=250ms", false, true, true),
        ] {
            let threshold: Threshold = text.parse().expect(text);
            let held = [0.2, 0.25, 0.3].map(|value| threshold.holds_for(Some(value)));
            assert_eq!(held, [below, at, above], "{text}");
        }
    }

    #[test]
    fn what_was_never_measured_keeps_no_threshold() {
        for text in ["p99<250ms", "p99>250ms", "errors<1%", "rate>1/s"] {
            assert!(!text.parse::<Threshold>().expect(text).holds_for(None), "{text}");
        }
    }

    #[test]
    fn a_threshold_is_text_in_data() {
        let threshold: Threshold = serde_json::from_str("\"errors < 1%\"").expect("valid");
        assert_eq!(serde_json::to_string(&threshold).expect("text"), "\"errors<1%\"");
        let refused = serde_json::from_str::<Threshold>("\"errors<1\u{2030}\"");
        assert!(refused.is_err(), "{refused:?}");
    }

    #[test]
    fn the_condition_of_a_plain_run_is_what_its_text_says() {
        assert_eq!("errors<=0".parse(), Ok(Threshold::no_errors()));
    }
}
