//! Which format the text is in, by its first line and never by its name.

use std::io::{self, BufRead, Cursor, Read};

use crate::source::exposition::LineReader;

/// Bytes in which the first line that is not blank must end; a line cut there is no sample.
const LONGEST_START: u64 = 64 << 10;

/// What can be read as a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Rows, read one at a time; also whatever is not known, because its reader says why not.
    Csv,
    /// `OpenMetrics` or Prometheus text.
    Exposition,
    /// The answer of Prometheus to a range query.
    Json,
}

/// The format, and all of the text again.
pub fn recognise(mut text: Box<dyn BufRead>) -> io::Result<(Format, Box<dyn BufRead>)> {
    let mut start = Vec::new();
    let mut line = 0..0;
    while start[line.clone()].trim_ascii().is_empty() {
        let left = LONGEST_START.saturating_sub(start.len() as u64);
        if text.by_ref().take(left).read_until(b'\n', &mut start)? == 0 {
            break;
        }
        line = line.end..start.len();
    }
    let format = of_line(start[line].trim_ascii());
    Ok((format, Box::new(Cursor::new(start).chain(text))))
}

fn of_line(line: &[u8]) -> Format {
    match line.first() {
        Some(b'[') => Format::Json,
        Some(b'{') if !labels_follow(line) => Format::Json,
        Some(b'#' | b'{') => Format::Exposition,
        _ if is_sample(line) => Format::Exposition,
        _ => Format::Csv,
    }
}

/// The name of a label, unquoted, as no JSON has it (`promtool tsdb dump`).
fn labels_follow(line: &[u8]) -> bool {
    line[1..].trim_ascii_start().first().is_some_and(|c| c.is_ascii_alphabetic() || *c == b'_')
}

fn is_sample(line: &[u8]) -> bool {
    std::str::from_utf8(line)
        .is_ok_and(|line| matches!(LineReader::default().read(line), Ok(Some(_))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_is_not_blank_tells_and_nothing_is_lost() {
        for (text, format) in [
            ("t_seconds,rss_bytes\n1,2\n", Format::Csv),
            ("t_seconds\n", Format::Csv),
            ("", Format::Csv),
            ("\n\n", Format::Csv),
            ("<html>", Format::Csv),
            ("\n \n# TYPE x gauge\n", Format::Exposition),
            ("# EOF", Format::Exposition),
            ("up 1\n", Format::Exposition),
            ("up{a=\"1,2\"} 1 1700000000\r\n", Format::Exposition),
            ("{__name__=\"up\"} 1 1\n", Format::Exposition),
            ("{", Format::Json),
            (" \r\n{\"status\":\"success\"}", Format::Json),
            ("[{\"metric\":{}}]", Format::Json),
        ] {
            let bytes = Box::new(Cursor::new(text.as_bytes().to_vec()));
            let (found, mut again) = recognise(bytes).expect("in memory");
            assert_eq!(found, format, "{text}");
            let mut whole = String::new();
            again.read_to_string(&mut whole).expect("in memory");
            assert_eq!(whole, text);
        }
    }
}
