//! Whatever the text, the reader of ground truth reads or refuses it; what it read, it writes and
//! reads back the same.
#![no_main]

use libfuzzer_sys::fuzz_target;

// The file alone: the whole of `lab` would bring the service and its allocator along.
#[path = "../../lab/src/corpus/truth.rs"]
#[expect(dead_code, reason = "a part of another crate")]
mod truth;

fuzz_target!(|text: &str| {
    let Ok(read) = truth::Truth::parse(text) else { return };
    let written = read.to_yaml();
    let again = truth::Truth::parse(&written);
    assert_eq!(again.as_ref(), Ok(&read), "{written}");
});
