//! The `thread_locals` leak, alone in a process: it takes what it says, and gives all of it back.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

#[path = "exact/proof.rs"]
mod proof;

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

#[test]
fn thread_locals_takes_its_bytes_per_request_within_two_percent_and_clears() {
    proof::prove("thread_locals");
}
