//! What holds for every pattern: limits, and fixes. In one process, with exact books.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant, SystemTime};

use axum::http::Request;
use leaky_service::controls::Change;
use leaky_service::endpoint::Endpoint;
use leaky_service::exhibit::Exhibit;
use leaky_service::pattern::Event;
use leaky_service::{Service, Settings};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// Each fix must have reached its bound after so many requests.
const FILL: usize = 200;

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn every_leak_once_patched_keeps_what_has_leaked_and_grows_no_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    for exhibit in service.catalogue().exhibits().iter().filter(|exhibit| exhibit.is_leak()) {
        let name = exhibit.facts().name;
        set(exhibit, &Change { enabled: Some(true), ..Change::default() });
        abort(&service, 50);
        let leaked = exhibit.count();
        assert!(leaked >= 50, "{name} keeps {leaked} things of 50 requests");

        set(exhibit, &Change { patched: Some(true), ..Change::default() });
        abort(&service, FILL);
        let (count, held_bytes) = (exhibit.count(), exhibit.held_bytes());
        assert!(count >= leaked, "{name} lost {leaked} things when it was patched");
        abort(&service, FILL);
        // What a fix tells other threads to end is gone in a moment.
        wait_for(name, "to have no more things", || exhibit.count() <= count);
        let grown = || exhibit.held_bytes().saturating_sub(held_bytes);
        wait_for(name, "to hold no more bytes", || grown() < (FILL * 10_240 / 50) as u64);

        set(exhibit, &Change { enabled: Some(false), ..Change::default() });
        if exhibit.facts().unclearable.is_none() {
            exhibit.clear().expect("it can be cleared");
            assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0), "{name}");
        }
    }
}

#[test]
fn events_that_are_due_at_the_cap_are_passed_over() {
    let settings = Settings { max_held_bytes: Some(1 << 20), ..Settings::default() };
    let service = Service::new(settings).expect("the allocator is installed");
    let catalogue = service.catalogue();
    let history = catalogue.find("history").expect("it is in the catalogue");
    set(
        history,
        &Change { enabled: Some(true), per_second: Some(Some(10.0)), ..Change::default() },
    );
    let began = Instant::now();
    assert!(!catalogue.give_due(began + Duration::from_secs(200), 3000));
    // 1 MiB holds 102 entries of 10 KiB.
    assert_eq!(history.count(), 102);
    assert!(catalogue.is_capped(history));
    history.clear().expect("it can be cleared");
    assert!(!catalogue.give_due(began + Duration::from_secs(202), 3000));
    assert_eq!(history.count(), 20, "only those of the last two seconds");
}

#[test]
fn toggling_under_load_a_thousand_times_loses_nothing() {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let leaks = ["cache", "listeners", "history"].map(|name| service.catalogue().find(name));
    let leaks = leaks.map(|leak| leak.expect("it is in the catalogue"));
    let (done, cleared) = (AtomicBool::new(false), leaks.map(|_| AtomicU64::new(0)));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    abort(&service, 10);
                }
            });
        }
        let toggle = |first: usize| {
            for round in 0..1000 {
                let which = (first + round) % leaks.len();
                let enabled = Some(round % 3 != 2);
                set(leaks[which], &Change { enabled, ..Change::default() });
                if round % 10 == 0 {
                    let gone = leaks[which].clear().expect("it can be cleared");
                    cleared[which].fetch_add(gone.count as u64, Ordering::Relaxed);
                }
            }
        };
        let togglers = [0, 1].map(|first| scope.spawn(move || toggle(first)));
        let ended = togglers.map(thread::ScopedJoinHandle::join);
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok), "toggling does not fail");
    });
    for (leak, cleared) in leaks.iter().zip(&cleared) {
        let name = leak.facts().name;
        let seen = cleared.load(Ordering::Relaxed) + leak.count() as u64;
        assert_eq!(seen, leak.touched(), "{name}: everything kept was cleared or is there");
        leak.clear().expect("it can be cleared");
        assert_eq!((leak.count(), leak.held_bytes()), (0, 0), "{name}");
    }
    assert!(leaks.iter().any(|leak| leak.touched() > 0), "there was load");
}

fn wait_for(name: &str, what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for {name}, though patched, {what}");
        sleep(Duration::from_millis(1));
    }
}

fn set(exhibit: &Exhibit, change: &Change) {
    exhibit.apply(change).expect("the controls hold together");
}

/// Requests whose clients go away: no leak may be spared by it, and no fix defeated.
fn abort(service: &Service, requests: usize) {
    let (parts, ()) = Request::new(()).into_parts();
    for _ in 0..requests {
        let (id, received) = (service.catalogue().next_id(), SystemTime::now());
        let endpoint = Some(Endpoint::Data);
        drop(service.catalogue().begin(&Event { id, received, parts: &parts, endpoint }));
    }
}
