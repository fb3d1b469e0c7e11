//! Against pymannkendall 1.4.3; `reference.py` beside this file made the table and says how.

use super::*;

/// Series, length, z of the plain test, z of Hamed and Rao (none where the corrected variance is
/// negative).
const REFERENCE: &str = include_str!("reference.csv");

fn value(kind: &str, i: f64) -> f64 {
    let wave = (50.0 * (0.7 * i).sin() + 30.0 * (0.13 * i * i).sin()).floor();
    match kind {
        "waves" => wave,
        "rising" => wave + i,
        "falling" => wave - 0.8 * i,
        "ties" => (i * i) % 7.0,
        _ => (40.0 * (i / 9.0).sin()).floor() + 0.2 * i,
    }
}

#[test]
fn scores_are_those_of_pymannkendall() {
    let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || (a - b).abs() < 1e-9;
    for row in REFERENCE.lines().skip(1) {
        let [kind, n, plain, corrected] = row.split(',').collect::<Vec<_>>().try_into().unwrap();
        let n: u32 = n.parse().unwrap();
        let values: Vec<f64> = (0..n).map(|i| value(kind, f64::from(i))).collect();
        let (a, b) = (z_plain(&values), z_hamed_rao(&values));
        assert!(same(a, plain.parse().unwrap()), "{a}, expected {row}");
        assert!(same(b, corrected.parse().unwrap()), "{b}, expected {row}");
    }
    assert_eq!(REFERENCE.lines().count(), 16);
}

#[test]
fn a_straight_rise_is_found_at_six_hours_and_a_constant_never() {
    let t: Vec<f64> = (0..=420).map(|i| f64::from(i) * MINUTE).collect();
    let rise = Series { v: t.clone(), t: t.clone(), ..Series::default() };
    let constant = Series { v: vec![7.0; t.len()], t, ..Series::default() };
    assert_eq!(plain(&rise), [Firing { t_seconds: 6.0 * HOUR, on: true }]);
    assert_eq!(plain(&constant), []);
    assert_eq!(hamed_rao(&constant), []);
}
