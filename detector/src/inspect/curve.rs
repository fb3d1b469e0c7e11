//! A curve in bounded room: as many samples as fit on a chart, every n-th of those that came.

use serde::Serialize;

/// Most points; a chart of a few hundred pixels shows no more.
const MOST_POINTS: usize = 360;

/// Points of a series, in order of time, evenly taken.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
pub struct Curve {
    points: Vec<(f64, f64)>,
    #[serde(skip)]
    every: usize,
    #[serde(skip)]
    seen: usize,
}

impl Default for Curve {
    fn default() -> Self {
        Self { points: Vec::new(), every: 1, seen: 0 }
    }
}

impl Curve {
    /// Takes in the point that follows.
    pub fn push(&mut self, t_seconds: f64, value: f64) {
        if self.seen.is_multiple_of(self.every) {
            if self.points.len() == MOST_POINTS {
                let mut number = 0;
                self.points.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
                self.every *= 2;
            }
            if self.seen.is_multiple_of(self.every) {
                self.points.push((t_seconds, value));
            }
        }
        self.seen += 1;
    }

    /// The points: seconds and values.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.points
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_keeps_evenly_spaced_points_and_never_too_many() {
        for samples in [1, 360, 361, 5000] {
            let mut curve = Curve::default();
            (0..samples).for_each(|k| curve.push(f64::from(k), 1.0));
            let points = curve.points();
            assert!(points.len() <= MOST_POINTS, "{samples}");
            assert!(points.len() * 2 >= MOST_POINTS.min(samples as usize), "{samples}");
            let gaps: Vec<_> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            assert!(gaps.windows(2).all(|pair| pair[0].total_cmp(&pair[1]).is_eq()), "{gaps:?}");
        }
    }
}
