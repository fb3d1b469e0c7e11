//! Robust statistics of short series: medians, Theil-Sen slopes with intervals, effective size.

/// Two-sided 95 % point of the normal distribution.
const Z_95: f64 = 1.96;

/// A slope with its 95 % interval, in units of `y` per unit of `x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Slope {
    pub(crate) low: f64,
    pub(crate) mid: f64,
    pub(crate) high: f64,
}

/// The median; the mean of the two middle values for an even count, `None` for none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let odd = values.len() % 2 == 1;
    let (below, &mut upper, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if odd {
        return Some(upper);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(f64::midpoint(lower, upper))
}

/// The median of three. One that is not a number makes it the lower of the other two, two make it the
/// third.
pub(crate) fn median_of_three(a: f32, b: f32, c: f32) -> f32 {
    a.min(b).max(a.max(b).min(c))
}

/// Theil-Sen slope: the median of the slopes of all pairs, with Sen's interval.
///
/// The interval takes the order statistics at `(N -+ z sqrt(V)) / 2` of the `N` pairwise slopes,
/// `V = n(n-1)(2n+5)/18` being the variance of Kendall's S (Sen 1968); `V` is inflated by
/// `n / n_eff` for autocorrelated residuals (Hamed and Rao 1998, in the lag-one form).
/// `None` for fewer than three points or equal `x`.
pub(crate) fn theil_sen(points: &[(f64, f64)]) -> Option<Slope> {
    let n = points.len();
    if n < 3 {
        return None;
    }
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    for (i, &(x_i, y_i)) in points.iter().enumerate() {
        for &(x_j, y_j) in &points[i + 1..] {
            if x_j > x_i {
                slopes.push((y_j - y_i) / (x_j - x_i));
            }
        }
    }
    if slopes.is_empty() {
        return None;
    }
    let mid = median(&mut slopes)?;
    let residuals: Vec<f64> = points.iter().map(|&(x, y)| y - mid * x).collect();
    let size = n as f64;
    let variance =
        size * (size - 1.0) * (2.0 * size + 5.0) / 18.0 * size / effective_size(&residuals, 0.0);
    let half = Z_95 * variance.sqrt() / 2.0;
    let last = slopes.len() - 1;
    let centre = slopes.len() as f64 / 2.0;
    let below = ((centre - half).floor() - 1.0).clamp(0.0, last as f64) as usize;
    let above = (centre + half).ceil().clamp(0.0, last as f64) as usize;
    // Three selections cost a fifth of what sorting some two thousand slopes does.
    let mut order_statistic = |at: usize| *slopes.select_nth_unstable_by(at, f64::total_cmp).1;
    Some(Slope { low: order_statistic(below), mid, high: order_statistic(above) })
}

/// How many independent values the autocorrelated `residuals` are worth.
///
/// `n (1 - r) / (1 + r)` with the lag-one autocorrelation `r` (Bayley and Hammersley 1946), held
/// between 0 and 0.9. A variance of `floor` per value counts as uncorrelated, so that residuals
/// far below it do not shrink the size.
pub(crate) fn effective_size(residuals: &[f64], floor: f64) -> f64 {
    let n = residuals.len() as f64;
    let mean = residuals.iter().sum::<f64>() / n;
    let variance: f64 = residuals.iter().map(|r| (r - mean).powi(2)).sum();
    let covariance: f64 = residuals.windows(2).map(|w| (w[0] - mean) * (w[1] - mean)).sum();
    let total = variance + n * floor;
    let correlation = if total > 0.0 { (covariance / total).clamp(0.0, 0.9) } else { 0.0 };
    n * (1.0 - correlation) / (1.0 + correlation)
}

/// Least squares of `y` on one regressor: `(intercept, slope, sum of squared errors)`.
///
/// A constant regressor gives slope zero.
pub(crate) fn least_squares(x: &[f64], y: &[f64]) -> (f64, f64, f64) {
    let n = y.len() as f64;
    let mean_x = x.iter().sum::<f64>() / n;
    let mean_y = y.iter().sum::<f64>() / n;
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for (&x, &y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
    }
    let slope = if xx > 0.0 { xy / xx } else { 0.0 };
    (mean_y - slope * mean_x, slope, (yy - slope * xy).max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_even_and_odd_counts() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(median(&mut [9.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(&mut [9.0, 1.0, 4.0, 5.0]), Some(4.5));
    }

    #[test]
    fn theil_sen_ignores_a_gross_outlier() {
        let mut points: Vec<(f64, f64)> =
            (0..20).map(|i| (f64::from(i), 3.0 * f64::from(i))).collect();
        points[7].1 = 1e6;
        let slope = theil_sen(&points).unwrap();
        assert!((slope.mid - 3.0).abs() < 1e-9, "{slope:?}");
        assert!(slope.low <= 3.0 && slope.high >= 3.0);
    }

    /// Reference: scipy 1.17.1, `theilslopes(y, range(len(y)), 0.95)`. Ours takes the next order
    /// statistic outwards and widens the interval for autocorrelation, so it must hold scipy's.
    #[test]
    fn theil_sen_agrees_with_scipy() {
        let few = [0.0, 1.0, 5.0, 5.0, 9.0, 9.0, 12.0];
        let wave: [f64; 24] = [
            0.0, 7.075, 7.433, 5.123, 13.482, 18.495, 13.7, 18.046, 26.577, 24.89, 24.916, 27.053,
            34.599, 35.374, 32.485, 40.577, 46.238, 41.543, 45.215, 53.82, 52.787, 52.571, 54.116,
            62.057,
        ];
        let table: [(&[f64], f64, f64, f64); 2] = [
            (&few, 1.333_333_333, 2.0, 2.666_666_667),
            (&wave, 2.286_133_333, 2.507_662_698, 2.705_133_333),
        ];
        for (y, low, mid, high) in table {
            let points: Vec<(f64, f64)> =
                y.iter().enumerate().map(|(i, &y)| (i as f64, y)).collect();
            let slope = theil_sen(&points).unwrap();
            assert!((slope.mid - mid).abs() < 1e-6, "{slope:?}");
            assert!(slope.low <= low + 1e-6 && slope.high >= high - 1e-6, "{slope:?}");
            assert!(slope.high - slope.low < 2.0 * (high - low), "{slope:?}");
        }
    }

    #[test]
    fn white_residuals_keep_their_size_and_a_drift_loses_most_of_it() {
        let white: Vec<f64> = (0..40).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        assert!((effective_size(&white, 0.0) - 40.0).abs() < 1e-9);
        let drift: Vec<f64> = (0..40).map(f64::from).collect();
        assert!(effective_size(&drift, 0.0) < 5.0);
    }

    #[test]
    fn least_squares_of_an_exact_line_has_no_error() {
        let x = [0.0, 1.0, 2.0, 3.0];
        let y = [1.0, 3.0, 5.0, 7.0];
        let (intercept, slope, error) = least_squares(&x, &y);
        assert!((intercept - 1.0).abs() < 1e-12 && (slope - 2.0).abs() < 1e-12 && error < 1e-12);
        assert_eq!(least_squares(&[1.0, 1.0], &[2.0, 4.0]), (3.0, 0.0, 2.0));
    }
}
