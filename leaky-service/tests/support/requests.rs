//! Requests as the service's handlers make them of the catalogue, without a network between.

use std::sync::Arc;
use std::time::SystemTime;

use axum::http::Request;
use leaky_service::catalogue::Catalogue;
use leaky_service::controls::Change;
use leaky_service::endpoint::Endpoint;
use leaky_service::exhibit::Exhibit;
use leaky_service::pattern::Event;

/// So many requests, of which those are answered whose id says so; the clients of the others go
/// away.
pub fn request(catalogue: &Arc<Catalogue>, requests: usize, is_answered: impl Fn(u64) -> bool) {
    let (parts, ()) = Request::new(()).into_parts();
    for _ in 0..requests {
        let (id, received) = (catalogue.next_id(), SystemTime::now());
        let endpoint = Some(Endpoint::Data);
        let visit = catalogue.begin(&Event { id, received, parts: &parts, endpoint });
        if is_answered(id) {
            visit.answered();
        }
    }
}

/// Changes controls to what they can be.
pub fn apply(exhibit: &Exhibit, change: &Change) {
    exhibit.apply(change).expect("the controls hold together");
}
