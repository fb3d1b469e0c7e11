//! Regressions are told from chance, with the figures worked out by hand.

use super::*;

fn on(trace: usize, detected_after_seconds: Option<f64>, false_alarms: usize) -> OnTrace {
    let outcome =
        Outcome { leaks: trace < 20, detected_after_seconds, false_alarms, ..Outcome::default() };
    OnTrace { trace: format!("t{trace:02}"), family: "f".into(), outcome }
}

/// Twenty leaks that are detected after 100 s, and ten traces that are quiet.
fn then() -> Vec<OnTrace> {
    (0..30).map(|trace| on(trace, (trace < 20).then_some(100.0), 0)).collect()
}

fn now(change: impl Fn(usize) -> Option<OnTrace>) -> Compared {
    let now: Vec<OnTrace> =
        then().into_iter().enumerate().map(|(trace, same)| change(trace).unwrap_or(same)).collect();
    compared("d", &then(), &now, false)
}

#[test]
fn the_exact_test_is_the_binomial_sum() {
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    close(at_least(0, 0), 1.0);
    close(at_least(5, 5), 1.0 / 32.0);
    // 1 + 8 of 256.
    close(at_least(7, 8), 9.0 / 256.0);
    close(at_least(0, 7), 1.0);
    close(at_least(1_500, 3_000), 0.5 + 0.5 * (at_least(1_500, 3_000) - at_least(1_501, 3_000)));
}

#[test]
fn nothing_changed_is_no_regression_and_neither_is_an_improvement() {
    assert!(!now(|_| None).regressed);
    let better = now(|trace| (trace < 20).then(|| on(trace, Some(10.0), 0)));
    assert!(!better.regressed, "{better:?}");
    assert_eq!((better.delay.shorter, better.delay.median_ratio), (20, Some(0.1)));
    let blind: Vec<OnTrace> = (0..30).map(|trace| on(trace, None, 1)).collect();
    let better = compared("d", &blind, &then(), true);
    assert_eq!((better.leaks.won.len(), better.quiet.won.len(), better.regressed), (20, 30, false));
}

#[test]
fn four_lost_leaks_may_be_chance_and_five_are_not() {
    // A half to the power of 4 is .0625, to the power of 5 .03125.
    let four = now(|trace| (trace < 4).then(|| on(trace, None, 0)));
    assert!(!four.regressed);
    assert_eq!(four.leaks.lost, ["t00", "t01", "t02", "t03"]);
    let five = now(|trace| (trace < 5).then(|| on(trace, None, 0)));
    assert_eq!(
        five.regressions,
        ["5 leaks are no longer detected, 0 the other way round (p = 0.031)"]
    );
    let strict: Vec<OnTrace> = then()
        .into_iter()
        .map(|same| if same.trace == "t00" { on(0, None, 0) } else { same })
        .collect();
    assert!(compared("d", &then(), &strict, true).regressed);
}

#[test]
fn leaks_that_are_no_longer_in_scope_are_lost_and_those_that_come_into_it_are_won() {
    let fewer: Vec<OnTrace> = then().into_iter().filter(|on| on.trace.as_str() >= "t06").collect();
    let narrowed = compared("d", &then(), &fewer, false);
    assert_eq!(narrowed.leaks.lost.len(), 6);
    assert_eq!(narrowed.unscored, narrowed.leaks.lost);
    assert!(narrowed.regressed && narrowed.delay.pairs == 14, "{narrowed:?}");
    let widened = compared("d", &fewer, &then(), true);
    assert_eq!((widened.leaks.won.len(), widened.regressed), (6, false));
    // Nothing is lost with what does not leak, nor with what was missed.
    let leaks: Vec<OnTrace> = then().into_iter().filter(|on| on.outcome.leaks).collect();
    let quiet = compared("d", &then(), &leaks, true);
    assert_eq!((quiet.unscored.len(), quiet.regressed), (10, false), "{quiet:?}");
}

#[test]
fn new_false_alarms_failures_and_longer_delays_are_regressions() {
    let noisy = now(|trace| (trace >= 24).then(|| on(trace, None, 3)));
    assert_eq!(
        noisy.regressions,
        ["6 traces have a false alarm and had none, 0 the other way round (p = 0.016)"]
    );
    let crashing = now(|trace| {
        let mut crashed = on(trace, (trace < 20).then_some(100.0), 0);
        crashed.outcome.failure = Some("ended by signal 11".into());
        Some(crashed)
    });
    assert_eq!(crashing.regressions.len(), 1);
    assert_eq!(crashing.finished.lost.len(), 30);
    let slow = now(|trace| (trace < 20).then(|| on(trace, Some(150.0), 0)));
    assert_eq!(
        slow.regressions,
        ["20 of 20 leaks take longer, 0 less long; 1.50 times at the median (p = 0.000)"]
    );
    let hardly = now(|trace| (trace < 20).then(|| on(trace, Some(105.0), 0)));
    assert!(!hardly.regressed, "{hardly:?}");
}

#[test]
fn more_false_alarms_where_there_were_some_are_a_regression_and_so_are_lost_recoveries_and_causes()
{
    let alarms = |count: usize| -> Vec<OnTrace> {
        (0..30).map(|trace| on(trace, None, if trace < 20 { 0 } else { count })).collect()
    };
    let louder = compared("d", &alarms(1), &alarms(30), false);
    assert_eq!(
        louder.regressions,
        ["300 false alarms where there were 10: more of them on 10 traces, fewer on 0 (p = 0.001)"]
    );
    assert!(!compared("d", &alarms(30), &alarms(1), true).regressed);
    // A tenth more, however sure, is the same to whoever is paged.
    assert!(!compared("d", &alarms(20), &alarms(21), true).regressed);

    let seen = |recovered: Option<f64>, right: bool| -> Vec<OnTrace> {
        let mut all = then();
        for on in all.iter_mut().take(6) {
            on.outcome.fixed = true;
            on.outcome.recovered_after_seconds = recovered;
            on.outcome.cause_is_right = Some(right);
        }
        all
    };
    let blind = compared("d", &seen(Some(20.0), true), &seen(None, true), false);
    assert_eq!((blind.recovered.lost.len(), blind.regressions.len()), (6, 1), "{blind:?}");
    let wrong = compared("d", &seen(None, true), &seen(None, false), false);
    assert_eq!((wrong.cause.lost.len(), wrong.regressions.len()), (6, 1), "{wrong:?}");
}
