//! Tables of sound and unsound traces, and the promise that no bytes make the reader panic.

use std::io::Write;

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;

use super::*;
use crate::Signal;

mod dump_refusals;
mod dumps;

fn trace(bytes: &[u8]) -> Result<Trace, TraceError> {
    Trace::read("x.csv".into(), Box::new(io::Cursor::new(bytes.to_vec())))
}

fn rows(bytes: &[u8]) -> Vec<Observation> {
    trace(bytes).expect("a sound header").map(|row| row.expect("a sound row")).collect()
}

fn refusal(bytes: &[u8]) -> String {
    match trace(bytes) {
        Err(error) => error.to_string(),
        Ok(mut rows) => rows.find_map(Result::err).expect("a refusal").to_string(),
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).expect("in memory");
    encoder.finish().expect("in memory")
}

#[test]
fn signals_requests_runs_gauges_and_missing_cells_are_told_apart() {
    let text = "t_seconds,rss_bytes, fds ,start_seconds,requests_total,\"q{a=\"\"1\"\"}\",vsz_bytes\n\
                -1.5,100,,7,3,5,9\r\n\n10,1e3, 4 ,,,,\n";
    let rows = rows(text.as_bytes());
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].t_seconds, rows[1].t_seconds), (-1.5, 10.0));
    assert_eq!(rows[0].signals.len(), 1);
    assert_eq!((rows[1].signals[&Signal::RssBytes], rows[1].signals[&Signal::Fds]), (1e3, 4.0));
    assert_eq!((rows[0].start_seconds, rows[1].start_seconds), (Some(7.0), Some(7.0)));
    assert_eq!((rows[0].requests_total, rows[1].requests_total), (Some(3.0), None));
    assert_eq!(rows[0].gauges.iter().collect::<Vec<_>>(), [(&"q{a=\"1\"}".to_owned(), &5.0)]);
    assert!(rows[1].gauges.is_empty());
}

#[test]
fn every_slip_names_its_line_and_what_was_expected() {
    let long = format!("t_seconds,fds\n1,{}\n2,2\n", "1".repeat(2 << 20));
    for (text, place, what) in [
        ("", "x.csv:1: ", "is empty"),
        ("\n\n", "x.csv:2: ", "is empty"),
        ("time,fds\n1,2\n", "x.csv:1: ", "the first column is `time`; expected `t_seconds`"),
        ("fds,t_seconds\n", "x.csv:1: ", "the first column is `fds`"),
        ("t_seconds,,fds\n", "x.csv:1: ", "column 2 has no name"),
        ("t_seconds,fds, fds\n", "x.csv:1: ", "column 3 repeats the name `fds` of column 2"),
        (
            "t_seconds,,fds,fds\n",
            "x.csv:1: ",
            "column 2 has no name; name it or remove it; column 4",
        ),
        ("<html>", "x.csv:1: ", "looks like HTML or XML; a trace is CSV"),
        ("# by hand\nt_seconds,fds\n", "x.csv:2: ", "by its first line this is OpenMetrics"),
        ("t_seconds,fds\n1,2\n2,2,3\n", "x.csv:3: ", "has 3 cells; the header names 2"),
        ("t_seconds,fds\n\n\n1\n", "x.csv:4: ", "has 1 cells"),
        ("t_seconds,fds\n1,many\n", "x.csv:2: ", "fds is `many`; expected a decimal number"),
        ("t_seconds,fds\n1,NaN\n", "x.csv:2: ", "fds is `NaN`; expected a decimal number"),
        ("t_seconds,fds\n1,inf\n", "x.csv:2: ", "fds is `inf`"),
        ("t_seconds,fds\n1,1e999\n", "x.csv:2: ", "fds is `1e999`"),
        ("t_seconds,fds\nNaN,1\n", "x.csv:2: ", "t_seconds is `NaN`"),
        ("t_seconds,fds\n1,-2\n", "x.csv:2: ", "fds is -2; expected zero or more"),
        ("t_seconds,vsz_bytes\n1,x\n", "x.csv:2: ", "vsz_bytes is `x`"),
        ("t_seconds,fds\n,2\n", "x.csv:2: ", "t_seconds is missing"),
        ("t_seconds,fds\n1,2\n1,2\n", "x.csv:3: ", "t_seconds 1 does not come after 1"),
        (
            "t_seconds,fds\n2,2\n1.5,-2\n",
            "x.csv:3: ",
            "expected zero or more, or an empty cell \
          where it is missing; t_seconds 1.5 does not come after 2",
        ),
        ("t_seconds,fds\n\n1,\"2\n3,4\n", "x.csv:3: ", "a quote is not closed on its line"),
        (&long, "x.csv:2: ", "is longer than 1 MiB"),
    ] {
        let refusal = refusal(text.as_bytes());
        assert!(refusal.starts_with(place) && refusal.contains(what), "{refusal}");
    }
    assert!(refusal(b"t_seconds,fds\n1,\xff\n").contains("x.csv:2: column 2 is not UTF-8"));
    assert!(refusal(b"t_seconds,\xff\n").contains("x.csv:1: column 2 is not UTF-8"));
}

