//! The bytes of a trace: file or standard input, plain or gzip.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

const GZIP_MAGIC: &[u8] = &[0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];

pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if is_stdin(path) {
        return Ok(Box::new(io::stdin()));
    }
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
    }
    Ok(Box::new(file))
}

/// The text behind the bytes; gzip, of any number of members, is known by its first two bytes,
/// and the mark that spreadsheets put before UTF-8 is dropped.
pub fn text(bytes: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    let (gzip, bytes) = starts_with(bytes, GZIP_MAGIC)?;
    let text: Box<dyn Read> =
        if gzip { Box::new(MultiGzDecoder::new(BufReader::new(bytes))) } else { bytes };
    let (marked, text) = starts_with(text, BYTE_ORDER_MARK)?;
    let mut text = BufReader::new(text);
    if marked {
        io::copy(&mut text.by_ref().take(BYTE_ORDER_MARK.len() as u64), &mut io::sink())?;
    }
    Ok(Box::new(text))
}

/// Whether the bytes start with these, and all of the bytes again.
fn starts_with(mut bytes: Box<dyn Read>, with: &[u8]) -> io::Result<(bool, Box<dyn Read>)> {
    let mut start = Vec::with_capacity(with.len());
    bytes.by_ref().take(with.len() as u64).read_to_end(&mut start)?;
    let same = start == with;
    Ok((same, Box::new(Cursor::new(start).chain(bytes))))
}
