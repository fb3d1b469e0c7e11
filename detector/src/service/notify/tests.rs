//! Time comes in as data, so that a receiver can be away for an hour; the database is a real file.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use serde_json::Value;

use super::*;
use crate::service::clock::Clock;
use crate::service::incident::{Incident, News, Report, step, tests};
use crate::service::shelf::Shelf;
use crate::service::store::Wanted;
use crate::service::template::Templates;

#[test]
fn waits_double_up_to_the_longest_and_are_cut_to_no_less_than_half() {
    for (failures, seconds) in [(1, 1.0), (2, 2.0), (4, 8.0), (7, 60.0), (u32::MAX, 60.0)] {
        let longest = wait_after(failures, 1.0).as_secs_f64();
        assert!((longest - seconds).abs() < 1e-9, "{failures}: {longest}");
        let shortest = wait_after(failures, 0.0).as_secs_f64();
        assert!((shortest - seconds / 2.0).abs() < 1e-9, "{failures}: {shortest}");
    }
}

const NAME: &str = "receiver";
/// When the test begins and ends, and the hour in between, in Unix seconds.
const START: f64 = 1.7e9;
const AWAY: f64 = START + 600.0;
const BACK: f64 = AWAY + 3600.0;
const END: f64 = BACK + 600.0;

/// What the receiver sees of the world.
#[derive(Default)]
struct Line {
    now_seconds: Cell<f64>,
    /// So many more messages are taken without an answer.
    answers_lost: Cell<u32>,
    /// When somebody tried.
    tried: RefCell<Vec<f64>>,
    /// When what was taken, with its key.
    taken: RefCell<Vec<(f64, Option<String>, Value)>>,
}

impl Carrier for Rc<Line> {
    fn send(&self, _: &str, body: &str, key: Option<&str>) -> Result<(), PostError> {
        let now_seconds = self.now_seconds.get();
        self.tried.borrow_mut().push(now_seconds);
        if (AWAY..BACK).contains(&now_seconds) {
            return Err(PostError::Status(503));
        }
        let body = serde_json::from_str(body).expect("JSON");
        self.taken.borrow_mut().push((now_seconds, key.map(str::to_owned), body));
        if now_seconds >= BACK && self.answers_lost.get() > 0 {
            self.answers_lost.set(self.answers_lost.get() - 1);
            return Err(PostError::Status(502));
        }
        Ok(())
    }
}

/// A watch that tells one receiver, on a database in a folder.
struct Lab {
    folder: tempfile::TempDir,
    kind: ReceiverKind,
    line: Rc<Line>,
}

impl Lab {
    fn new(kind: ReceiverKind) -> Self {
        let line = Line { answers_lost: Cell::new(2), ..Line::default() };
        Self { folder: tempfile::tempdir().expect("a folder"), kind, line: Rc::new(line) }
    }

    /// A process that knows nothing but what stands in the database.
    fn start(&self) -> Telling<Rc<Line>> {
        let path: PathBuf = self.folder.path().join("detector.db");
        let receiver = Receiver {
            name: NAME.to_owned(),
            url: "http://127.0.0.1:9".to_owned(),
            kind: self.kind.clone(),
            credentials: None,
            authority: None,
        };
        let shared = Shared::new(Clock::start(), Shelf::open(path));
        Telling::new(receiver, shared, Rc::clone(&self.line))
    }

    /// Every forty seconds one of seven targets leaks, or has recovered; the watch is ended and started again every twenty
    /// minutes. What stands in the database in the end.
    fn run(&self) -> Vec<Incident> {
        let (mut telling, mut now_seconds) = (self.start(), START);
        let (mut happened, mut turns) = (0, 0);
        while now_seconds < END {
            while START + f64::from(happened) * 40.0 < now_seconds.min(BACK + 300.0) {
                let at_seconds = START + f64::from(happened) * 40.0;
                commit(&telling.shared, &report(happened, at_seconds));
                happened += 1;
            }
            self.line.now_seconds.set(now_seconds);
            let chance = f64::from(turns) * 0.618 % 1.0;
            let next = now_seconds + telling.turn(now_seconds, chance).as_secs_f64();
            if ((next - START) / 1200.0).floor() > ((now_seconds - START) / 1200.0).floor() {
                telling = self.start();
            }
            (now_seconds, turns) = (next, turns + 1);
        }
        let left = telling.shared.shelf.with(|store| store.waiting(NAME, 1));
        assert_eq!(left.expect("read"), [], "something was not told");
        telling.shared.shelf.with(|store| store.incidents(&Wanted::default())).expect("read")
    }

