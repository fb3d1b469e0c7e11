//! Burst retention, alone in a process: what a burst used stays resident, is in use by nobody, and
//! does for every later burst.

use std::time::{Duration, Instant};

use leaky_service::controls::Change;
use leaky_service::{Service, Settings, heap};

use crate::alone::alone;
use crate::kernel::{anonymous_bytes, anonymous_bytes_at_rest, settled};
use crate::proof;

const SIZE: f64 = (80 << 20) as f64;
const SMALL: f64 = 1e6;
const TICK: Duration = Duration::from_millis(50);

#[test]
fn burst_retention_keeps_what_one_burst_used_and_no_more() {
    alone(|| {
        let service = Service::new(Settings::default()).expect("the allocator is installed");
        let exhibit = service.catalogue().find("burst_retention").expect("it is in the catalogue");
        let mut now = Instant::now();
        let mut tick = |times: u32| {
            for _ in 0..times {
                now += TICK;
                service.catalogue().tick(now);
            }
        };
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let (resident, in_use) = (anonymous_bytes_at_rest(), proof::in_use_bytes());
            let parameters = vec![("size", SIZE as u64), ("period", 1000)];
            let (enabled, bytes) = (Some(true), Some(bytes_per_request));
            let change =
                Change { enabled, bytes_per_request: bytes, parameters, ..Change::default() };
            exhibit.apply(&change).expect("the controls hold together");
            // 80 MiB are allocated in three ticks, and freed at the fourth.
            tick(3);
            let burst = proof::in_use_bytes() - in_use;
            assert!((burst / SIZE - 1.0).abs() < 0.02, "{burst} bytes in use at the peak");
            for bursts in 0..11 {
                tick(1);
                assert!(proof::in_use_bytes() - in_use < SMALL, "all is freed, {bursts}");
                let held = exhibit.held_bytes() as f64;
                assert!((held / SIZE - 1.0).abs() < 0.02, "{held} bytes are kept, {bursts}");
                // jemalloc remembers each block of a page in 128 bytes of its own: 3 %.
                let is_kept = |grown: f64| (0.98..1.05).contains(&(grown / SIZE));
                let grown = settled(|| anonymous_bytes() - resident, is_kept);
                assert!(is_kept(grown), "{grown} bytes are resident, {bursts}");
                let each = exhibit.measured_bytes_per_request().expect("it keeps something");
                assert!(
                    (each / bytes_per_request as f64 - 1.0).abs() < 0.02,
                    "{each} bytes a block"
                );
                tick(19);
            }
            exhibit
                .apply(&Change { enabled: Some(false), ..Change::default() })
                .expect("it can be");
            tick(20);
            assert!((exhibit.held_bytes() as f64 / SIZE - 1.0).abs() < 0.02, "it stays");

            let count = exhibit.count();
            assert_eq!(exhibit.clear().expect("it can be cleared").count, count);
            assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0));
            let is_back = |left: f64| left < 10.0 * SMALL;
            let left = settled(|| anonymous_bytes() - resident, is_back);
            assert!(is_back(left), "{left} bytes are left");
        }
        exhibit.apply(&Change { enabled: Some(true), ..Change::default() }).expect("it can be");
        tick(10);
        heap::purge().expect("jemalloc is the allocator");
        tick(1);
        assert!((exhibit.held_bytes() as f64) < SMALL, "a purge takes it, and the books know");
    });
}
