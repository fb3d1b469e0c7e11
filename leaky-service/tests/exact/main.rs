//! Proof that every pattern takes exactly what it says, each in a process of its own, against the
//! figures of the allocator and of the kernel, which do not know our books.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

mod alone;
mod bound;
mod kernel;
mod outside;
mod proof;
#[path = "../support/requests.rs"]
mod requests;

mod batch;
mod bounded_cache;
mod burst_retention;
mod daily;
mod expiring_cache;
mod fragmentation;
mod load_bound;
mod page_cache;
mod pool;
mod sawtooth;
mod step;
mod warm_up;

use std::env;
use std::process::Command;

use alone::alone;
use leaky_service::pattern::Facts;
use leaky_service::{decoy, leak};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// Tests of leaks by the proof that fits them.
macro_rules! tests {
    ($proof:path: $($leak:ident)*) => {
        $(#[test]
        fn $leak() {
            super::alone(|| $proof(stringify!($leak)));
        })*
    };
}

mod takes_its_bytes_per_request_and_clears_or_says_that_it_cannot {
    tests! { crate::proof::prove:
        cache capacity cycles forgotten history labels listeners queue replies sessions slices tasks
        thread_locals timers
    }
}

mod takes_its_bytes_per_request_outside_of_the_heap_and_clears {
    tests! { crate::outside::prove: mappings native }
}

/// What is counted is proved from outside, with the real binary.
const COUNTED: [&str; 4] = ["files", "connections", "threads", "children"];

#[test]
fn no_pattern_is_without_proof() {
    let list = Command::new(env::current_exe().expect("this program is a file"))
        .arg("--list")
        .output()
        .expect("this program can be started")
        .stdout;
    let list = String::from_utf8(list).expect("names are text");
    let is_proved = |facts: &Facts| {
        COUNTED.contains(&facts.name) || list.split([':', '\n']).any(|part| part == facts.name)
    };
    let all = leak::ALL.iter().chain(decoy::ALL);
    let unproved: Vec<_> = all.filter(|facts| !is_proved(facts)).map(|facts| facts.name).collect();
    assert!(unproved.is_empty(), "{unproved:?}");
}
