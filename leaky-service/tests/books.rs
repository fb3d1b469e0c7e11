//! The tracker's books: exact for every way in which memory comes, moves and goes.

use std::sync::{Mutex, PoisonError};
use std::thread;

use leaky_service::tracker::{Account, handed_out_bytes, start};

#[global_allocator]
static ALLOCATOR: leaky_service::TrackingAllocator = leaky_service::TrackingAllocator;

/// Accounts are a process-wide resource, and one test takes them all.
static ACCOUNTS: Mutex<()> = Mutex::new(());

#[test]
fn a_block_is_taken_off_its_account_by_whichever_thread_frees_it() {
    let _alone = alone();
    let account = Account::open().expect("an account is free");
    let (block, net_bytes) = account.measure(|| vec![1_u8; 1000]);
    assert_eq!(account.held_bytes(), handed_out_bytes(1000) as u64);
    assert_eq!(net_bytes.unsigned_abs(), account.held_bytes());
    thread::spawn(move || drop(block)).join().expect("it only frees");
    assert_eq!(account.held_bytes(), 0);
}

#[test]
fn a_container_is_charged_for_what_it_has_grown_to() {
    let _alone = alone();
    let account = Account::open().expect("an account is free");
    let mut numbers: Vec<u64> = Vec::new();
    account.measure(|| numbers.extend(0..10_000));
    assert_eq!(account.held_bytes(), handed_out_bytes(numbers.capacity() * 8) as u64);
    // Reallocated by somebody who is charged for nothing, it stays where it was.
    numbers.shrink_to_fit();
    assert_eq!(account.held_bytes(), handed_out_bytes(80_000) as u64);
    assert!(numbers.iter().copied().eq(0..10_000), "a reallocation keeps the contents");
    drop(numbers);
    assert_eq!(account.held_bytes(), 0);
}

#[test]
fn an_inner_account_is_charged_instead_of_the_outer_one() {
    let _alone = alone();
    let outer = Account::open().expect("an account is free");
    let inner = Account::open().expect("an account is free");
    let ((first, second), outer_net_bytes) = outer.measure(|| {
        let first = Box::new([1_u8; 100]);
        let (second, _) = inner.measure(|| Box::new([2_u8; 300]));
        (first, second)
    });
    assert_eq!(outer.held_bytes(), handed_out_bytes(100) as u64);
    assert_eq!(outer_net_bytes.unsigned_abs(), outer.held_bytes());
    assert_eq!(inner.held_bytes(), handed_out_bytes(300) as u64);
    drop((first, second));
    assert_eq!((outer.held_bytes(), inner.held_bytes()), (0, 0));
}

#[test]
fn blocks_are_aligned_as_asked_and_zeroed_where_asked() {
    #[repr(align(4096))]
    struct Page([u8; 4096]);

    let _alone = alone();
    let account = Account::open().expect("an account is free");
    let (pages, _) = account.measure(|| {
        let mut pages = Vec::with_capacity(1);
        pages.extend((0..9).map(|fill| Page([fill; 4096])));
        pages
    });
    assert_eq!(pages.as_ptr().addr() % 4096, 0);
    assert!(pages.iter().zip(0..).all(|(page, fill)| page.0 == [fill; 4096]));
    assert!(account.held_bytes() >= 9 * 4096);
    drop(pages);
    assert_eq!(account.held_bytes(), 0);
    for size in [1, 15, 16, 17, 1000, 100_000] {
        assert!(vec![0_u8; size].iter().all(|byte| *byte == 0), "{size}");
    }
}

#[test]
fn books_balance_after_many_threads_pass_blocks_around() {
    const THREADS: usize = 4;
    let _alone = alone();
    start(true).expect("the allocator is installed");
    let account = Account::open().expect("an account is free");
    let shared: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for seed in 0..THREADS {
            let (account, shared) = (&account, &shared);
            scope.spawn(move || {
                for round in 0..5000 {
                    let size = (seed + 1) * (round % 97) + 1;
                    let (block, _) = account.measure(|| vec![3_u8; size]);
                    let mut blocks = shared.lock().expect("nobody panics");
                    blocks.push(block);
                    if blocks.len() > 100 {
                        let at = round % blocks.len();
                        blocks.swap_remove(at);
                    }
                }
            });
        }
    });
    let blocks = shared.into_inner().expect("nobody panicked");
    let expected: usize = blocks.iter().map(|block| handed_out_bytes(block.capacity())).sum();
    assert_eq!(account.held_bytes(), expected as u64);
    drop(blocks);
    assert_eq!(account.held_bytes(), 0);
}

#[test]
fn there_are_255_accounts_and_a_closed_one_is_free_again() {
    let _alone = alone();
    let mut accounts: Vec<_> = std::iter::from_fn(|| Account::open().ok()).collect();
    assert_eq!(accounts.len(), 255);
    let refused = Account::open().expect_err("all are taken");
    assert!(refused.to_string().contains("in use"), "{refused}");
    accounts.pop();
    assert!(Account::open().is_ok());
}

fn alone() -> impl Drop {
    ACCOUNTS.lock().unwrap_or_else(PoisonError::into_inner)
}
