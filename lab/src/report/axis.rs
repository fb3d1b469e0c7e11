//! Round numbers for the grid lines of a picture.

/// Multiples of `step` from `low` up to `high`.
pub(crate) fn ticks(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = (low / step).ceil();
    let further = ((high / step).floor() - first) as u32;
    (0..=further).map(move |index| (first + f64::from(index)) * step).filter(move |at| *at <= high)
}

/// The next of 1, 2, 5 times a power of ten.
pub(crate) fn decimal_step(rough: f64) -> f64 {
    let power = 10f64.powf(rough.max(1e-3).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough)
}

/// The next of 1, 2, 5, 10, 20, 50, 100, 200, 500 times a power of 1024.
pub(crate) fn binary_step(rough: f64) -> f64 {
    let power = 1024f64.powf(rough.max(1.0).log(1024.0).floor());
    decimal_step(rough / power).min(1024.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grid_lines_stand_at_round_numbers() {
        for (rough, step) in [(0.9, 1.0), (1.3, 2.0), (4.0, 5.0), (7.0, 10.0), (30.0, 50.0)] {
            assert!((decimal_step(rough) - step).abs() < 1e-9, "{rough}");
        }
        assert!((binary_step(7.3e6) - 10.0 * 1024.0 * 1024.0).abs() < 1.0);
        assert!((binary_step(700.0 * 1024.0) - 1024.0 * 1024.0).abs() < 25.0 * 1024.0);
        assert_eq!(ticks(0.0, 10.0, 5.0).collect::<Vec<_>>(), [0.0, 5.0, 10.0]);
        assert_eq!(ticks(1e15 + 1.0, 1e15 + 9.0, 5.0).collect::<Vec<_>>(), [1e15 + 5.0]);
        assert_eq!(ticks(1.0, 2.0, 5.0).count(), 0);
    }
}
