//! What holds for every decoy: the cap, and exact books whoever interferes. In one process, with
//! time told by the test.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "support/requests.rs"]
mod requests;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::exhibit::Exhibit;
use leaky_service::{Service, Settings};
use requests::{apply, request};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

const TICK: Duration = Duration::from_millis(50);

/// Every third client goes away.
const SOME_ANSWERED: fn(u64) -> bool = |id| !id.is_multiple_of(3);

const DEADLINE: Duration = Duration::from_mins(1);

#[test]
fn no_decoy_takes_more_than_the_cap_leaves_and_all_of_it_is_cleared() {
    const CAP: u64 = 4 << 20;
    let settings = Settings { max_held_bytes: Some(CAP), ..Settings::default() };
    let service = Service::new(settings).expect("the allocator is installed");
    let mut now = Instant::now();
    for decoy in decoys(&service) {
        let name = decoy.facts().name;
        switch(decoy, true);
        let mut most = 0;
        // Two minutes: twice as long as the longest period that a decoy has at first, but for the
        // day, whose noon they come close to.
        for _ in 0..2400 {
            request(service.catalogue(), 20, SOME_ANSWERED);
            now += TICK;
            service.catalogue().tick(now);
            most = most.max(decoy.held_bytes());
        }
        // A list that grows at the very end may double; entries are 10 KiB.
        assert!(most as f64 <= 1.02 * CAP as f64, "{name} held {most} bytes");
        assert!(most > 1_000_000, "{name} held {most} bytes only");
        switch(decoy, false);
        let count = decoy.count();
        assert_eq!(decoy.clear().expect("it can be cleared").count, count, "{name}");
        assert_eq!((decoy.count(), decoy.held_bytes()), (0, 0), "{name}");
        assert_eq!(decoy.outside().descriptors, 0, "{name}");
    }
}

#[test]
fn switching_sizing_and_clearing_under_load_leaves_no_decoy_with_wrong_books() {
    const ROUNDS: usize = 1000;
    const TOUCHES: u64 = 1000;
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    request(service.catalogue(), 10, SOME_ANSWERED);
                }
            });
        }
        scope.spawn(|| {
            let mut now = Instant::now();
            while !done.load(Ordering::Relaxed) {
                now += TICK;
                service.catalogue().tick(now);
            }
        });
        let interfered = scope.spawn(|| {
            let by_requests = || decoys(&service).filter(|decoy| decoy.facts().per_event.is_some());
            let unused = || by_requests().any(|decoy| decoy.touched() < TOUCHES);
            (0..ROUNDS).for_each(|round| interfere(&service, round));
            let deadline = Instant::now() + DEADLINE;
            for round in (ROUNDS..).take_while(|_| unused()) {
                assert!(Instant::now() < deadline, "a decoy was not touched {TOUCHES} times");
                interfere(&service, round);
            }
        });
        let ended = interfered.join();
        done.store(true, Ordering::Relaxed);
        assert!(ended.is_ok(), "interfering does not fail");
    });
    for decoy in decoys(&service) {
        let name = decoy.facts().name;
        switch(decoy, false);
        decoy.clear().expect("it can be cleared");
        assert_eq!((decoy.count(), decoy.held_bytes()), (0, 0), "{name}");
    }
}

/// Switches, sizes or clears a few of them, differently in each round.
fn interfere(service: &Service, round: usize) {
    for (index, decoy) in decoys(service).enumerate() {
        match (round + index) % 4 {
            0 => drop(decoy.clear().expect("it can be cleared")),
            1 => switch(decoy, !(round / 4 + index).is_multiple_of(3)),
            2 => {
                // The least that there may be, and the default: memory must not run out.
                let least = (round / 4).is_multiple_of(2);
                let value = |parameter: &leaky_service::pattern::Parameter| {
                    let value = if least { *parameter.range.start() } else { parameter.default };
                    (parameter.name, value)
                };
                let parameters = decoy.facts().parameters.iter().map(value).collect();
                apply(decoy, &Change { parameters, ..Change::default() });
            }
            _ => {
                let bytes_per_request = Some(1024 << (round % 5));
                apply(decoy, &Change { bytes_per_request, ..Change::default() });
            }
        }
    }
}

fn decoys(service: &Service) -> impl Iterator<Item = &Exhibit> {
    service.catalogue().exhibits().iter().filter(|exhibit| !exhibit.is_leak())
}

fn switch(exhibit: &Exhibit, enabled: bool) {
    apply(exhibit, &Change { enabled: Some(enabled), ..Change::default() });
}
