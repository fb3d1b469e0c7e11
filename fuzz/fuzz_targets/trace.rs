//! Whatever the bytes, the trace reader reads or refuses them, comes to an end, and hands on only
//! what the decision core may be shown.
#![no_main]

use std::io::{Cursor, Write};

use detector::trace::{Trace, TraceError};
use detector::{Observation, Settings, Watcher};
use flate2::{Compression, write::GzEncoder};
use libfuzzer_sys::fuzz_target;

/// What a reading comes to: the rows, or in place of a row the message that refuses it.
type Reading = Result<Vec<Result<Observation, String>>, String>;

fn read(bytes: &[u8]) -> Reading {
    let said = |error: TraceError| error.to_string();
    let trace = Trace::read("x".into(), Box::new(Cursor::new(bytes.to_vec()))).map_err(said)?;
    let sound = trace.is_sound();
    let rows: Vec<_> = trace.map(|row| row.map_err(said)).collect();
    assert!(!sound || rows.iter().all(Result::is_ok), "a trace that is sound refuses a row");
    Ok(rows)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("in memory");
    packed.finish().expect("in memory")
}

/// Time rises, and every value is a number from zero up.
fn is_fit_for_the_core(rows: &[Observation]) -> bool {
    let rises = rows.windows(2).all(|pair| pair[0].t_seconds < pair[1].t_seconds);
    let values = rows.iter().flat_map(|row| row.signals.values().chain(&row.requests_total));
    rises && values.into_iter().all(|value| value.is_finite() && *value >= 0.0)
}

fuzz_target!(|bytes: &[u8]| {
    let reading = read(bytes);
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        assert_eq!(reading, read(&gzip(bytes)), "compressed, it reads otherwise");
    }
    let Ok(rows) = reading else { return };
    let rows: Vec<Observation> = rows.into_iter().filter_map(Result::ok).collect();
    assert!(is_fit_for_the_core(&rows), "{rows:?}");
    let mut watcher = Watcher::new(Settings::default());
    for row in &rows {
        watcher.observe(row).expect("the core refuses what the reader passed");
    }
    watcher.finish();
});
