//! Checksums (SHA-256): of files, so that nobody is misled by one that was changed, and of what a
//! trace says, so that scores are compared only where they are of the same series.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Trace;

/// The checksum of bytes, in hexadecimal.
pub fn of_bytes(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes))
}

/// The checksum of a trace: its name, its truth and its samples, however they are stored.
pub fn of_trace(trace: &Trace) -> String {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(trace.name.as_bytes());
    part(trace.truth.to_yaml().as_bytes());
    let mut numbers = Vec::new();
    for seen in &trace.observations {
        numbers.clear();
        let mut number = |tag: u8, value: f64| {
            numbers.push(tag);
            numbers.extend(value.to_le_bytes());
        };
        number(b't', seen.t_seconds);
        seen.start_seconds.iter().for_each(|start| number(b's', *start));
        seen.requests_total.iter().for_each(|requests| number(b'r', *requests));
        seen.signals.iter().for_each(|(signal, value)| number(*signal as u8, *value));
        seen.gauges.values().for_each(|value| number(b'g', *value));
        seen.gauges.keys().for_each(|name| numbers.extend(name.as_bytes()));
        part(&numbers);
    }
    hexadecimal(&hash.finalize())
}

/// The checksum of a corpus from those of its traces, in whatever order they come.
pub fn of_corpus<'a>(traces: impl Iterator<Item = &'a str>) -> String {
    let mut sums: Vec<&str> = traces.collect();
    sums.sort_unstable();
    of_bytes(sums.concat().as_bytes())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::{Half, Recipe};

    #[test]
    fn it_is_sha_256() {
        // FIPS 180-4's example.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), abc);
    }

    #[test]
    fn a_trace_that_says_anything_else_has_another_checksum() {
        let trace = Recipe { seed: 1, half: Half::Tune, traces: 1 }.trace(0);
        let sum = of_trace(&trace);
        assert_eq!(sum, of_trace(&trace.clone()));
        let mut other = trace.clone();
        other.truth.limit = None;
        assert_ne!(sum, of_trace(&other));
        let mut other = trace.clone();
        other.observations[3].t_seconds += 1e-6;
        assert_ne!(sum, of_trace(&other));
        let mut other = trace;
        other.observations[3].gauges.insert("entries".into(), 1.0);
        assert_ne!(sum, of_trace(&other));
    }
}
