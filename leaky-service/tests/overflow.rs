//! More call stacks than the tracker's table has room for, alone in a process: what found no room
//! is counted together, and nothing is lost.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::hint::black_box;

use leaky_service::tracker::{Profile, handed_out_bytes, start};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// Two calls at each of so many levels: 32,768 stacks, of which the table holds 8,192.
const LEVELS: u32 = 15;
const BLOCK_BYTES: usize = 200;

#[test]
fn stacks_beyond_the_table_are_counted_together_to_the_byte() {
    let attribution = start(true).expect("the allocator is installed");
    assert!(attribution.enabled, "{:?}", attribution.reason);
    let mut blocks = Vec::with_capacity(1 << LEVELS);
    descend(LEVELS, &mut blocks);
    assert_eq!(blocks.len(), 1 << LEVELS);

    let (other, here) =
        (blocks_and_bytes("table of call stacks is full"), blocks_and_bytes(file!()));
    assert!(other.0 > 20_000 && here.0 > 5_000, "{other:?} {here:?}");
    let all = (blocks.len() * handed_out_bytes(BLOCK_BYTES)) as u64;
    // Beside the blocks there are the vector of them, in this file, and what the harness has.
    let beside = handed_out_bytes(blocks.capacity() * size_of::<Box<[u8]>>()) as u64;
    let counted = other.1 + here.1;
    assert!((all..all + beside + (1 << 20)).contains(&counted), "{counted} of {all}");

    drop(blocks);
    let other = blocks_and_bytes("table of call stacks is full");
    assert!(other.0 < 1000, "{other:?} are left of what was freed");
}

#[inline(never)]
fn descend(levels: u32, blocks: &mut Vec<Box<[u8]>>) {
    if levels == 0 {
        blocks.push(vec![1; BLOCK_BYTES].into_boxed_slice());
        return;
    }
    // Two return addresses, and no tail call that would drop this frame.
    descend(black_box(levels - 1), blocks);
    black_box(&blocks);
    descend(black_box(levels - 1), blocks);
    black_box(&blocks);
}

/// Live blocks and bytes of the lines whose location contains a text.
fn blocks_and_bytes(location: &str) -> (u64, u64) {
    let profile = Profile::take().expect("this program has symbols");
    let lines = profile.by_line.iter().filter(|usage| usage.location.contains(location));
    lines.fold((0, 0), |sum, usage| (sum.0 + usage.count, sum.1 + usage.bytes))
}