    fn taken(&self) -> Vec<(f64, Option<String>, Value)> {
        self.line.taken.borrow().clone()
    }

    /// It is tried all the time, and not often: at most every half minute but for the first steps of each start.
    fn expect_bounded_tries(&self) {
        let tried = self.line.tried.borrow();
        let away: Vec<f64> = tried.iter().copied().filter(|at| (AWAY..BACK).contains(at)).collect();
        assert!((60..=120 + 4 * 7).contains(&away.len()), "{} tries in an hour", away.len());
        let gap = away.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(gap <= LONGEST_WAIT.as_secs_f64() + 0.1, "{gap} s without a try");
        let back = tried.iter().copied().find(|at| *at >= BACK).expect("tried again");
        assert!(back - BACK <= LONGEST_WAIT.as_secs_f64(), "{} s after it was back", back - BACK);
    }
}

fn report(number: u32, at_seconds: f64) -> Report {
    let news = if (number / 7).is_multiple_of(2) { News::Leaking } else { News::Recovered };
    let mut report = tests::report(news, at_seconds);
    report.about.target = format!("t{}", number % 7);
    report.reason = format!("seen {number}");
    report
}

fn commit(shared: &Shared, report: &Report) {
    let done = shared.shelf.with(|store| {
        let latest = store.latest(&report.about)?;
        let (incident, happened) = step(latest.as_ref(), report).expect("something happens");
        store.commit(&incident, happened, report.at_seconds, &[NAME.to_owned()])
    });
    done.expect("written");
}

#[test]
fn a_webhook_that_is_away_for_an_hour_is_told_everything_once_and_in_order() {
    let lab = Lab::new(ReceiverKind::Webhook(Templates::default()));
    lab.run();
    lab.expect_bounded_tries();
    let mut told: Vec<(String, Value)> = Vec::new();
    let mut repeated = 0;
    for (_, key, body) in lab.taken() {
        let key = key.expect("a key");
        match told.iter().find(|(known, _)| *known == key) {
            Some((_, before)) => assert_eq!(body, *before, "{key} says something else"),
            None => told.push((key.clone(), body)),
        }
        repeated += usize::from(told.last().is_none_or(|(latest, _)| *latest != key));
    }
    let reasons = told.iter().map(|(_, body)| body["incident"]["reason"].as_str().expect("text"));
    let expected: Vec<String> = (0..113).map(|number| format!("seen {number}")).collect();
    assert_eq!(reasons.collect::<Vec<_>>(), expected);
    assert_eq!(repeated, 0, "told again after a later one");
    // Only what was taken without an answer came twice.
    assert_eq!(lab.taken().len(), told.len() + 2);
}

#[test]
fn an_alertmanager_that_is_away_for_an_hour_shows_how_things_stand_when_it_is_back() {
    let lab = Lab::new(ReceiverKind::Alertmanager);
    let incidents = lab.run();
    lab.expect_bounded_tries();
    assert_eq!(incidents.len(), 7);
    for incident in incidents {
        let id = incident.id.to_string();
        let is_of = |alert: &Value| alert["labels"]["incident"] == *id;
        let mut alerts = Vec::new();
        for (at, _, body) in lab.taken() {
            let ours = body.as_array().expect("alerts").iter().filter(|alert| is_of(alert));
            alerts.extend(ours.cloned().map(|alert| (at, alert)));
        }
        let (_, first) = alerts.first().expect("told");
        assert!(alerts.iter().all(|(_, alert)| alert["labels"] == first["labels"]));
        let (at, latest) = alerts.last().expect("told");
        let ends = latest["endsAt"].as_str().expect("a time");
        let ends = humantime::parse_rfc3339(ends).expect("a time");
        let ends = ends.duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs_f64();
        assert_eq!(ends > *at, incident.is_open(), "{latest}");
        // What is open is told until the end, before Alertmanager takes it for resolved.
        assert!(!incident.is_open() || END - at <= 61.0, "last told {} s ago", END - at);
        assert_eq!(latest["annotations"]["reason"], incident.reason);
    }
}
