//! The return addresses above an allocation, by following frame pointers.
//!
//! The walk reads nothing but the calling thread's own stack, above the frame it starts in: a
//! frame pointer that does not lie there, or does not point further up than the last, ends it.
//! Code built without frame pointers therefore gives short or odd stacks, but never a fault.

use std::cell::Cell;

/// Frames kept of a stack, innermost first. Enough to get from the allocator through the
/// containers of the standard library to the code that used them.
pub(super) const DEPTH: usize = 20;

/// A saved frame pointer and, above it, the return address: on x86-64 and aarch64 alike.
const FRAME_BYTES: usize = 2 * size_of::<usize>();

thread_local! {
    /// The first address past this thread's stack; 0 before it has been asked for.
    static STACK_END: Cell<usize> = const { Cell::new(0) };
}

/// Stands for an end that is being asked for, or is not known: no frame lies below it.
const NO_STACK: usize = 1;

/// The frames above an allocation: a walk that can be made again, and finds the same.
#[derive(Clone)]
pub(super) struct Frames {
    /// The saved frame pointer to read next.
    frame: usize,
    /// It must not lie below this address.
    lowest: usize,
    /// The first address past the stack.
    end: usize,
    left: usize,
}

impl Frames {
    /// Those of the function that this is used in, and of its callers.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "must begin in the frame it is used in")]
    pub(super) fn here() -> Self {
        Self { frame: frame_pointer(), lowest: here(), end: stack_end(), left: DEPTH }
    }
}

/// Return addresses, innermost first.
impl Iterator for Frames {
    type Item = usize;

    #[inline]
    fn next(&mut self) -> Option<usize> {
        let fits = self.frame >= self.lowest && self.frame.is_multiple_of(align_of::<usize>());
        if self.left == 0 || !fits || self.frame.saturating_add(FRAME_BYTES) > self.end {
            return None;
        }
        let (next, return_address) = read_frame(self.frame);
        (self.lowest, self.frame) = (self.frame + FRAME_BYTES, next);
        self.left -= 1;
        (return_address != 0).then_some(return_address)
    }
}

/// An address in the frame of the caller: everything from here up to the end is mapped stack.
#[inline]
fn here() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&marker)).addr()
}

#[inline]
#[expect(unsafe_code, reason = "a frame is two raw words on the stack")]
fn read_frame(frame: usize) -> (usize, usize) {
    let words = std::ptr::with_exposed_provenance::<[usize; 2]>(frame);
    // SAFETY: the caller checked that both words are aligned and lie in this thread's stack,
    // between a live local variable and the end of the stack.
    let [next, return_address] = unsafe { words.read_volatile() };
    (next, without_signature(return_address))
}

/// Drops the pointer-authentication code that aarch64 may keep in the upper bits.
const fn without_signature(address: usize) -> usize {
    if cfg!(target_arch = "aarch64") { address & ((1 << 48) - 1) } else { address }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "must read the register of the frame it is used in")]
#[expect(unsafe_code, reason = "the frame pointer is a register")]
fn frame_pointer() -> usize {
    let frame: usize;
    #[cfg(target_arch = "x86_64")]
    // SAFETY: copies a register; touches neither memory nor flags.
    unsafe {
        std::arch::asm!("mov {}, rbp", out(reg) frame, options(nomem, nostack, preserves_flags));
    }
    #[cfg(target_arch = "aarch64")]
    // SAFETY: copies a register; touches neither memory nor flags.
    unsafe {
        std::arch::asm!("mov {}, x29", out(reg) frame, options(nomem, nostack, preserves_flags));
    }
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    {
        frame = 0;
    }
    frame
}

#[inline]
fn stack_end() -> usize {
    match STACK_END.get() {
        0 => {
            STACK_END.set(NO_STACK);
            let end = ask_stack_end().unwrap_or(NO_STACK);
            STACK_END.set(end);
            end
        }
        end => end,
    }
}

/// Asks the C library, once per thread. What it allocates to answer comes from its own heap.
#[cold]
#[expect(unsafe_code, reason = "the bounds of a stack are known to the C library only")]
fn ask_stack_end() -> Option<usize> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let mut start = std::ptr::null_mut();
    let mut bytes = 0;
    // SAFETY: the attributes are read only after the call that fills them has succeeded, and
    // destroyed once; the other pointers are to live local variables.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let found =
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut bytes);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (found == 0).then(|| start.addr() + bytes)
    }
}
