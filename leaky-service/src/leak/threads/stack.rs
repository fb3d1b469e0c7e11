//! How much of its own stack a thread has made resident, as the kernel counts it.
#![expect(unsafe_code, reason = "a stack is named by an address, and only C says which")]

use std::mem::MaybeUninit;
use std::ptr;

use rustix::param::page_size;

/// Pages of the largest stack that is looked at; ours have sixteen, or fewer larger ones.
const MOST_PAGES: usize = 64;

/// Bytes of the calling thread's stack that are backed by memory, what the C library keeps at its end
/// for the thread included; 0 if nobody says.
pub fn resident_bytes() -> u64 {
    let Some((address, length)) = own_stack() else { return 0 };
    let mut pages = [0_u8; MOST_PAGES];
    let count = length.div_ceil(page_size());
    if count > MOST_PAGES {
        return 0;
    }
    // SAFETY: the range is this thread's stack, which is mapped while the thread runs, and there is
    // room for a byte per page.
    let code = unsafe { libc::mincore(address, length, pages.as_mut_ptr()) };
    if code != 0 {
        return 0;
    }
    let resident = pages[..count].iter().filter(|page| **page & 1 == 1).count();
    (resident * page_size()) as u64
}

/// Where the calling thread's stack begins, and its length.
fn own_stack() -> Option<(*mut libc::c_void, usize)> {
    let mut attributes = MaybeUninit::uninit();
    // SAFETY: the attributes are set by the first call before the second reads them, and destroyed.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let mut attributes: libc::pthread_attr_t = attributes.assume_init();
        let (mut address, mut length) = (ptr::null_mut(), 0);
        let code =
            libc::pthread_attr_getstack(&raw const attributes, &raw mut address, &raw mut length);
        libc::pthread_attr_destroy(&raw mut attributes);
        (code == 0).then_some((address, length))
    }
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::thread::Builder;

    use super::*;

    #[test]
    fn a_stack_is_resident_as_far_as_it_was_used() {
        let resident = |used: fn()| {
            let thread = Builder::new().stack_size(240 << 10).spawn(move || {
                used();
                resident_bytes()
            });
            thread.unwrap().join().unwrap()
        };
        let (little, much) = (resident(|| ()), resident(use_much));
        assert!(little > 0 && little < 40 << 10, "{little}");
        assert!((90 << 10..220 << 10).contains(&(much - little)), "{much} and {little}");
    }

    /// A hundred kilobytes, by frames of ten.
    fn use_much() {
        descend(10);
    }

    #[inline(never)]
    fn descend(frames: usize) {
        let frame = black_box([1_u8; 10 << 10]);
        if frames > 1 {
            descend(frames - 1);
        }
        black_box(frame);
    }
}
