//! How an alert rule fires: a condition, evaluated at intervals, that must hold for a while.

use super::series::Series;

/// A change of an alert.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Firing {
    /// When.
    pub t_seconds: f64,
    /// Whether it fires from now on, or no longer does.
    pub on: bool,
}

/// When a condition is looked at, and for how long it must hold.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_field_names, reason = "they are all durations, and say their unit")]
pub struct Rule {
    /// Seconds between evaluations.
    pub every_seconds: f64,
    /// Seconds for which every evaluation must have been true before it fires.
    pub for_seconds: f64,
    /// Seconds for which it keeps firing once no evaluation is true.
    pub keep_seconds: f64,
}

impl Rule {
    /// A rule of a Prometheus with its default evaluation interval of a minute.
    pub const fn prometheus(for_seconds: f64) -> Self {
        Self { every_seconds: 60.0, for_seconds, keep_seconds: 0.0 }
    }

    /// Evaluates a condition from the first sample to the last; it is given the instant.
    ///
    /// As Prometheus does: the first true evaluation makes it pending, and it fires at the first
    /// true evaluation that is `for_seconds` later or more, if none in between was false.
    pub fn run(&self, series: &Series, mut condition: impl FnMut(f64) -> bool) -> Vec<Firing> {
        let (Some(&first), Some(&last)) = (series.t.first(), series.t.last()) else {
            return Vec::new();
        };
        let mut firings: Vec<Firing> = Vec::new();
        let mut since = None;
        let mut last_true = f64::NEG_INFINITY;
        let mut on = false;
        for step in 0..=((last - first) / self.every_seconds) as usize {
            let now = first + step as f64 * self.every_seconds;
            if condition(now) {
                let pending = *since.get_or_insert(now);
                last_true = now;
                if !on && now - pending >= self.for_seconds {
                    on = true;
                    firings.push(Firing { t_seconds: now, on });
                }
            } else if !on || now - last_true > self.keep_seconds {
                since = None;
                if on {
                    on = false;
                    firings.push(Firing { t_seconds: now, on });
                }
            }
        }
        firings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(n: usize) -> Series {
        let t: Vec<f64> = (0..=n).map(|i| i as f64 * 60.0).collect();
        Series { v: vec![0.0; t.len()], t, ..Series::default() }
    }

    fn run(rule: Rule, truth: &[bool]) -> Vec<(f64, bool)> {
        let series = minutes(truth.len() - 1);
        let firings = rule.run(&series, |now| truth[(now / 60.0) as usize]);
        firings.into_iter().map(|f| (f.t_seconds / 60.0, f.on)).collect()
    }

    #[test]
    fn it_fires_once_it_held_for_long_enough_and_resolves_at_once() {
        let (t, f) = (true, false);
        let rule = Rule::prometheus(120.0);
        assert_eq!(run(rule, &[f, t, t, t, t, f, t]), [(3.0, true), (5.0, false)]);
        assert_eq!(run(rule, &[t, t, f, t, t, f]), [], "an interruption begins it anew");
        assert_eq!(run(Rule::prometheus(0.0), &[f, t]), [(1.0, true)]);
    }

    #[test]
    fn it_keeps_firing_as_long_as_it_is_told_to() {
        let (t, f) = (true, false);
        let rule = Rule { keep_seconds: 120.0, ..Rule::prometheus(0.0) };
        assert_eq!(run(rule, &[t, f, f, f, f]), [(0.0, true), (3.0, false)]);
        assert_eq!(run(rule, &[t, f, f, t, f]), [(0.0, true)]);
    }
}
