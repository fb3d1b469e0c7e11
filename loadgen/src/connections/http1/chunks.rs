//! The chunked transfer coding (RFC 9112, 7.1), a byte at a time but for the data itself.

use crate::connections::MAX_HEAD_BYTES;
use crate::failure::ErrorKind;

/// Where in a chunked body the reading is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Chunks {
    at: At,
    /// Size of the chunk whose line is read, then what is left of its data.
    left: u64,
    /// Bytes of extensions, trailers and zeros before sizes so far: they have no other bound.
    overhead_bytes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    /// Before the first digit of a size.
    #[default]
    Start,
    Size,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Over,
}

impl Chunks {
    pub(super) fn is_over(self) -> bool {
        self.at == At::Over
    }

    /// Says how many bytes it took, and how many of them are data.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<(usize, u64), ErrorKind> {
        let (mut taken, mut data) = (0, 0);
        while taken < bytes.len() && self.at != At::Over {
            if self.at == At::Data {
                let rest = &bytes[taken..];
                let length = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                body(&rest[..length]);
                self.left -= length as u64;
                taken += length;
                data += length as u64;
                if self.left == 0 {
                    self.at = At::DataReturn;
                }
            } else {
                self.at = self.step(bytes[taken])?;
                taken += 1;
            }
        }
        Ok((taken, data))
    }

    fn step(&mut self, byte: u8) -> Result<At, ErrorKind> {
        Ok(match (self.at, byte) {
            (At::Start | At::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                let endless_zeros = self.at == At::Size && self.left == 0;
                self.left = self.with_digit(byte)?;
                if endless_zeros { self.overhead(At::Size)? } else { At::Size }
            }
            (At::Size | At::Extension, b'\r') => At::SizeLineFeed,
            (At::Size, b';' | b' ' | b'\t') => self.overhead(At::Extension)?,
            (At::Extension, other) if other != b'\n' => self.overhead(At::Extension)?,
            (At::SizeLineFeed, b'\n') if self.left == 0 => At::TrailerStart,
            (At::SizeLineFeed, b'\n') => At::Data,
            (At::DataReturn, b'\r') => At::DataLineFeed,
            (At::DataLineFeed, b'\n') => At::Start,
            (At::TrailerStart, b'\r') => At::LastLineFeed,
            (At::Trailer, b'\r') => At::TrailerLineFeed,
            (At::TrailerStart | At::Trailer, other) if other != b'\n' => {
                self.overhead(At::Trailer)?
            }
            (At::TrailerLineFeed, b'\n') => At::TrailerStart,
            (At::LastLineFeed, b'\n') => At::Over,
            _ => return Err(ErrorKind::Protocol),
        })
    }

    fn with_digit(&self, byte: u8) -> Result<u64, ErrorKind> {
        let digit = char::from(byte).to_digit(16).map(u64::from).ok_or(ErrorKind::Protocol)?;
        let before = if self.at == At::Start { 0 } else { self.left };
        before
            .checked_mul(16)
            .map(|size| size + digit)
            .filter(|size| u32::try_from(*size).is_ok())
            .ok_or(ErrorKind::Oversized)
    }

    fn overhead(&mut self, next: At) -> Result<At, ErrorKind> {
        self.overhead_bytes += 1;
        let endless = self.overhead_bytes as usize > MAX_HEAD_BYTES;
        if endless { Err(ErrorKind::Protocol) } else { Ok(next) }
    }
}