#[test]
fn a_refused_row_does_not_hide_the_rows_after_it() {
    let rows = trace(b"t_seconds,fds\n1,x\n2,2\n1,2\n3,3\n").expect("a sound header");
    assert_eq!(rows.map(|row| row.is_ok()).collect::<Vec<_>>(), [false, true, false, true]);
}

#[test]
fn gzip_of_several_members_reads_like_the_plain_text_and_a_truncated_one_is_no_end() {
    let (first, second) = (b"t_seconds,fds\n1,2\n".as_slice(), b"2,3\n3,4\n".as_slice());
    let packed = [gzip(first), gzip(second)].concat();
    assert_eq!(rows(&packed), rows(&[first, second].concat()));

    let long: String =
        (1..20_000).fold("t_seconds,fds\n".into(), |text, t| format!("{text}{t},2\n"));
    let packed = gzip(long.as_bytes());
    let error = refusal(&packed[..packed.len() / 2]);
    assert!(error.contains("cannot be read to its end"), "{error}");
    assert!(refusal(&[0x1f, 0x8b, 1, 2, 3]).contains("x.csv:1: cannot be read to its end"));
}

#[test]
fn a_byte_order_mark_of_a_spreadsheet_is_no_part_of_the_name() {
    assert_eq!(rows(b"\xef\xbb\xbft_seconds,fds\r\n1,2\r\n").len(), 1);
}

proptest! {
    /// Whatever the bytes, the reader reads or refuses, and comes to an end.
    #[test]
    fn no_bytes_panic(bytes in any::<Vec<u8>>(), text in "[t0-9,.\"e\\-\n ]{0,80}") {
        for bytes in [bytes.clone(), [b"t_seconds,fds,q\n".as_slice(), text.as_bytes()].concat(),
                      gzip(&bytes), [[0x1f, 0x8b, 8].as_slice(), &bytes].concat()] {
            if let Ok(rows) = trace(&bytes) {
                rows.for_each(drop);
            }
        }
    }

    /// What the writer writes, the reader reads back to the same bits.
    #[test]
    fn a_written_trace_reads_back_the_same(
        steps in prop::collection::vec((0.001..1e6, prop::option::of(0.0..1e15), 0.0..1e300), 1..20),
        gauge in "[a-z]{1,5}_[a-z{}=\", ]{0,9}x",
    ) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut writer = TraceWriter::create(file.path()).expect("a writer");
        let mut seen = Observation { start_seconds: Some(4.25), ..Observation::default() };
        seen.signals.insert(Signal::RssBytes, 0.0);
        seen.gauges.insert(gauge.clone(), 0.0);
        let mut written = Vec::new();
        for (step, rss, value) in steps {
            seen.t_seconds += step;
            seen.signals.remove(&Signal::RssBytes);
            if written.is_empty() { seen.signals.insert(Signal::RssBytes, 1.5); }
            seen.signals.extend(rss.map(|rss| (Signal::RssBytes, rss)));
            seen.gauges.insert(gauge.clone(), value);
            writer.write(&seen).expect("written");
            written.push(seen.clone());
        }
        let read: Vec<Observation> =
            Trace::open(file.path()).expect("opens").map(|row| row.expect("sound")).collect();
        prop_assert_eq!(read, written);
    }
}
