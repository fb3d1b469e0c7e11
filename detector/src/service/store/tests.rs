use super::*;
use crate::service::incident::{News, Report, step, tests};

fn report(target: &str, news: News, at_seconds: f64) -> Report {
    let mut report = tests::report(news, at_seconds);
    target.clone_into(&mut report.about.target);
    report
}

fn apply(store: &mut Store, report: &Report, receivers: &[String]) -> Result<i64, StoreError> {
    let latest = store.latest(&report.about)?;
    let (incident, happened) = step(latest.as_ref(), report).expect("something happens");
    store.commit(&incident, happened, report.at_seconds, receivers)
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn what_was_written_is_there_when_the_file_is_opened_again() {
    let (folder, hook) = (folder(), ["hook".to_owned()]);
    let path = folder.path().join("detector.db");
    let mut store = Store::open(&path).expect("new");
    let id = apply(&mut store, &report("api", News::Leaking, 1.0), &hook).expect("written");
    let installation = store.installation().to_owned();
    drop(store);
    let mut store = Store::open(&path).expect("there");
    assert_eq!(store.installation(), installation);
    assert_eq!(store.open_incidents().expect("read").len(), 1);
    apply(&mut store, &report("api", News::Recovered, 2.0), &hook).expect("written");
    assert!(store.open_incidents().expect("read").is_empty());
    let happened: Vec<_> =
        store.history(id).expect("read").into_iter().map(|event| event.happened).collect();
    assert_eq!(happened, ["opened", "recovered"]);
    let told: Vec<_> =
        store.waiting("hook", 9).expect("read").iter().map(|entry| entry.message).collect();
    assert_eq!(told, [Message::Alert, Message::Resolution]);
}

#[test]
fn two_open_incidents_of_one_subject_cannot_be_written() {
    let mut store = Store::in_memory().expect("made");
    let (incident, happened) = step(None, &report("api", News::Leaking, 1.0)).expect("opened");
    store.commit(&incident, happened, 1.0, &[]).expect("written");
    assert!(store.commit(&incident, happened, 1.0, &[]).is_err());
    assert_eq!(store.incidents(&Wanted::default()).expect("read").len(), 1);
}

#[test]
fn incidents_are_found_by_state_and_target_and_forgotten_once_they_are_old() {
    let mut store = Store::in_memory().expect("made");
    for (target, news, at) in
        [("a", News::Leaking, 1.0), ("b", News::Leaking, 2.0), ("b", News::Recovered, 3.0)]
    {
        apply(&mut store, &report(target, news, at), &[]).expect("written");
    }
    let of = |wanted: Wanted, store: &Store| {
        let found = store.incidents(&wanted).expect("read").into_iter();
        found.map(|incident| incident.about.target).collect::<Vec<_>>()
    };
    assert_eq!(of(Wanted::default(), &store), ["b", "a"]);
    assert_eq!(of(Wanted { open: Some(true), ..Wanted::default() }, &store), ["a"]);
    assert_eq!(of(Wanted { state: Some("recovered".into()), ..Wanted::default() }, &store), ["b"]);
    assert_eq!(of(Wanted { target: Some("c".into()), ..Wanted::default() }, &store), [""; 0]);
    assert_eq!(store.forget(4.0).expect("forgotten"), 1);
    assert_eq!(of(Wanted::default(), &store), ["a"]);
}

#[test]
fn a_file_that_is_damaged_or_not_ours_is_refused_and_left_as_it_is() {
    let folder = folder();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, [7; 8192]).expect("written");
    assert!(matches!(Store::open(&garbage), Err(StoreError::Corrupt(_))));
    assert_eq!(std::fs::read(&garbage).expect("read"), [7; 8192]);
    let foreign = folder.path().join("foreign.db");
    let other = Connection::open(&foreign).expect("made");
    other.execute_batch("CREATE TABLE theirs (x); PRAGMA user_version = 9;").expect("made");
    let refused = Store::open(&foreign).expect_err("not ours");
    assert!(matches!(refused, StoreError::Foreign { found: 9, .. }), "{refused}");
    let nowhere = folder.path().join("no/such/folder.db");
    assert!(matches!(Store::open(&nowhere), Err(StoreError::NoAccess(_))));
}

#[test]
fn a_locked_file_and_a_full_disk_are_told_apart_and_nothing_is_written_by_half() {
    let folder = folder();
    let path = folder.path().join("detector.db");
    let mut store = Store::open(&path).expect("new");
    store.connection.busy_timeout(Duration::ZERO).expect("set");
    let other = Connection::open(&path).expect("opened");
    other.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let refused = apply(&mut store, &report("api", News::Leaking, 1.0), &[]);
    assert!(matches!(refused, Err(StoreError::Locked(_))), "{refused:?}");
    other.execute_batch("ROLLBACK").expect("let go");
    let pages: i64 =
        store.connection.pragma_query_value(None, "page_count", |row| row.get(0)).expect("read");
    store
        .connection
        .pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))
        .expect("set");
    let full = (0..1000).find_map(|k| {
        apply(&mut store, &report(&format!("api-{k}"), News::Leaking, 1.0), &[]).err()
    });
    assert!(matches!(full, Some(StoreError::Full(_))), "{full:?}");
    let incidents = store.incidents(&Wanted::default()).expect("read").len();
    let count = "SELECT count(*) FROM events";
    let events: usize = store
        .connection
        .query_row(count, [], |row| row.get::<_, i64>(0))
        .expect("read")
        .try_into()
        .expect("a count");
    assert_eq!(events, incidents);
}
