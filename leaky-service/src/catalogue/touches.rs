//! Which requests and which moments touch which patterns.

use std::collections::HashSet;
use std::time::Duration;

use super::*;
use crate::controls::Change;
use crate::endpoint::Endpoint;

fn touch(catalogue: &Arc<Catalogue>, endpoint: Endpoint) -> Vec<&'static str> {
    let (parts, ()) = Request::new(()).into_parts();
    let (id, received) = (catalogue.next_id(), SystemTime::now());
    let event = Event { id, received, parts: &parts, endpoint: Some(endpoint) };
    let visit = catalogue.begin(&event);
    let touched = visit.touched().map(|facts| facts.name).collect();
    visit.answered();
    touched
}

fn with(name: &str, change: &Change) -> Arc<Catalogue> {
    let catalogue = Arc::new(Catalogue::new(10_240, Some(1 << 20)).unwrap());
    catalogue.find(name).unwrap().apply(change).unwrap();
    catalogue
}

#[test]
fn patterns_share_no_name_gauge_field_or_fill() {
    let catalogue = Catalogue::new(10_240, None).unwrap();
    let exhibits = catalogue.exhibits();
    let distinct = |values: Vec<&str>| values.into_iter().collect::<HashSet<_>>().len();
    let names = || exhibits.iter().map(Exhibit::names);
    assert_eq!(distinct(exhibits.iter().map(|e| e.facts().name).collect()), exhibits.len());
    let removed = names().map(|names| names.removed_field_in_all.as_str());
    assert_eq!(distinct(removed.collect()), exhibits.len());
    let gauges = names().flat_map(|names| [&*names.count_gauge, &*names.bytes_gauge]);
    assert_eq!(distinct(gauges.collect()), 2 * exhibits.len());
    let fills: HashSet<_> = exhibits.iter().map(|exhibit| exhibit.facts().fill).collect();
    assert_eq!(fills.len(), exhibits.len());
    assert!(!fills.contains(&0));
}

#[test]
fn what_is_switched_off_is_not_touched() {
    let catalogue = with("history", &Change::ON);
    let history = catalogue.find("history").unwrap();
    assert_eq!(touch(&catalogue, Endpoint::Data), ["history"]);
    history.apply(&Change::OFF).unwrap();
    assert!(touch(&catalogue, Endpoint::Data).is_empty());
    assert_eq!((history.count(), history.touched()), (1, 1), "what was kept stays");
}

#[test]
fn only_the_chosen_endpoint_and_share_of_requests_touch() {
    let endpoint = Some(Some(Endpoint::Search));
    let catalogue = with("cache", &Change { endpoint, share: Some(0.25), ..Change::ON });
    let mut touched = 0;
    for _ in 0..40 {
        assert!(touch(&catalogue, Endpoint::Data).is_empty());
        touched += touch(&catalogue, Endpoint::Search).len();
    }
    assert_eq!(touched, 10);
}

#[test]
fn what_comes_in_whole_pages_keeps_the_cap_too() {
    let page_bytes = rustix::param::page_size() as u64;
    let catalogue = Arc::new(Catalogue::new(1024, Some(2 * page_bytes + 3 * 1024)).unwrap());
    catalogue.find("mappings").unwrap().apply(&Change::ON).unwrap();
    for _ in 0..10 {
        touch(&catalogue, Endpoint::Data);
    }
    assert_eq!(catalogue.held_bytes(), 2 * page_bytes);
}

#[test]
fn nothing_is_touched_before_it_is_time() {
    let catalogue =
        with("cache", &Change { start_after: Some(Duration::from_hours(1)), ..Change::ON });
    assert!((0..100).all(|_| touch(&catalogue, Endpoint::Data).is_empty()));
}

#[test]
fn events_by_time_are_given_in_bounded_steps_and_requests_are_not() {
    let catalogue = with("history", &Change { per_second: Some(Some(10.0)), ..Change::ON });
    assert!(touch(&catalogue, Endpoint::Data).is_empty());
    let history = catalogue.find("history").unwrap();
    let later = Instant::now() + Duration::from_secs(2);
    assert!(catalogue.give_due(later, 15), "some are left");
    assert_eq!(history.count(), 15);
    assert!(!catalogue.give_due(later, 15));
    assert_eq!((history.count(), history.touched()), (20, 20));
    assert!(!catalogue.give_due(later, 15));
    assert_eq!(history.count(), 20);
}
