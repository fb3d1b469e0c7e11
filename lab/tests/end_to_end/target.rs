//! The service as the lab uses it: its catalogue, and that a target is put back.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

use detector::Signal;
use lab::drill::{self, Shipped, Target, TargetKind};
use lab::service::Service;
use lab::session::RollBack;
use leaky_service::pattern::Role;

use crate::{Bench, LEAKLAB};

fn get(service: &Service, path: &str) {
    let url = format!("http://{}{path}", service.address());
    ureq::get(&url).call().expect("an answer");
}

fn cache() -> Target {
    let shipped = Shipped::find("cache").expect("a shipped drill");
    drill::parse(&shipped.file(), shipped.text).expect("a valid drill").target
}

#[test]
fn the_truth_of_every_leak_and_decoy_is_told() {
    let _bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
    for facts in leaky_service::leaks::all() {
        let kind = if facts.role == Role::Leak { TargetKind::Leak } else { TargetKind::Decoy };
        let target = Target { kind, name: facts.name.to_owned(), ..cache() };
        let truth = RollBack::new(service.address(), target).truth().expect("a status");
        assert_eq!((truth.entries, truth.gauges.len()), (0, 2), "{}", facts.name);
        assert!(truth.signals.contains_key(&Signal::HeapBytes), "{}", facts.name);
    }
}

#[test]
fn a_panic_while_the_leak_is_on_rolls_it_back() {
    let _bench = Bench::new();
    let service = Service::start(Path::new(LEAKLAB), Duration::ZERO, || false).expect("a service");
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
