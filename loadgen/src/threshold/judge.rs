//! Thresholds against what was measured.

use std::fmt::{self, Display, Formatter};

use serde::{Deserialize, Serialize};

use super::{Clocked, Metric, Statistic, Threshold};
use crate::{recording::Recording, report::seconds};

/// What there is to judge: a recording, and the spans that its rates are over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) recording: &'a Recording,
    /// In which requests were sent.
    pub(crate) sending_seconds: f64,
    /// From the start to the end of the last request.
    pub(crate) elapsed_seconds: f64,
}

/// A threshold and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judgement {
    /// The condition.
    pub threshold: Threshold,
    /// What was measured, in `unit`; none if nothing was.
    pub measured: Option<f64>,
    /// Unit of what was measured.
    pub unit: Unit,
    /// Whether the condition was kept.
    pub held: bool,
}

/// Unit of a measured value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Times.
    Seconds,
    /// Requests.
    Requests,
    /// A share of one.
    Share,
    /// Requests per second.
    PerSecond,
}

impl Threshold {
    /// Looks whether the evidence keeps it.
    pub(crate) fn judge(&self, evidence: Evidence<'_>) -> Judgement {
        let measured = self.metric.measure(evidence);
        Judgement {
            threshold: self.clone(),
            measured,
            unit: self.metric.unit(),
            held: self.holds_for(measured),
        }
    }
}

impl Metric {
    fn measure(self, evidence: Evidence<'_>) -> Option<f64> {
        let Evidence { recording, sending_seconds, elapsed_seconds } = evidence;
        let counts = recording.counts;
        let ended = counts.completed + counts.errors;
        let errors = |kind| match kind {
            None => counts.errors,
            Some(kind) => recording.errors[kind as usize],
        };
        match self {
            Self::Time(clocked, statistic) => statistic.measure(recording, clocked),
            Self::ErrorCount(kind) => Some(errors(kind) as f64),
            Self::ErrorShare(kind) => (ended > 0).then(|| errors(kind) as f64 / ended as f64),
            Self::SentRate => per(counts.sent, sending_seconds),
            Self::CompletedRate => per(counts.completed, elapsed_seconds),
        }
    }

    fn unit(self) -> Unit {
        match self {
            Self::Time(..) => Unit::Seconds,
            Self::ErrorCount(_) => Unit::Requests,
            Self::ErrorShare(_) => Unit::Share,
            Self::SentRate | Self::CompletedRate => Unit::PerSecond,
        }
    }
}

impl Statistic {
    fn measure(self, recording: &Recording, clocked: Clocked) -> Option<f64> {
        let histogram = match clocked {
            Clocked::Response => &recording.times.response,
            Clocked::Service => &recording.times.service,
            Clocked::Lateness => &recording.times.lateness,
        };
        let nanos = match self {
            Self::Quantile(quantile) => histogram.value_at_quantile(quantile) as f64,
            Self::Mean => histogram.mean(),
            Self::Min => histogram.min() as f64,
            Self::Max => histogram.max() as f64,
        };
        (!histogram.is_empty()).then_some(nanos / 1e9)
    }
}

fn per(count: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| count as f64 / seconds)
}

/// What was measured, with its unit.
impl Display for Judgement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.measured, self.unit) {
            (None, _) => write!(f, "nothing was measured"),
            (Some(value), Unit::Seconds) => f.write_str(&seconds(value)),
            (Some(value), Unit::Requests) => write!(f, "{value:.0}"),
            (Some(value), Unit::Share) => write!(f, "{:.2}%", 100.0 * value),
            (Some(value), Unit::PerSecond) => write!(f, "{value:.2}/s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::ErrorKind;

    /// 90 completed and 10 timeouts of 100 requests in 2 s, response times of 1 to 100 ms.
    fn recording() -> Recording {
        let mut recording = Recording::new().expect("valid bounds");
        (1..=100).for_each(|n| recording.times.response.saturating_record(n * 1_000_000));
        recording.counts.sent = 100;
        recording.counts.completed = 90;
        recording.counts.errors = 10;
        recording.errors[ErrorKind::Timeout as usize] = 10;
        recording
    }

    fn judge(text: &str, recording: &Recording) -> Judgement {
        let evidence = Evidence { recording, sending_seconds: 2.0, elapsed_seconds: 2.5 };
        text.parse::<Threshold>().expect(text).judge(evidence)
    }

    #[test]
    fn a_run_is_held_against_each_kind_of_threshold() {
        for (text, held, measured) in [
            ("p50<60ms", true, "50.0ms"),
            ("p99<60ms", false, "99.0ms"),
            ("max<=101ms", true, "100ms"),
            ("min>=999us", true, "1.00ms"),
            ("mean<50ms", false, "50.5ms"),
            ("errors<=10", true, "10"),
            ("errors<10%", false, "10.00%"),
            ("timeout<=10%", true, "10.00%"),
            ("closed<=0", true, "0"),
            ("rate>=50/s", true, "50.00/s"),
            ("completed_rate>36/s", false, "36.00/s"),
        ] {
            let judgement = judge(text, &recording());
            assert_eq!(
                (judgement.held, judgement.to_string().as_str()),
                (held, measured),
                "{text}"
            );
        }
    }

    #[test]
    fn a_run_without_requests_keeps_no_threshold_on_times_or_shares() {
        let nothing = Recording::new().expect("valid bounds");
        for text in ["p99<60ms", "service_mean<1s", "lateness_max<1s", "errors<1%"] {
            let judgement = judge(text, &nothing);
            assert_eq!((judgement.held, judgement.measured), (false, None), "{text}");
        }
    }
}
