//! Threads that come and go, more at once than have counters of their own, and blocks that die on
//! another thread than they were born on: alone in a process, nothing is lost.
#![expect(clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::sync::{Arc, Barrier};
use std::thread;

use leaky_service::tracker::{Profile, handed_out_bytes, start};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// More threads at once than there are shards, several times over.
const AT_ONCE: usize = 40;
const TIMES: usize = 8;
const BLOCKS: usize = 500;
const BLOCK_BYTES: usize = 300;

type Block = Box<[u8]>;

#[test]
fn blocks_are_counted_to_the_byte_whichever_threads_make_and_free_them() {
    let attribution = start(true).expect("the allocator is installed");
    assert!(attribution.enabled, "{:?}", attribution.reason);
    let mut held = Vec::with_capacity(AT_ONCE);
    for _ in 0..TIMES {
        held = generation(held);
    }
    let all = held.iter().map(Vec::len).sum::<usize>() as u64;
    let of_one = handed_out_bytes(BLOCK_BYTES) as u64;
    assert_eq!(all as usize, AT_ONCE * BLOCKS);
    let profile = Profile::take().expect("this program has symbols");
    assert_eq!(blocks_and_bytes(&profile), (all, all * of_one));
    assert!(profile.peak_traced_bytes >= 2 * all * of_one, "two generations were alive at once");

    // The last generation is freed by a thread that has made none.
    thread::spawn(|| drop(held)).join().expect("it ends");
    let profile = Profile::take().expect("this program has symbols");
    assert_eq!(blocks_and_bytes(&profile), (0, 0));
    assert!(profile.traced_bytes < profile.peak_traced_bytes);
}

/// New threads, all alive at once, which make blocks and free those of the threads before them.
fn generation(before: Vec<Vec<Block>>) -> Vec<Vec<Block>> {
    let all_alive = Arc::new(Barrier::new(AT_ONCE));
    let mut before = before.into_iter();
    let threads: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (all_alive, old) = (Arc::clone(&all_alive), before.next());
            thread::spawn(move || {
                let blocks = make();
                all_alive.wait();
                drop(old);
                all_alive.wait();
                blocks
            })
        })
        .collect();
    threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
}

fn make() -> Vec<Block> {
    (0..BLOCKS).map(|_| block()).collect()
}

/// The one line whose blocks are counted here.
#[inline(never)]
fn block() -> Block {
    std::hint::black_box(vec![1; BLOCK_BYTES].into_boxed_slice())
}

/// Live blocks and bytes of that line.
fn blocks_and_bytes(profile: &Profile) -> (u64, u64) {
    let source = include_str!("threads.rs");
    let line = source.lines().position(|line| line.contains("black_box(vec![1;")).expect("above");
    let place = format!("tests/threads.rs:{}", line + 1);
    let lines = profile.by_line.iter().filter(|usage| usage.location.ends_with(&place));
    lines.fold((0, 0), |sum, usage| (sum.0 + usage.count, sum.1 + usage.bytes))
}
