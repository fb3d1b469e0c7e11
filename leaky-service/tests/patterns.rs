//! What holds for every pattern: limits, and fixes. In one process, with exact books.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "support/requests.rs"]
mod requests;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::exhibit::Exhibit;
use leaky_service::{Service, Settings};
use requests::{apply, request};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// Each fix must have reached its bound after so many requests.
const FILL: usize = 200;

/// No leak may be spared by clients that go away, and no fix defeated.
const ABORTED: fn(u64) -> bool = |_| false;

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn every_leak_once_patched_keeps_what_has_leaked_and_grows_no_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let _entered = runtime.enter();
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    for exhibit in service.catalogue().exhibits().iter().filter(|exhibit| exhibit.is_leak()) {
        let name = exhibit.facts().name;
        apply(exhibit, &Change::ON);
        request(service.catalogue(), 50, ABORTED);
        let leaked = exhibit.count();
        assert!(leaked >= 50, "{name} keeps {leaked} things of 50 requests");

        apply(exhibit, &Change { patched: Some(true), ..Change::default() });
        request(service.catalogue(), FILL, ABORTED);
        let (count, held_bytes) = (exhibit.count(), exhibit.held_bytes());
        assert!(count >= leaked, "{name} lost {leaked} things when it was patched");
        request(service.catalogue(), FILL, ABORTED);
        // What a fix tells other threads to end is gone in a moment.
        wait_for(name, "to have no more things", || exhibit.count() <= count);
        let grown = || exhibit.held_bytes().saturating_sub(held_bytes);
        wait_for(name, "to hold no more bytes", || grown() < (FILL * 10_240 / 50) as u64);

        apply(exhibit, &Change::OFF);
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
    apply(history, &Change { per_second: Some(Some(10.0)), ..Change::ON });
    let began = Instant::now();
    assert!(!catalogue.give_due(began + Duration::from_secs(200), 3000));
    // 1 MiB holds 102 entries of 10 KiB.
    assert_eq!(history.count(), 102);
    assert!(history.is_capped());
    history.clear().expect("it can be cleared");
    assert!(!catalogue.give_due(began + Duration::from_secs(202), 3000));
    assert_eq!(history.count(), 20, "only those of the last two seconds");
}

#[test]
fn the_cap_is_not_passed_by_one_entry_however_many_add_at_once() {
    const ENTRY: usize = 1 << 20;
    const CAP: u64 = 9 << 20;
    let settings = Settings { max_held_bytes: Some(CAP), ..Settings::default() };
    let service = Service::new(settings).expect("the allocator is installed");
    let catalogue = service.catalogue();
    for (one, other) in [("cache", "history"), ("native", "mappings"), ("slices", "native")] {
        let leaks = [one, other].map(|name| catalogue.find(name).expect("it is in the catalogue"));
        for leak in leaks {
            apply(leak, &Change { bytes_per_request: Some(ENTRY), ..Change::ON });
        }
        for _ in 0..20 {
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| request(catalogue, 4, ABORTED));
                }
            });
            let held = leaks.map(Exhibit::held_bytes).into_iter().sum::<u64>();
            // But for the tables that list a handful of entries.
            assert!(held <= CAP + 4096, "{one} and {other} hold {held} bytes");
            assert!(held > CAP - 2 * ENTRY as u64, "{one} and {other} hold {held} bytes only");
            assert!(leaks.iter().all(|leak| leak.is_capped()), "{one} and {other}");
            for leak in leaks {
                leak.clear().expect("it can be cleared");
            }
        }
        for leak in leaks {
            apply(leak, &Change::OFF);
        }
    }
}

#[test]
fn a_leak_at_its_cap_is_still_served_by_its_fix() {
    let settings = Settings { max_held_bytes: Some(1 << 20), ..Settings::default() };
    let service = Service::new(settings).expect("the allocator is installed");
    for name in ["history", "native", "slices"] {
        let leak = service.catalogue().find(name).expect("it is in the catalogue");
        apply(leak, &Change::ON);
        request(service.catalogue(), 200, ABORTED);
        let touched = leak.touched();
        assert!(leak.is_capped() && touched < 110, "{name}: {touched}");
        apply(leak, &Change { patched: Some(true), ..Change::ON });
        request(service.catalogue(), 5, ABORTED);
        assert_eq!(leak.touched(), touched + 5, "{name}");
        assert!(!leak.is_capped(), "{name}");
        assert!(leak.held_bytes() <= (1 << 20) + (1 << 16), "{name}: {}", leak.held_bytes());
        apply(leak, &Change { patched: Some(false), ..Change::OFF });
        leak.clear().expect("it can be cleared");
    }
}

#[test]
fn requests_have_no_part_in_what_goes_by_the_clock() {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    for name in ["step", "batch", "burst_retention"] {
        let decoy = service.catalogue().find(name).expect("it is in the catalogue");
        apply(decoy, &Change::ON);
        request(service.catalogue(), 5, |_| true);
        service.catalogue().tick(Instant::now());
        assert_eq!(decoy.touched(), 0, "{name}");
        assert!(decoy.held_bytes() > 0, "{name}");
    }
}

#[test]
fn nothing_that_goes_by_time_goes_on_after_it_is_switched_off() {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let catalogue = service.catalogue();
    let large = || Change { parameters: vec![("size", 1 << 30)], ..Change::ON };
    let often = || Change { per_second: Some(Some(10_000.0)), ..Change::ON };
    let cases = [("step", large()), ("batch", large()), ("history", often())];
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut now = Instant::now();
            while !done.load(Ordering::Relaxed) {
                now += Duration::from_millis(50);
                catalogue.tick(now);
                catalogue.give_due(now, 500);
            }
        });
        let stopped = scope.spawn(|| {
            for (name, by_time) in cases.iter().cycle().take(60) {
                let exhibit = catalogue.find(name).expect("it is in the catalogue");
                apply(exhibit, by_time);
                wait_for(name, "to begin", || exhibit.count() > 0);
                apply(exhibit, &Change::OFF);
                let count = exhibit.count();
                sleep(Duration::from_millis(5));
                let later = exhibit.count();
                assert!(later <= count, "{name} went from {count} to {later}");
                exhibit.clear().expect("it can be cleared");
            }
        });
        let stopped = stopped.join();
        done.store(true, Ordering::Relaxed);
        assert!(stopped.is_ok(), "it stops");
    });
}

#[test]
fn toggling_under_load_a_thousand_times_loses_nothing() {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    // Those that keep one thing of each request, and can be cleared; threads and children take long
    // to start, and some end by themselves.
    let others = ["forgotten", "threads", "children", "tasks", "timers", "queue", "thread_locals"];
    let exhibits = service.catalogue().exhibits().iter();
    let leaks = exhibits.filter(|leak| leak.is_leak() && !others.contains(&leak.facts().name));
    let leaks: Vec<_> = leaks.collect();
    assert!(leaks.len() > 10);
    let done = AtomicBool::new(false);
    let cleared: Vec<_> = leaks.iter().map(|_| AtomicU64::new(0)).collect();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    request(service.catalogue(), 10, ABORTED);
                }
            });
        }
        let (leaks, cleared) = (&leaks, &cleared);
        let toggle = move |first: usize| {
            for round in 0..1000 * leaks.len() {
                let which = (first + round) % leaks.len();
                let enabled = Some(round / leaks.len() % 3 != 2);
                apply(leaks[which], &Change { enabled, ..Change::default() });
                if round / leaks.len() % 10 == 0 {
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
        assert!(began.elapsed() < DEADLINE, "waited in vain for {name} {what}");
        sleep(Duration::from_millis(1));
    }
}
