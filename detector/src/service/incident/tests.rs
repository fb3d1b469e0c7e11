use super::*;

pub fn report(news: News, at_seconds: f64) -> Report {
    Report {
        about: Topic {
            target: "api".to_owned(),
            kind: Kind::Leak,
            subject: "rss_bytes".to_owned(),
        },
        news,
        at_seconds,
        evidence_since_seconds: 0.0,
        run_start_seconds: Some(7.0),
        onset_seconds: Some(at_seconds - 50.0),
        severity: "warning",
        figures: Figures {
            unit: "bytes".to_owned(),
            level: Some(2000.0),
            slope_per_second: Some(20.0),
            ..Figures::default()
        },
        reason: "as seen".to_owned(),
    }
}

/// Everything that happens over some reports, and how it stands then.
fn over(reports: &[Report]) -> (Vec<Happened>, Option<Incident>) {
    let mut latest = None;
    let mut all = Vec::new();
    for report in reports {
        if let Some((next, happened)) = step(latest.as_ref(), report) {
            all.push(happened);
            latest = Some(next);
        }
    }
    (all, latest)
}

fn since(mut report: Report, evidence_since_seconds: f64) -> Report {
    report.evidence_since_seconds = evidence_since_seconds;
    report
}

#[test]
fn a_leak_that_is_fixed_is_opened_stopped_and_recovered() {
    use Happened::{GrowthStopped, Opened, Recovered};
    let (all, latest) = over(&[
        report(News::Steady, 50.0),
        report(News::Leaking, 100.0),
        report(News::GrowthStopped, 200.0),
        report(News::Recovered, 300.0),
        report(News::Steady, 400.0),
    ]);
    assert_eq!(all, [Opened, GrowthStopped, Recovered]);
    let incident = latest.expect("opened");
    assert!(!incident.is_open());
    assert_eq!(incident.duration_seconds, Some(250.0));
    assert_eq!(incident.growth_stopped_seconds, Some(200.0));
}

#[test]
fn growth_that_comes_back_reopens_the_same_incident_and_after_a_day_opens_another() {
    use Happened::{Opened, Reopened, Withdrawn};
    let soon = over(&[
        report(News::Leaking, 100.0),
        report(News::Steady, 200.0),
        report(News::Leaking, 300.0),
    ]);
    assert_eq!(soon.0, [Opened, Withdrawn, Reopened]);
    assert_eq!(soon.1.map(|i| (i.reopened, i.is_open())), Some((1, true)));
    let late = over(&[
        report(News::Leaking, 100.0),
        report(News::Steady, 200.0),
        report(News::Leaking, 90_000.0),
    ]);
    assert_eq!(late.0, [Opened, Withdrawn, Opened]);
}

#[test]
fn a_watch_that_begins_anew_neither_doubles_nor_withdraws_what_is_open() {
    use Happened::{Confirmed, GrowthStopped, Opened};
    let leaks_on =
        over(&[report(News::Leaking, 100.0), since(report(News::Leaking, 300.0), 200.0)]);
    assert_eq!(leaks_on.0, [Opened, Confirmed]);
    // It is steady for all that the new watch has seen, and nothing is given back.
    let held = over(&[report(News::Leaking, 100.0), since(report(News::Steady, 300.0), 200.0)]);
    assert_eq!(held.0, [Opened, GrowthStopped]);
    assert!(held.1.is_some_and(|incident| incident.is_open()));
}

#[test]
fn what_a_new_watch_finds_at_its_old_level_is_recovered() {
    // 50 s of 20/s led to 2000: it was about 1000 before.
    for (level, ended) in [(1000.0, true), (1240.0, true), (1300.0, false)] {
        let mut steady = since(report(News::Steady, 300.0), 200.0);
        steady.figures.level = Some(level);
        let (_, incident) = over(&[report(News::Leaking, 100.0), steady]);
        assert_eq!(incident.map(|incident| !incident.is_open()), Some(ended), "{level}");
    }
}

#[test]
fn a_restart_of_the_target_ends_nothing_until_the_new_run_is_known_to_be_steady() {
    use Happened::{Confirmed, Opened, Recovered, Restarted};
    let restarted = |news, at| {
        let mut report = since(report(news, at), 200.0);
        report.run_start_seconds = Some(200.0);
        report
    };
    let fixed = over(&[
        report(News::Leaking, 100.0),
        restarted(News::Restarted, 200.0),
        restarted(News::Steady, 300.0),
    ]);
    assert_eq!(fixed.0, [Opened, Restarted, Recovered]);
    let leaks_on = over(&[
        report(News::Leaking, 100.0),
        restarted(News::Restarted, 200.0),
        restarted(News::Leaking, 300.0),
    ]);
    assert_eq!(leaks_on.0, [Opened, Restarted, Confirmed]);
    // Restarted while nobody watched.
    let unseen = over(&[report(News::Leaking, 100.0), restarted(News::Steady, 300.0)]);
    assert_eq!(unseen.0, [Opened, Recovered]);
}
