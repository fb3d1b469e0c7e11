//! The bytes of a trace: file or standard input, plain or gzip.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

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

/// Most text of a format that is held in memory: 5 million samples of 100 bytes each.
const MOST_BYTES: u64 = 512 << 20;

/// Text up to a bound, and the error that ended it, which a parser may have wrapped.
pub struct Bounded {
    text: Box<dyn BufRead>,
    left: u64,
    pub failed: Rc<RefCell<Option<io::Error>>>,
}

impl Bounded {
    pub fn new(text: Box<dyn BufRead>) -> Self {
        Self { text, left: MOST_BYTES, failed: Rc::default() }
    }
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = match self.text.read(into) {
            Ok(count) if count as u64 > self.left => Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                "is longer than 512 MiB; query fewer series, a longer step or less time",
            )),
            read => read,
        };
        match read {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                let kind = error.kind();
                *self.failed.borrow_mut() = Some(error);
                Err(kind.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_has_no_end_is_given_up_at_the_bound_with_the_reason() {
        let endless = BufReader::with_capacity(1 << 20, io::repeat(b'x'));
        let mut bounded = Bounded::new(Box::new(endless));
        let failed = bounded.failed.clone();
        assert!(io::copy(&mut bounded, &mut io::sink()).is_err());
        let reason = failed.take().expect("a reason").to_string();
        assert!(reason.starts_with("is longer than 512 MiB; "), "{reason}");
    }
}
