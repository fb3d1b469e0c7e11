//! Leaks of things that run in the background: when they end, and that they can be ended.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "support/requests.rs"]
mod requests;

use std::sync::Arc;
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use leaky_service::catalogue::Catalogue;
use leaky_service::controls::Change;
use requests::{apply, request};
use tokio::runtime::{Builder, Runtime};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// No leak may be spared by clients that go away, and no fix defeated.
const ABORTED: fn(u64) -> bool = |_| false;

const DEADLINE: Duration = Duration::from_secs(20);

#[test]
fn timers_end_when_they_are_due_which_is_a_thousand_times_too_late() {
    let (runtime, catalogue) = start();
    let _entered = runtime.enter();
    let timers = catalogue.find("timers").expect("it is in the catalogue");
    let began = Instant::now();
    apply(timers, &Change { parameters: vec![("request_timeout", 1)], ..Change::ON });
    request(&catalogue, 50, ABORTED);
    wait_for("the timers to fire", || timers.count() == 0);
    assert!(began.elapsed() >= Duration::from_secs(1), "1 ms was read as 1 s");
    let cleared = timers.clear().expect("it can be cleared");
    assert_eq!((cleared.count, timers.held_bytes()), (0, 0));
}

#[test]
fn fixed_tasks_and_timers_end_with_their_requests() {
    let (runtime, catalogue) = start();
    let _entered = runtime.enter();
    for name in ["tasks", "timers"] {
        let exhibit = catalogue.find(name).expect("it is in the catalogue");
        apply(exhibit, &Change { patched: Some(true), ..Change::ON });
        request(&catalogue, 500, ABORTED);
        wait_for("the tasks to end", || exhibit.count() == 0);
        apply(exhibit, &Change::OFF);
    }
}

#[test]
fn a_clear_under_load_ends_what_was_there_and_loses_nothing() {
    const REQUESTS: usize = 2000;
    let (runtime, catalogue) = start();
    for name in ["tasks", "timers"] {
        let exhibit = catalogue.find(name).expect("it is in the catalogue");
        let _entered = runtime.enter();
        apply(exhibit, &Change::ON);
        let clear = || exhibit.clear().expect("it can be cleared").count;
        let mut cleared = 0;
        scope(|scope| {
            let load = scope.spawn(|| {
                let _entered = runtime.enter();
                request(&catalogue, REQUESTS, ABORTED);
            });
            while !load.is_finished() {
                cleared += clear();
            }
        });
        cleared += clear();
        assert_eq!(cleared, REQUESTS, "{name}: each ended once");
        assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0), "{name}");
        apply(exhibit, &Change::OFF);
    }
}

fn start() -> (Runtime, Arc<Catalogue>) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let catalogue = Catalogue::new(10_240, None).expect("there are accounts");
    (runtime.expect("a runtime"), Arc::new(catalogue))
}

fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < DEADLINE, "waited in vain for {what}");
        sleep(Duration::from_millis(1));
    }
}
