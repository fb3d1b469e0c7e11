//! Outcomes added up: precision, recall, F1, delay, false alarms per day, recovery.

use serde::Serialize;

use super::f1::{self, Counts};
use super::interval::{self, Estimate};
use super::nab;
use super::outcome::Outcome;

const DAY_SECONDS: f64 = 86_400.0;

/// The score of one detector on some traces.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Score {
    /// Traces that it was scored on.
    pub traces: usize,
    /// Those of them that leak.
    pub leaks: usize,
    /// Leaks that were detected.
    pub detected: usize,
    /// Traces with a false alarm.
    pub traces_with_false_alarms: usize,
    /// The same without those whose false alarms are all forgiven.
    pub traces_with_lasting_false_alarms: usize,
    /// Detected, of detected and traces with a false alarm.
    pub precision: Option<Estimate>,
    /// The same, forgiving alarms that were raised while something benign moved, and withdrawn.
    pub precision_forgiving: Option<Estimate>,
    /// Detected, of the leaks.
    pub recall: Option<Estimate>,
    /// The harmonic mean of precision and recall.
    pub f1: Option<Estimate>,
    /// The same with the forgiving precision.
    pub f1_forgiving: Option<Estimate>,
    /// Median of the seconds from the onset to the alarm, over the detected.
    pub delay_median_seconds: Option<f64>,
    /// The 95th percentile of the same.
    pub delay_p95_seconds: Option<f64>,
    /// Median of the share of the way to the limit that was gone at the alarm, where it is known.
    pub way_to_limit_median: Option<f64>,
    /// Detected leaks with which a cause was named, where it is known which is right.
    pub causes_named: usize,
    /// Those of them whose cause is right.
    pub causes_right: usize,
    /// False alarms.
    pub false_alarms: usize,
    /// Those of them that were withdrawn.
    pub withdrawn_alarms: usize,
    /// Days in which an alarm would have been false.
    pub clean_days: f64,
    /// False alarms per series and day.
    pub false_alarms_per_day: Option<Estimate>,
    /// Leaks that were detected and fixed within the trace.
    pub fixed: usize,
    /// Those of them whose recovery was seen.
    pub recovered: usize,
    /// Median of the seconds from the fix to the end of the alarm.
    pub recovery_median_seconds: Option<f64>,
    /// Rewards early detection, at most 100; a secondary figure, see [`nab`].
    pub nab: Option<f64>,
    /// Traces on which the detector came to no end.
    pub failed: usize,
}

impl Score {
    /// Adds outcomes up.
    pub fn of(outcomes: &[&Outcome]) -> Self {
        let count = |is: fn(&Outcome) -> bool| outcomes.iter().filter(|o| is(o)).count();
        let leaks = count(|o| o.leaks);
        let detected = count(|o| o.detected_after_seconds.is_some());
        let wrong = count(|o| o.false_alarms > 0);
        let lasting = count(|o| o.false_alarms > o.forgiven_alarms);
        let delays = sorted(outcomes.iter().filter_map(|o| o.detected_after_seconds));
        let recoveries = sorted(outcomes.iter().filter_map(|o| o.recovered_after_seconds));
        let ways = sorted(outcomes.iter().filter_map(|o| o.way_to_limit));
        let false_alarms = outcomes.iter().map(|o| o.false_alarms).sum();
        let clean_days = outcomes.iter().map(|o| o.clean_seconds).sum::<f64>() / DAY_SECONDS;
        let f1 = |wrong: fn(&Outcome) -> bool| {
            let counts: Vec<Counts> = outcomes.iter().map(|o| counts(o, wrong(o))).collect();
            f1::estimate(&counts)
        };
        Self {
            traces: outcomes.len(),
            leaks,
            detected,
            traces_with_false_alarms: wrong,
            traces_with_lasting_false_alarms: lasting,
            precision: interval::wilson(detected, detected + wrong),
            precision_forgiving: interval::wilson(detected, detected + lasting),
            recall: interval::wilson(detected, leaks),
            f1: f1(|o| o.false_alarms > 0),
            f1_forgiving: f1(|o| o.false_alarms > o.forgiven_alarms),
            delay_median_seconds: quantile(&delays, 0.5),
            delay_p95_seconds: quantile(&delays, 0.95),
            way_to_limit_median: quantile(&ways, 0.5),
            causes_named: count(|o| o.cause_is_right.is_some()),
            causes_right: count(|o| o.cause_is_right == Some(true)),
            false_alarms,
            withdrawn_alarms: outcomes.iter().map(|o| o.withdrawn_alarms).sum(),
            clean_days,
            false_alarms_per_day: interval::poisson(false_alarms, clean_days),
            fixed: count(|o| o.fixed && o.detected_after_seconds.is_some()),
            recovered: recoveries.len(),
            recovery_median_seconds: quantile(&recoveries, 0.5),
            nab: nab::score(outcomes),
            failed: count(|o| o.failure.is_some()),
        }
    }
}

