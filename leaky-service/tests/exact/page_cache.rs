//! The mapped file, alone in a process: resident to the page, but in no anonymous memory.

use leaky_service::controls::Change;
use leaky_service::{Service, Settings};

use crate::alone::alone;
use crate::kernel::status_bytes;
use crate::proof;

const SIZE: u64 = 64 << 20;
const SMALL: f64 = 1e6;

#[test]
fn page_cache_takes_its_bytes_per_request_of_file_memory_up_to_its_size() {
    alone(|| {
        let service = Service::new(Settings::default()).expect("the allocator is installed");
        let exhibit = service.catalogue().find("page_cache").expect("it is in the catalogue");
        let mut requests = 1..;
        let mut serve =
            |times| requests.by_ref().take(times).for_each(|id| proof::serve(&service, id));
        for bytes_per_request in [4 << 10, 10 << 10, 64 << 10] {
            let parameters = vec![("size", SIZE)];
            let bytes = Some(bytes_per_request);
            let change = Change {
                enabled: Some(true),
                bytes_per_request: bytes,
                parameters,
                ..Change::default()
            };
            exhibit.apply(&change).expect("the controls hold together");
            let (file, anonymous, in_use) =
                (file_bytes(), status_bytes("RssAnon"), proof::in_use_bytes());

            let half = SIZE as usize / bytes_per_request / 2;
            serve(half);
            let expected = (half * bytes_per_request) as f64;
            assert!((exhibit.held_bytes() as f64 / expected - 1.0).abs() < 0.02);
            assert_eq!(exhibit.count(), half);
            let grown = file_bytes() - file;
            assert!((grown / expected - 1.0).abs() < 0.02, "{grown} bytes of file, not {expected}");

            // Once more to its bound, and ten times as many again.
            serve(half + 1);
            assert!(exhibit.held_bytes() as f64 >= 0.98 * SIZE as f64);
            serve(20 * half);
            let (held, grown) = (exhibit.held_bytes(), file_bytes() - file);
            assert!(held as f64 <= 1.02 * SIZE as f64, "it holds {held}");
            assert!((grown / SIZE as f64 - 1.0).abs() < 0.02, "{grown} bytes of file");
            assert!(status_bytes("RssAnon") - anonymous < SMALL, "none of it is anonymous");
            assert!(proof::in_use_bytes() - in_use < SMALL, "none of it is the allocator's");

            let count = exhibit.count();
            let cleared = exhibit.clear().expect("it can be cleared");
            assert_eq!((cleared.count, cleared.freed_bytes), (count, held));
            assert_eq!((exhibit.count(), exhibit.held_bytes()), (0, 0));
            let left = file_bytes() - file;
            assert!(left.abs() < 0.01 * SIZE as f64, "{left} bytes of file are left");
        }
    });
}

/// Where the directory lies in memory, so does the file.
fn file_bytes() -> f64 {
    status_bytes("RssFile") + status_bytes("RssShmem")
}
