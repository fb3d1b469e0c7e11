//! The median and the deviation that several rooms need.

/// The median; the mean of the two in the middle of an even number; none of nothing.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    if values.is_empty() {
        return None;
    }
    let middle = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, median, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(if even { f64::midpoint(lower, *median) } else { *median })
}

/// The standard deviation of all there is (divided by `n`), by Welford's update; not a number for
/// nothing.
pub(crate) fn deviation(values: impl Iterator<Item = f64>) -> f64 {
    let (mut n, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in values {
        n += 1.0;
        let away = value - mean;
        mean += away / n;
        squares += away * (value - mean);
    }
    (squares / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle_of_odd_and_even_numbers() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&mut [4.0, 1.0, 9.0, 2.0]), Some(3.0));
    }

    #[test]
    fn the_deviation_is_that_of_the_textbook_and_does_not_drown_in_the_level() {
        // Of 2, 4, 4, 4, 5, 5, 7, 9 it is 2.
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert!((deviation(values.into_iter()) - 2.0).abs() < 1e-12);
        assert!((deviation(values.into_iter().map(|v| v + 1e9)) - 2.0).abs() < 1e-6);
        assert!(deviation(std::iter::empty()).is_nan());
    }
}
