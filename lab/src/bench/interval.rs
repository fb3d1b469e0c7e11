//! Intervals of what was counted, at 95 %.

use serde::Serialize;

/// The standard normal quantile at .975.
const Z: f64 = 1.959_963_984_540_054;

/// A figure with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Estimate {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A share, with Wilson's score interval (Wilson 1927); none of nothing.
pub fn wilson(hits: usize, of: usize) -> Option<Estimate> {
    if of == 0 {
        return None;
    }
    let (n, p) = (of as f64, hits as f64 / of as f64);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let (middle, scale) = (p + Z * Z / (2.0 * n), 1.0 + Z * Z / n);
    let end = |sign: f64| ((middle + sign * spread) / scale).clamp(0.0, 1.0);
    Some(Estimate { value: p, low: end(-1.0), high: end(1.0) })
}

/// Beyond so many events the approximation is exact to a thousandth.
const FEW: usize = 100;

/// Events per unit, with the exact interval of a Poisson count (Garwood 1936), beyond a hundred
/// with Byar's approximation of it (Breslow and Day 1987).
pub fn poisson(events: usize, units: f64) -> Option<Estimate> {
    if units <= 0.0 {
        return None;
    }
    let (low, high) = if events > FEW {
        (byar(events as f64, -Z), byar(events as f64 + 1.0, Z))
    } else {
        // The mean at which so many events or more (or fewer) have a probability of .025.
        let low = if events == 0 { 0.0 } else { solve(|mean| cdf(events - 1, mean) < 0.975) };
        (low, solve(|mean| cdf(events, mean) < 0.025))
    };
    Some(Estimate { value: events as f64 / units, low: low / units, high: high / units })
}

fn byar(events: f64, z: f64) -> f64 {
    events * (1.0 - 1.0 / (9.0 * events) + z / (3.0 * events.sqrt())).powi(3)
}

/// The probability of so many events or fewer.
fn cdf(events: usize, mean: f64) -> f64 {
    let mut term = (-mean).exp();
    let mut sum = term;
    for k in 1..=events {
        term *= mean / k as f64;
        sum += term;
    }
    sum
}

/// The least mean at which the condition holds, by bisection; few events have a mean below 700.
fn solve(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 700.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if holds(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    #[test]
    fn wilson_is_the_published_interval() {
        // Newcombe 1998, table 1: 81 of 263, 15 of 148, 0 of 20, 1 of 29 (method 3).
        for (hits, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let seen = wilson(hits, of).unwrap();
            assert!(close(seen.low, low) && close(seen.high, high), "{hits}/{of}: {seen:?}");
        }
        assert_eq!(wilson(0, 0), None);
    }

    #[test]
    fn poisson_is_the_exact_interval() {
        // Garwood's table at 95 %.
        for (events, low, high) in
            [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (20, 12.2165, 30.8884)]
        {
            let seen = poisson(events, 1.0).unwrap();
            assert!(close(seen.low, low) && close(seen.high, high), "{events}: {seen:?}");
        }
        // The approximation takes over without a jump.
        let exact = (solve(|mean| cdf(100, mean) < 0.975), solve(|mean| cdf(101, mean) < 0.025));
        let seen = poisson(101, 1.0).unwrap();
        assert!((seen.low - exact.0).abs() < 0.05 && (seen.high - exact.1).abs() < 0.05);
    }
}
