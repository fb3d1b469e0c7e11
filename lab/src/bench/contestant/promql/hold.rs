//! `for` and `keep_firing_for` of an alert, as Prometheus holds to them (`rules/alerting.go`).

/// How long an alert waits before it fires, and before it resolves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// `for`: the time that it must have been active.
    pub for_ms: i64,
    /// `keep_firing_for`: the time that it fires on once it is no longer active.
    pub keep_ms: i64,
}

/// A change of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Firing {
    /// At which evaluation, in milliseconds.
    pub at_ms: i64,
    /// Whether it fires from now on, or is resolved.
    pub on: bool,
}

#[derive(Clone, Copy)]
enum State {
    Inactive,
    Pending { since: i64 },
    Firing { absent_since: Option<i64> },
}

impl Hold {
    /// The changes of one alert: `evaluations` are the instants in order, each with whether the
    /// expression had a sample with the labels of the alert.
    pub fn run(&self, evaluations: impl IntoIterator<Item = (i64, bool)>) -> Vec<Firing> {
        let mut state = State::Inactive;
        let mut firings = Vec::new();
        for (at_ms, active) in evaluations {
            state = match (state, active) {
                (State::Inactive, true) => State::Pending { since: at_ms },
                (State::Inactive | State::Pending { .. }, false) => State::Inactive,
                (State::Firing { .. }, true) => State::Firing { absent_since: None },
                (State::Firing { absent_since }, false) => {
                    let since = absent_since.unwrap_or(at_ms);
                    if at_ms - since < self.keep_ms {
                        State::Firing { absent_since: Some(since) }
                    } else {
                        firings.push(Firing { at_ms, on: false });
                        State::Inactive
                    }
                }
                (pending @ State::Pending { .. }, true) => pending,
            };
            if let State::Pending { since } = state
                && at_ms - since >= self.for_ms
            {
                firings.push(Firing { at_ms, on: true });
                state = State::Firing { absent_since: None };
            }
        }
        firings
    }
}

/// From when to when any of several alerts fires; an alert that takes over from another at the
/// same instant is no change.
pub fn any(alerts: &[Vec<Firing>]) -> Vec<Firing> {
    let mut all: Vec<Firing> = alerts.iter().flatten().copied().collect();
    all.sort_by_key(|firing| firing.at_ms);
    let mut changes: Vec<Firing> = Vec::new();
    let mut firing = 0_usize;
    for instant in all.chunk_by(|a, b| a.at_ms == b.at_ms) {
        let before = firing;
        firing += instant.iter().filter(|firing| firing.on).count();
        firing -= instant.iter().filter(|firing| !firing.on).count();
        if (before > 0) != (firing > 0) {
            changes.push(Firing { at_ms: instant[0].at_ms, on: firing > 0 });
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// One letter a minute, `x` where the expression is true; what changes, in minutes.
    fn run(for_minutes: i64, keep_seconds: i64, truth: &str) -> Vec<(i64, bool)> {
        let hold = Hold { for_ms: for_minutes * MINUTE, keep_ms: keep_seconds * 1000 };
        let evaluations = truth.chars().zip(0_i64..).map(|(c, k)| (k * MINUTE, c == 'x'));
        hold.run(evaluations).iter().map(|firing| (firing.at_ms / MINUTE, firing.on)).collect()
    }

    #[test]
    fn it_fires_at_the_evaluation_at_which_it_has_been_active_for_long_enough() {
        assert_eq!(run(0, 0, "-x"), [(1, true)]);
        assert_eq!(run(2, 0, "-xxxx-x"), [(3, true), (5, false)]);
        assert_eq!(run(2, 0, "xx-xx-"), [], "an interruption begins it anew");
        let quarter = format!("-{}-", "x".repeat(17));
        assert_eq!(run(15, 0, &quarter), [(16, true), (18, false)]);
    }

    #[test]
    fn it_fires_on_for_so_long_after_the_first_evaluation_that_was_not_true() {
        assert_eq!(run(0, 120, "x-----"), [(0, true), (3, false)]);
        assert_eq!(run(0, 90, "x-----"), [(0, true), (3, false)], "60 s after it are not enough");
        assert_eq!(run(0, 60, "x-----"), [(0, true), (2, false)]);
        assert_eq!(run(0, 120, "x--x---"), [(0, true), (6, false)], "it begins anew");
        assert_eq!(run(1, 120, "x--xx-"), [(4, true)], "what is pending is not kept");
    }

    #[test]
    fn several_alerts_are_one_alarm_as_long_as_any_of_them_fires() {
        let at = |at_ms, on| Firing { at_ms, on };
        let one = vec![at(1, true), at(5, false), at(9, true)];
        let other = vec![at(3, true), at(7, false)];
        assert_eq!(any(&[one.clone(), other]), [at(1, true), at(7, false), at(9, true)]);
        let takes_over = vec![at(5, true), at(6, false)];
        assert_eq!(any(&[one, takes_over]), [at(1, true), at(6, false), at(9, true)]);
    }
}
