//! F1 and how well so many traces tell it.

use super::interval::Estimate;
use crate::corpus::Half;
use crate::corpus::draw::Draw;

/// Resamples of the bootstrap: the interval's ends are then known to a thousandth or so.
const RESAMPLES: usize = 1_000;

/// True positives, traces with false alarms, misses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Leaks that were detected.
    pub right: usize,
    /// Traces with a false alarm.
    pub wrong: usize,
    /// Leaks that were missed.
    pub missed: usize,
}

impl Counts {
    /// The harmonic mean of precision and recall; none if there was nothing to find and nothing was.
    pub fn f1(self) -> Option<f64> {
        let all = 2 * self.right + self.wrong + self.missed;
        (all > 0).then(|| 2.0 * self.right as f64 / all as f64)
    }
}

/// F1 with the percentile bootstrap over traces (Efron 1979).
pub fn estimate(traces: &[Counts]) -> Option<Estimate> {
    let sum = |all: &mut dyn Iterator<Item = Counts>| {
        all.fold(Counts::default(), |a, b| Counts {
            right: a.right + b.right,
            wrong: a.wrong + b.wrong,
            missed: a.missed + b.missed,
        })
    };
    let value = sum(&mut traces.iter().copied()).f1()?;
    let mut draw = Draw::new(0, Half::Tune, "bootstrap", 0);
    let mut drawn: Vec<f64> = Vec::with_capacity(RESAMPLES);
    for _ in 0..RESAMPLES {
        let mut pick = || traces[(draw.unit() * traces.len() as f64) as usize];
        drawn.extend(sum(&mut (0..traces.len()).map(|_| pick())).f1());
    }
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[(share * (drawn.len() - 1) as f64).round() as usize];
    Some(Estimate { value, low: at(0.025), high: at(0.975) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f1_is_the_harmonic_mean_and_its_interval_holds_it() {
        // Precision 3/4, recall 3/5: 2/3.
        let one = |right, wrong, missed| Counts { right, wrong, missed };
        let mut traces = vec![one(1, 0, 0); 3];
        traces.extend([one(0, 1, 0), one(0, 0, 1), one(0, 0, 1)]);
        let seen = estimate(&traces).unwrap();
        assert!(
            (seen.value - 2.0 / 3.0).abs() < 1e-9
                && seen.low < seen.value
                && seen.value < seen.high
        );
        assert!(estimate(&[one(1, 0, 0); 4]).unwrap().low > 1.0 - 1e-9);
        assert_eq!(estimate(&[]), None);
    }
}