fn counts(outcome: &Outcome, wrong: bool) -> Counts {
    let found = outcome.detected_after_seconds.is_some();
    Counts {
        right: usize::from(found),
        wrong: usize::from(wrong),
        missed: usize::from(outcome.leaks && !found),
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// The quantile by nearest rank (the lower of two middles), so that it is a value that occurred.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten traces of a day: six leaks from noon on, four without.
    fn scored(detect: impl Fn(usize) -> Option<f64>, alarms: impl Fn(usize) -> usize) -> Score {
        let outcome = |index: usize| {
            let leaks = index < 6;
            Outcome {
                leaks,
                detected_after_seconds: detect(index).filter(|_| leaks),
                false_alarms: alarms(index),
                clean_seconds: if leaks { DAY_SECONDS / 2.0 } else { DAY_SECONDS },
                ..Outcome::default()
            }
        };
        let outcomes: Vec<Outcome> = (0..10).map(outcome).collect();
        Score::of(&outcomes.iter().collect::<Vec<_>>())
    }

    fn value(estimate: Option<Estimate>) -> Option<f64> {
        estimate.map(|estimate| (estimate.value * 1e6).round() / 1e6)
    }

    #[test]
    fn a_perfect_detector_scores_one_everywhere() {
        let score = scored(|index| Some(10.0 * (index + 1) as f64), |_| 0);
        assert_eq!((value(score.precision), value(score.recall)), (Some(1.0), Some(1.0)));
        assert_eq!(value(score.f1), Some(1.0));
        // Delays 10 to 60: the third of six, and the sixth.
        assert_eq!((score.delay_median_seconds, score.delay_p95_seconds), (Some(30.0), Some(60.0)));
        // Six halves of a day and four days.
        assert!((score.clean_days - 7.0).abs() < 1e-9);
        assert_eq!(value(score.false_alarms_per_day), Some(0.0));
    }

    #[test]
    fn a_blind_detector_has_no_precision_and_no_recall() {
        let score = scored(|_| None, |_| 0);
        assert_eq!((score.precision, value(score.recall)), (None, Some(0.0)));
        assert_eq!((value(score.f1), score.delay_median_seconds), (Some(0.0), None));
    }

    #[test]
    fn a_trigger_happy_detector_finds_everything_and_is_wrong_everywhere() {
        let score = scored(|_| Some(1.0), |_| 2);
        // Six found, ten traces with false alarms: 6 of 16; F1 = 12 / (12 + 10).
        assert_eq!((value(score.precision), value(score.recall)), (Some(0.375), Some(1.0)));
        assert_eq!(value(score.f1), Some(0.545_455));
        assert_eq!(score.false_alarms, 20);
        assert_eq!(value(score.false_alarms_per_day), Some(2.857_143));
    }

    #[test]
    fn a_slow_detector_misses_what_ends_before_it_has_made_up_its_mind() {
        let score = scored(|index| (index < 3).then_some(900.0), |_| 0);
        assert_eq!((value(score.precision), value(score.recall)), (Some(1.0), Some(0.5)));
        assert_eq!((value(score.f1), score.delay_median_seconds), (Some(0.666_667), Some(900.0)));
    }
}
