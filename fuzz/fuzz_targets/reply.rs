//! Whatever the bytes of a reply, and however they are cut into reads, the decoder comes to the
//! same end, and keeps no more of them than the beginning of a head.
//!
//! An input is a line that ends at the first line feed, and the reply. Its first byte is the method,
//! `H` for HEAD; the others are the lengths of the reads, over and over.
#![no_main]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libfuzzer_sys::fuzz_target;

// The decoder alone: the whole of `loadgen` would bring TLS, HTTP/2 and a runtime along.
#[path = "../../loadgen/src/connections/http1/chunks.rs"]
mod chunks;
#[path = "../../loadgen/src/connections/http1/decoder.rs"]
mod decoder;

/// What it knows of `loadgen/src/failure.rs`.
mod failure {
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) enum ErrorKind {
        Closed,
        Protocol,
        Oversized,
    }
}

/// What it knows of `loadgen/src/connections.rs`.
mod connections {
    /// No read is longer, there as here, and an input reaches past it.
    pub(crate) const MAX_HEAD_BYTES: usize = 256;
    pub(crate) const MAX_BODY_BYTES: u64 = 64 * 1024 * 1024;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct Reply {
        pub(crate) status: u16,
        pub(crate) body_bytes: u64,
    }
}

use connections::{MAX_HEAD_BYTES, Reply};
use decoder::Decoder;
use failure::ErrorKind;

/// Counts what is allocated and not yet freed.
struct Counting;

static HELD_BYTES: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: the system's allocator does it all.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD_BYTES.fetch_add(layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD_BYTES.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What comes of a reply: it, its body, and whether the connection can be used on.
type Outcome = Result<(Reply, Vec<u8>, bool), ErrorKind>;

fn decode<'a>(
    decoder: &mut Decoder,
    is_head: bool,
    mut reads: impl Iterator<Item = &'a [u8]>,
    bytes: usize,
) -> Outcome {
    let mut body = Vec::with_capacity(bytes);
    let before = HELD_BYTES.load(Relaxed);
    decoder.expect(is_head);
    let reply = loop {
        let Some(read) = reads.next() else { break decoder.end()? };
        let fed = decoder.feed(read, &mut |data: &[u8]| body.extend_from_slice(data))?;
        // Twice the longest head, in a vector that doubles.
        let held = HELD_BYTES.load(Relaxed).saturating_sub(before);
        assert!(held <= 4 * MAX_HEAD_BYTES, "{held} bytes are held");
        if let Some(reply) = fed {
            break reply;
        }
    };
    assert_eq!(reply.body_bytes, body.len() as u64, "the body is as long as the reply says");
    // What is still to be read belongs to nobody: the connection would be found not ready.
    let reusable = decoder.is_reusable() && reads.next().is_none();
    Ok((reply, body, reusable))
}

/// The bytes in reads of these lengths, of one byte at least.
fn cut<'a>(mut bytes: &'a [u8], lengths: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    lengths.iter().cycle().map_while(move |length| {
        let (read, rest) = bytes.split_at(bytes.len().min(usize::from(*length).max(1)));
        bytes = rest;
        (!read.is_empty()).then_some(read)
    })
}

fuzz_target!(|input: &[u8]| {
    let Some(end) = input.iter().position(|byte| *byte == b'\n') else { return };
    let (line, reply) = (&input[..end], &input[end + 1..]);
    let [method, lengths @ ..] = line else { return };
    if lengths.is_empty() {
        return;
    }
    let is_head = *method == b'H';
    // One decoder, as a connection has it: nothing of a reply may be left to the next.
    let mut decoder = Decoder::default();
    let pieces = decode(&mut decoder, is_head, cut(reply, lengths), reply.len());
    let whole = (!reply.is_empty()).then_some(reply).into_iter();
    let whole = decode(&mut decoder, is_head, whole, reply.len());
    assert_eq!(pieces, whole, "in pieces, it reads otherwise");
});
