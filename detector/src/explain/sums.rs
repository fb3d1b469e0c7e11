//! Running sums over a window, by which any regressor that is polynomial in pieces is fitted in
//! constant time.
//!
//! For a regressor `r`, least squares needs `sum r`, `sum r^2`, `sum r y` and `sum r q` for each
//! covariate `q`. Where `r = c0 + c1 x + c2 x^2` between two blocks, each is a combination of
//! differences of running sums of powers of `x`, alone and times `y` or `q`.

/// Most covariates: the request rate, and a wave's cosine and sine.
pub(super) const MOST_COVARIATES: usize = 3;

/// A regressor from block `from` up to, not including, block `to`: its polynomial in `x`. It is
/// zero outside of its pieces.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) coefficients: [f64; 3],
}

/// What least squares needs to know of a regressor.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Moments {
    pub(super) sum: f64,
    pub(super) square: f64,
    pub(super) y: f64,
    pub(super) covariates: [f64; MOST_COVARIATES],
}

/// Sums over the first `i` blocks, for each `i`.
#[derive(Debug)]
pub(super) struct Sums {
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    /// Of `x^0` to `x^4`.
    x: [f64; 5],
    /// Of `y x^0` to `y x^2`.
    y: [f64; 3],
    covariates: [[f64; 3]; MOST_COVARIATES],
}

impl Sums {
    pub(super) fn of(x: &[f64], y: &[f64], covariates: &[Vec<f64>]) -> Self {
        let mut row = Row::default();
        let mut rows = Vec::with_capacity(x.len() + 1);
        rows.push(row);
        for (i, (&x, &y)) in x.iter().zip(y).enumerate() {
            let powers = [1.0, x, x * x, x * x * x, x * x * x * x];
            add(&mut row.x, &powers, 1.0);
            add(&mut row.y, &powers, y);
            for (sums, covariate) in row.covariates.iter_mut().zip(covariates) {
                add(sums, &powers, covariate[i]);
            }
            rows.push(row);
        }
        Self { rows }
    }

    pub(super) fn moments(&self, pieces: &[Piece]) -> Moments {
        let mut moments = Moments::default();
        for &Piece { from, to, coefficients: [a, b, c] } in pieces {
            let (start, end) = (&self.rows[from], &self.rows[to]);
            let x: [f64; 5] = std::array::from_fn(|power| end.x[power] - start.x[power]);
            let times = |end: &[f64; 3], start: &[f64; 3]| {
                a * (end[0] - start[0]) + b * (end[1] - start[1]) + c * (end[2] - start[2])
            };
            moments.sum += a * x[0] + b * x[1] + c * x[2];
            moments.square += a * a * x[0]
                + 2.0 * a * b * x[1]
                + (b * b + 2.0 * a * c) * x[2]
                + 2.0 * b * c * x[3]
                + c * c * x[4];
            moments.y += times(&end.y, &start.y);
            for (i, sum) in moments.covariates.iter_mut().enumerate() {
                *sum += times(&end.covariates[i], &start.covariates[i]);
            }
        }
        moments
    }

    /// The sum of products of two regressors, `product`, without their means and without what
    /// they share with the covariates.
    pub(super) fn own_square(&self, a: &Moments, b: &Moments, product: f64) -> f64 {
        let n = (self.rows.len() - 1) as f64;
        let shared: f64 = a.covariates.iter().zip(&b.covariates).map(|(a, b)| a * b).sum();
        product - a.sum * b.sum / n - shared
    }
}

fn add<const N: usize>(sums: &mut [f64; N], powers: &[f64; 5], factor: f64) {
    for (sum, power) in sums.iter_mut().zip(powers) {
        *sum += factor * power;
    }
}
