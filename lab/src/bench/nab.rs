//! A score that rewards early detection, as the Numenta Anomaly Benchmark does; a secondary figure.
//!
//! After Lavin and Ahmad, "Evaluating Real-Time Anomaly Detection Algorithms", 2015, with the weights
//! of its standard profile, but at event level like everything here: the window is the time in which
//! the leak leaks, and a leak counts once.
//!
//! A leak that is detected at the share `y` of its window earns `s(y - 1) / s(-1)`, where
//! `s(x) = 2 / (1 + exp(5 x)) - 1`: 1 at the onset, .86 half-way, 0 at the end. A missed leak costs
//! 1, a false alarm .11. The sum is scaled so that 100 is every leak at its onset and nothing else,
//! and 0 what a detector gets that says nothing; who cries wolf falls below.

use super::outcome::Outcome;

/// What a false alarm costs in NAB's standard profile; a miss costs 1.
const FALSE_ALARM: f64 = 0.11;
/// The steepness of NAB's sigmoid.
const STEEPNESS: f64 = 5.0;

/// The score of some outcomes; none if nothing leaks.
pub fn score(outcomes: &[&Outcome]) -> Option<f64> {
    let leaks = outcomes.iter().filter(|outcome| outcome.leaks).count() as f64;
    let sum: f64 = outcomes.iter().map(|outcome| earned(outcome)).sum();
    (leaks > 0.0).then(|| 100.0 * (sum + leaks) / (2.0 * leaks))
}

fn earned(outcome: &Outcome) -> f64 {
    let of_leak = match outcome.detected_after_seconds {
        Some(after) => {
            let share = (after / outcome.leaking_seconds).min(1.0);
            sigmoid(share - 1.0) / sigmoid(-1.0)
        }
        None if outcome.leaks => -1.0,
        None => 0.0,
    };
    of_leak - FALSE_ALARM * outcome.false_alarms as f64
}

fn sigmoid(x: f64) -> f64 {
    2.0 / (1.0 + (STEEPNESS * x).exp()) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(after: Option<f64>, false_alarms: usize) -> Outcome {
        Outcome {
            leaks: true,
            leaking_seconds: 100.0,
            detected_after_seconds: after,
            false_alarms,
            ..Outcome::default()
        }
    }

    fn of(outcomes: &[Outcome]) -> f64 {
        score(&outcomes.iter().collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn the_earlier_the_better_between_nothing_and_everything() {
        let close = |a: f64, b: f64| assert!((a - b).abs() < 0.01, "{a} is not {b}");
        close(of(&[leak(Some(0.0), 0), leak(Some(0.0), 0)]), 100.0);
        close(of(&[leak(None, 0), leak(None, 0)]), 0.0);
        // tanh(1.25) / tanh(2.5) = .8598: (.8598 + 1) / 2.
        close(of(&[leak(Some(50.0), 0)]), 92.99);
        close(of(&[leak(Some(100.0), 0)]), 50.0);
        // A miss and a hit at the onset; three false alarms take .33 of 4.
        close(of(&[leak(Some(0.0), 3), leak(None, 0)]), 50.0 - 33.0 / 4.0);
        let benign = Outcome { false_alarms: 2, ..Outcome::default() };
        close(of(&[leak(None, 0), benign.clone()]), -11.0);
        assert_eq!(score(&[&benign]), None);
    }
}
