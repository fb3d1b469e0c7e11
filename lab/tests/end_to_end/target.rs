//! The service as the lab uses it: its catalogue, and that a target is put back.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;

use lab::drill::{self, DECOYS, LEAKS, Shipped, Target};
use lab::service::Service;
use lab::session::RollBack;
use serde_json::Value;

use crate::{Bench, LEAKLAB};

fn get(service: &Service, path: &str) -> Value {
    let url = format!("http://{}{path}", service.address());
    ureq::get(&url).call().expect("an answer").body_mut().read_json().expect("JSON")
}

fn cache() -> Target {
    let shipped = Shipped::find("cache").expect("a shipped drill");
    drill::parse(&shipped.file(), shipped.text).expect("a valid drill").target
}

#[test]
fn drills_know_every_leak_and_decoy_of_the_service() {
    let _bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), || false).expect("a service");
    let status = get(&service, "/admin/leaks/status");
    for (group, known) in [("leaks", &LEAKS[..]), ("decoys", &DECOYS[..])] {
        let mut names: Vec<_> = status[group].as_object().expect("a group").keys().collect();
        let mut known = known.to_vec();
        names.sort();
        known.sort_unstable();
        assert_eq!(names, known);
    }
}

#[test]
fn a_panic_while_the_leak_is_on_rolls_it_back() {
    let _bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), || false).expect("a service");
    let panicked = panic::catch_unwind(AssertUnwindSafe(|| {
        let mut target = RollBack::new(service.address(), cache());
        target.inject().expect("injected");
        get(&service, "/api/data");
        assert_eq!(target.truth().expect("a status").entries, 1);
        panic!("while the leak is on");
    }));
    assert!(panicked.is_err());
    get(&service, "/api/data");
    let left = RollBack::new(service.address(), cache()).truth().expect("a status");
    assert_eq!((left.entries, left.held_bytes), (0, 0));
}
