//! The step, alone in a process: exact, once, and flat before and after.

use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::{Service, Settings};

use crate::alone::alone;
use crate::bound::Play;

const SIZE: u64 = 40 << 20;
const SECOND: Duration = Duration::from_secs(1);

#[test]
fn step_takes_its_size_once_each_time_it_is_switched_on() {
    alone(|| {
        let switched = |enabled| Change { enabled: Some(enabled), ..Change::default() };
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let mut play = Play::begin("step", bytes_per_request, &[("size", SIZE)]);
            play.stays_at(SIZE as f64, SECOND, 100);
            let flat = play.run(SECOND, 100);
            assert!(flat.highest_bytes - flat.lowest_bytes < 1.0, "{flat:?}");

            play.change(&switched(false));
            assert!(play.run(SECOND, 0).lowest_bytes >= flat.lowest_bytes, "it stays");
            play.change(&switched(true));
            play.stays_at(SIZE as f64, SECOND, 100);
            play.clear();
            assert!(
                play.run(SECOND, 100).highest_bytes < 1.0,
                "a cleared rule is not loaded again"
            );
        }
        comes_when_it_is_due();
    });
}

/// Part of the one test, because a second thread's allocations would blur the allocator's figure.
fn comes_when_it_is_due() {
    let service = Service::new(Settings::default()).expect("the allocator is installed");
    let step = service.catalogue().find("step").expect("it is in the catalogue");
    let (start_after, ramp) = (Some(10 * SECOND), Some(20 * SECOND));
    let parameters = vec![("size", SIZE)];
    let change = Change { enabled: Some(true), start_after, ramp, parameters, ..Change::default() };
    step.apply(&change).expect("the controls hold together");
    let began = Instant::now();
    for (seconds, fraction) in [(9, 0.0), (15, 0.25), (20, 0.5), (30, 1.0), (60, 1.0)] {
        service.catalogue().tick(began + seconds * SECOND);
        let held = step.held_bytes() as f64 / SIZE as f64;
        assert!((held - fraction).abs() < 0.02, "{held} after {seconds} s, not {fraction}");
    }
}
