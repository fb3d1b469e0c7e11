//! What an answer is worth, of a hundred points.
//!
//! Half of them are for what leaks. A leak named that is none costs as much as one that is missed: 50 times
//! the size of what was named and leaks, over what was named or leaks (Jaccard). Figures are judged by their ratio to
//! the truth: full points within a tenth, none from a factor of two on, in between by the logarithm. Where nothing
//! leaks, there are no figures to be right about, and "none" takes their points too.

use serde::Serialize;

use super::truth::Truth;

/// What a trainee says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// The leaks; empty: nothing leaks.
    pub leaks: Vec<String>,
    /// Memory kept per request of the load, all leaks together.
    pub bytes_per_request: Option<f64>,
    /// When it ends.
    pub oom: Option<Oom>,
}

/// When the process reaches its limit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oom {
    /// It does not.
    Never,
    /// So many seconds from the answer.
    AfterSeconds(f64),
}

/// The points, and what each part could have been.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Score {
    /// For what leaks; of 50.
    pub what: f64,
    /// For the bytes per request; of 20.
    pub bytes_per_request: f64,
    /// For when it ends; of 15.
    pub oom: f64,
    /// For the time taken; of 15, in proportion to what was right about what leaks.
    pub time: f64,
    /// All of it; of 100.
    pub total: f64,
}

const WHAT: f64 = 50.0;
const BYTES: f64 = 20.0;
const OOM: f64 = 15.0;
const TIME: f64 = 15.0;

/// Full points for the time taken until this, and none from `LONG_SECONDS` on.
const SHORT_SECONDS: f64 = 5.0 * 60.0;
const LONG_SECONDS: f64 = 45.0 * 60.0;

/// A ratio that is as good as right, and one that is wrong.
const RIGHT: f64 = 1.1;
const WRONG: f64 = 2.0;

impl Score {
    /// Scores an answer that took `elapsed_seconds`.
    pub fn of(answer: &Answer, truth: &Truth, elapsed_seconds: f64) -> Self {
        let share = named(&answer.leaks, &truth.leaks);
        let nothing_leaks = truth.leaks.is_empty();
        let bytes = match (answer.bytes_per_request, truth.bytes_per_request) {
            _ if nothing_leaks => share,
            (Some(said), Some(true_bytes)) => close(said, true_bytes),
            _ => 0.0,
        };
        let oom = match (answer.oom, truth.oom_after_seconds) {
            (Some(Oom::Never), None) => 1.0,
            (Some(Oom::AfterSeconds(said)), Some(true_seconds)) => close(said, true_seconds),
            (None, _) if nothing_leaks => share,
            _ => 0.0,
        };
        let left = (LONG_SECONDS - elapsed_seconds) / (LONG_SECONDS - SHORT_SECONDS);
        let score = Self {
            what: WHAT * share,
            bytes_per_request: BYTES * bytes,
            oom: OOM * oom,
            time: TIME * share * left.clamp(0.0, 1.0),
            total: 0.0,
        };
        let total = score.what + score.bytes_per_request + score.oom + score.time;
        Self { total, ..score }
    }
}

/// How much of what is named and what leaks is the same, 0 to 1.
fn named(said: &[String], leaks: &[&str]) -> f64 {
    let right = leaks.iter().filter(|leak| said.iter().any(|name| name == *leak)).count();
    let either = leaks.len() + said.len() - right;
    if either == 0 { 1.0 } else { right as f64 / either as f64 }
}

/// How close a figure is, 0 to 1.
fn close(said: f64, truth: f64) -> f64 {
    if said <= 0.0 || truth <= 0.0 {
        return 0.0;
    }
    let ratio = (said / truth).max(truth / said);
    ((WRONG / ratio).ln() / (WRONG / RIGHT).ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn truth(leaks: &[&'static str]) -> Truth {
        let is_leak = !leaks.is_empty();
        Truth {
            leaks: leaks.to_vec(),
            bytes_per_request: Some(if is_leak { 10_240.0 } else { 0.0 }),
            bytes_per_second: 0.0,
            rss_bytes: 0.0,
            limit_bytes: 0.0,
            oom_after_seconds: is_leak.then_some(1000.0),
        }
    }

    fn answer(leaks: &[&str], bytes: Option<f64>, oom: Option<Oom>) -> Answer {
        let leaks = leaks.iter().map(|name| (*name).to_owned()).collect();
        Answer { leaks, bytes_per_request: bytes, oom }
    }

    fn total(answer: &Answer, truth: &Truth, elapsed_seconds: f64) -> i64 {
        Score::of(answer, truth, elapsed_seconds).total.round() as i64
    }

    #[test]
    fn points_are_as_worked_out_by_hand() {
        let after = |seconds| Some(Oom::AfterSeconds(seconds));
        let right = answer(&["cache"], Some(10_000.0), after(950.0));
        assert_eq!(total(&right, &truth(&["cache"]), 60.0), 100);
        // Half of the time is left for points: 7.5 of 15.
        assert_eq!(total(&right, &truth(&["cache"]), 25.0 * 60.0), 93);
        // Of three named or leaking, one is both: 16.7 of 50, and 5 of 15 for the time.
        let half = answer(&["cache", "queue"], None, None);
        assert_eq!(total(&half, &truth(&["cache", "native"]), 60.0), 22);
        // Wrong about what, right about the figures.
        let wrong = answer(&["queue"], Some(10_240.0), after(1000.0));
        assert_eq!(total(&wrong, &truth(&["cache"]), 60.0), 35);
        // A factor of two is wrong; the root of two is worth .58 of the points.
        let far = answer(&["cache"], Some(20_480.0), after(1000.0 * 2_f64.sqrt()));
        assert_eq!(total(&far, &truth(&["cache"]), 60.0), 74);
    }

    #[test]
    fn where_nothing_leaks_none_is_the_whole_answer() {
        assert_eq!(total(&answer(&[], None, None), &truth(&[]), 60.0), 100);
        assert_eq!(total(&answer(&[], None, Some(Oom::Never)), &truth(&[]), 60.0), 100);
        assert_eq!(total(&answer(&["cache"], None, None), &truth(&[]), 60.0), 0);
        let doomed = answer(&[], None, Some(Oom::AfterSeconds(60.0)));
        assert_eq!(total(&doomed, &truth(&[]), 60.0), 85);
        assert_eq!(total(&answer(&[], None, Some(Oom::Never)), &truth(&["cache"]), 60.0), 0);
    }
}
