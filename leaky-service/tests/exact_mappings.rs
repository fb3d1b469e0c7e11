//! The mappings leak, alone in a process: resident memory grows by what it says, unseen by the
//! program's allocator, and comes back.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "exact/outside.rs"]
mod outside;

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

#[test]
fn mappings_takes_its_bytes_per_request_outside_of_the_heap_and_clears() {
    outside::prove("mappings");
}
