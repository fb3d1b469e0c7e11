//! What is to be explained: blocks of one level, centred, with running sums over them.

use crate::blocks::Block;

use super::sums::{Moments, Piece, Sums};
use super::{Covariates, Explanation, Family, Shape, TOLERANCE};

/// A stretch of blocks, oldest first, about to be explained.
///
/// `x` is time as a share of the window (0 to 1), `y` the values without their mean and without
/// what the covariates explain of them.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    /// Orthonormal, without mean.
    pub(super) covariates: Vec<Vec<f64>>,
    pub(super) sums: Sums,
    /// Requests served by each block, as a share of those served in the window, and the sums over
    /// them; where the rate is known and varies.
    pub(super) work: Option<(Vec<f64>, Sums)>,
    /// Sum of the squares of `y`.
    pub(super) total: f64,
    tolerated: f64,
    start_seconds: f64,
    span_seconds: f64,
}

impl Window {
    /// Of at least three blocks; each of the covariates has a value for each block. What they
    /// explain is taken from the blocks.
    pub(crate) fn new(blocks: &mut [Block], covariates: Covariates) -> Self {
        let n = blocks.len() as f64;
        let start_seconds = blocks.first().map_or(0.0, |block| block.t_seconds);
        let end_seconds = blocks.last().map_or(0.0, |block| block.t_seconds);
        let span_seconds = end_seconds - start_seconds;
        let x: Vec<f64> =
            blocks.iter().map(|b| (b.t_seconds - start_seconds) / span_seconds).collect();
        let first = blocks.first().map_or(0.0, |block| block.mid);
        let mean = blocks.iter().map(|block| block.mid - first).sum::<f64>() / n;
        let mut y: Vec<f64> = blocks.iter().map(|block| block.mid - first - mean).collect();
        let range = {
            let low = y.iter().copied().fold(f64::INFINITY, f64::min);
            let high = y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            high - low
        };
        let work = covariates.work(&x);
        let covariates = covariates.orthonormal_and_removed_from(&mut y);
        for (block, y) in blocks.iter_mut().zip(&y) {
            let explained = block.mid - (first + mean + y);
            block.mid -= explained;
            block.low -= explained;
        }
        let sums = Sums::of(&x, &y, &covariates);
        let work = work.map(|work| {
            let sums = Sums::of(&work, &y, &covariates);
            (work, sums)
        });
        let total = y.iter().map(|y| y * y).sum();
        let tolerated = (TOLERANCE * range).powi(2).max(f64::MIN_POSITIVE);
        Self { x, y, covariates, sums, work, total, tolerated, start_seconds, span_seconds }
    }

    pub(crate) fn len(&self) -> usize {
        self.y.len()
    }

    /// Variance per block that no explanation is asked to explain.
    pub(super) fn tolerated(&self) -> f64 {
        self.tolerated
    }

    pub(super) fn seconds_at(&self, x: f64) -> f64 {
        self.start_seconds + x * self.span_seconds
    }

    /// One level throughout.
    pub(super) fn flat(&self) -> Explanation {
        Explanation {
            family: Family::Flat,
            shape: Shape::Flat,
            error: self.total,
            parameters: 1,
            rise: 0.0,
            onset: 0,
            end_seconds: self.seconds_at(0.0),
        }
    }

    /// Least squares on one regressor: its coefficient and the error; `None` if it is constant or
    /// explained by the covariates.
    pub(super) fn fit(&self, regressor: &Moments) -> Option<(f64, f64)> {
        let own = self.sums.own_square(regressor, regressor, regressor.square);
        if own <= 1e-9 * regressor.square {
            return None;
        }
        let slope = regressor.y / own;
        Some((slope, (self.total - slope * regressor.y).max(0.0)))
    }

    /// The same on two regressors with the given sum of products.
    pub(super) fn fit_two(
        &self,
        a: &Moments,
        b: &Moments,
        product: f64,
    ) -> Option<([f64; 2], f64)> {
        let aa = self.sums.own_square(a, a, a.square);
        let bb = self.sums.own_square(b, b, b.square);
        let ab = self.sums.own_square(a, b, product);
        let determinant = aa * bb - ab * ab;
        if determinant <= 1e-6 * aa * bb {
            return None;
        }
        let first = (bb * a.y - ab * b.y) / determinant;
        let second = (aa * b.y - ab * a.y) / determinant;
        Some(([first, second], (self.total - first * a.y - second * b.y).max(0.0)))
    }

    pub(super) fn moments(&self, pieces: &[Piece]) -> Moments {
        self.sums.moments(pieces)
    }

    fn columns(&self, shape: Shape) -> Vec<Vec<f64>> {
        match (shape, &self.work) {
            (Shape::RisingWithWork { onset }, Some((work, _))) => {
                let column = |work: &f64| (work - onset).max(0.0);
                vec![work.iter().map(column).collect()]
            }
            _ => shape.columns(&self.x),
        }
    }

    /// What a shape leaves unexplained, block by block.
    pub(crate) fn residuals(&self, shape: Shape) -> Vec<f64> {
        let mut left = self.y.clone();
        let mut taken: Vec<Vec<f64>> = Vec::new();
        for mut column in self.columns(shape) {
            let mean = column.iter().sum::<f64>() / column.len() as f64;
            for value in &mut column {
                *value -= mean;
            }
            for other in self.covariates.iter().chain(&taken) {
                remove(&mut column, other);
            }
            if normalise(&mut column) {
                remove(&mut left, &column);
                taken.push(column);
            }
        }
        left
    }
}

/// Takes from `values` their part along `direction`, which has length one.
pub(super) fn remove(values: &mut [f64], direction: &[f64]) {
    let along: f64 = values.iter().zip(direction).map(|(value, unit)| value * unit).sum();
    values.iter_mut().zip(direction).for_each(|(value, unit)| *value -= along * unit);
}

/// Makes `values` of length one; false if they are all zero.
pub(super) fn normalise(values: &mut [f64]) -> bool {
    let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length > 0.0 {
        for value in values {
            *value /= length;
        }
    }
    length > 0.0
}
