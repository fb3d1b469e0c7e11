//! Takes replies apart: bytes in, a whole [`Reply`] or an error out. A pure state machine, so that
//! any bytes in any pieces can be tried on it without a socket. It keeps nothing of a reply but
//! the beginning of a head that came in pieces, and gives up on whatever has no end.
//!
//! Framing is that of RFC 9112, sections 6 and 7, read strictly: what two readers could take for
//! two different things is an error of protocol.

use httparse::{Header, ParserConfig, Response, Status};

use super::chunks::Chunks;
use crate::{
    connections::{MAX_BODY_BYTES, MAX_HEAD_BYTES, Reply},
    failure::ErrorKind,
};

/// Most headers of a reply.
const MAX_HEADERS: usize = 128;

/// Decodes one reply after another.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// The beginning of a head whose rest is still to come.
    partial_head: Vec<u8>,
    interim_bytes: usize,
    status: u16,
    body_bytes: u64,
    /// The request was a HEAD: its reply has no body whatever its headers say.
    bodiless: bool,
    reusable: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No reply is asked for: whatever comes is none.
    #[default]
    Idle,
    Head,
    Body(Framing),
}

/// How the end of a body is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked(Chunks),
    UntilClose,
}

impl Decoder {
    /// A request was sent: the next bytes are its reply.
    pub(super) fn expect(&mut self, bodiless: bool) {
        self.state = State::Head;
        self.partial_head.clear();
        self.interim_bytes = 0;
        self.body_bytes = 0;
        self.bodiless = bodiless;
        self.reusable = false;
    }

    /// Takes what was read; the reply, once it is whole. `body` sees the body's bytes go by.
    pub(super) fn feed(
        &mut self,
        bytes: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<Option<Reply>, ErrorKind> {
        let mut rest = bytes;
        loop {
            let taken = match &mut self.state {
                State::Idle => return Err(ErrorKind::Protocol),
                State::Head => self.feed_head(rest)?,
                State::Body(framing) => {
                    let (taken, data) = framing.feed(rest, body)?;
                    self.body_bytes += data;
                    taken
                }
            };
            rest = &rest[taken..];
            if self.body_bytes > MAX_BODY_BYTES {
                return Err(ErrorKind::Oversized);
            }
            if let State::Body(framing) = self.state
                && framing.is_over()
            {
                // Bytes that nobody asked for: the next reply could not be told from them.
                self.reusable &= rest.is_empty();
                return Ok(Some(self.finish()));
            }
            if rest.is_empty() {
                return Ok(None);
            }
        }
    }

    /// The peer has ended its stream: a reply that this ends, or none.
    pub(super) fn end(&mut self) -> Result<Reply, ErrorKind> {
        if self.state == State::Body(Framing::UntilClose) {
            return Ok(self.finish());
        }
        // What was kept unread for want of an end of line may have been nonsense all along.
        let head = std::mem::take(&mut self.partial_head);
        if self.state == State::Head && !head.is_empty() {
            self.parse_head(&head)?;
        }
        Err(ErrorKind::Closed)
    }

    /// Whether the connection may carry another request after the last reply.
    pub(super) fn is_reusable(&self) -> bool {
        self.reusable && self.state == State::Idle
    }

    fn finish(&mut self) -> Reply {
        self.state = State::Idle;
        Reply { status: self.status, body_bytes: self.body_bytes }
    }

    /// Says how many of the bytes belong to the head.
    fn feed_head(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.partial_head.is_empty() {
            return match self.parse_head(bytes)? {
                Some(length) => Ok(length),
                None => self.keep_partial(bytes),
            };
        }
        // A head can only become whole by an end of line. Without this look, a peer that sends it
        // byte by byte would have it parsed as many times.
        if !bytes.contains(&b'\n') {
            return self.keep_partial(bytes);
        }
        let known = self.partial_head.len();
        self.keep_partial(bytes)?;
        let head = std::mem::take(&mut self.partial_head);
        let parsed = self.parse_head(&head);
        self.partial_head = head;
        match parsed? {
            Some(length) => {
                self.partial_head.clear();
                Ok(length - known)
            }
            None => Ok(bytes.len()),
        }
    }

    fn keep_partial(&mut self, bytes: &[u8]) -> Result<usize, ErrorKind> {
        if self.partial_head.len() + bytes.len() > 2 * MAX_HEAD_BYTES {
            return Err(ErrorKind::Protocol);
        }
        self.partial_head.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    /// Reads a head at the start of `bytes` if it is whole, and says how long it is.
    fn parse_head(&mut self, bytes: &[u8]) -> Result<Option<usize>, ErrorKind> {
        let mut headers = [const { std::mem::MaybeUninit::uninit() }; MAX_HEADERS];
        let mut response = Response::new(&mut []);
        let parsed = ParserConfig::default().parse_response_with_uninit_headers(
            &mut response,
            bytes,
            &mut headers,
        );
        let length = match parsed.map_err(|_| ErrorKind::Protocol)? {
            Status::Complete(length) if length <= MAX_HEAD_BYTES => length,
            Status::Partial if bytes.len() <= MAX_HEAD_BYTES => return Ok(None),
            _ => return Err(ErrorKind::Protocol),
        };
        let (Some(status), Some(minor)) = (response.code, response.version) else {
            return Err(ErrorKind::Protocol);
        };
        match status {
            // Nobody asked for another protocol.
            0..=99 | 101 => return Err(ErrorKind::Protocol),
            100..=199 => {
                self.interim_bytes += length;
                let endless = self.interim_bytes > MAX_HEAD_BYTES;
                return if endless { Err(ErrorKind::Protocol) } else { Ok(Some(length)) };
            }
            _ => {}
        }
        let fields = Fields::read(response.headers, minor)?;
        self.status = status;
        let bodiless = self.bodiless || matches!(status, 204 | 304);
        let framing = if bodiless { Framing::Length(0) } else { fields.framing() };
        if matches!(framing, Framing::Length(length) if length > MAX_BODY_BYTES) {
            return Err(ErrorKind::Oversized);
        }
        self.reusable = fields.keep_alive && framing != Framing::UntilClose;
        self.state = State::Body(framing);
        Ok(Some(length))
    }
}

impl Framing {
    /// Says how many bytes it took, and how many of them are data.
    fn feed(
        &mut self,
        bytes: &[u8],
        body: &mut impl FnMut(&[u8]),
    ) -> Result<(usize, u64), ErrorKind> {
        match self {
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= taken as u64;
                body(&bytes[..taken]);
                Ok((taken, taken as u64))
            }
            Self::Chunked(chunks) => chunks.feed(bytes, body),
            Self::UntilClose => {
                body(bytes);
                Ok((bytes.len(), bytes.len() as u64))
            }
        }
    }

    fn is_over(self) -> bool {
        match self {
            Self::Length(left) => left == 0,
            Self::Chunked(chunks) => chunks.is_over(),
            Self::UntilClose => false,
        }
    }
}

/// What the headers say of the body and of the connection.
struct Fields {
    length: Option<u64>,
    /// Whether the last transfer coding is `chunked`, if there is any.
    chunked: Option<bool>,
    keep_alive: bool,
}

impl Fields {
    fn read(headers: &[Header<'_>], minor: u8) -> Result<Self, ErrorKind> {
        let mut fields = Self { length: None, chunked: None, keep_alive: minor == 1 };
        for Header { name, value } in headers {
            // Most names are told apart by their length.
            match name.len() {
                10 if name.eq_ignore_ascii_case("connection") => {
                    if lists(value, "close") {
                        fields.keep_alive = false;
                    } else if minor == 0 && lists(value, "keep-alive") {
                        fields.keep_alive = true;
                    }
                }
                14 if name.eq_ignore_ascii_case("content-length") => {
                    let length = number(value).ok_or(ErrorKind::Protocol)?;
                    if fields.length.is_some_and(|other| other != length) {
                        return Err(ErrorKind::Protocol);
                    }
                    fields.length = Some(length);
                }
                17 if name.eq_ignore_ascii_case("transfer-encoding") => {
                    if minor == 0 {
                        return Err(ErrorKind::Protocol);
                    }
                    fields.chunked = tokens(value).last().map(|last| is(last, "chunked"));
                }
                _ => {}
            }
        }
        Ok(fields)
    }

    /// A transfer coding overrides a length (RFC 9112, 6.3).
    fn framing(&self) -> Framing {
        match (self.chunked, self.length) {
            (Some(true), _) => Framing::Chunked(Chunks::default()),
            (None, Some(length)) => Framing::Length(length),
            (Some(false), _) | (None, None) => Framing::UntilClose,
        }
    }
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii)
}

fn lists(value: &[u8], token: &str) -> bool {
    tokens(value).any(|item| is(item, token))
}

fn is(item: &[u8], token: &str) -> bool {
    item.eq_ignore_ascii_case(token.as_bytes())
}

/// Digits alone, as `str::parse` would take a sign too.
fn number(value: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(value.trim_ascii()).ok()?;
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What comes of the bytes, read in pieces of `size`, and then the end of the stream; with
    /// the body, and whether the connection could be used on.
    fn decode(bytes: &[u8], size: usize) -> (Result<Reply, ErrorKind>, Vec<u8>, bool) {
        let (mut decoder, mut body) = (Decoder::default(), Vec::new());
        decoder.expect(false);
        for piece in bytes.chunks(size) {
            let fed = decoder.feed(piece, &mut |data: &[u8]| body.extend_from_slice(data));
            match fed {
                Ok(None) => {}
                Ok(Some(reply)) => return (Ok(reply), body, decoder.is_reusable()),
                Err(kind) => return (Err(kind), body, false),
            }
        }
        let ended = decoder.end();
        (ended, body, decoder.is_reusable())
    }

    #[test]
    fn each_framing_finds_the_end_of_its_body_in_pieces_of_any_size() {
        let cases: &[(&str, u16, &str, bool)] = &[
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 200, "hello", true),
            ("HTTP/1.1 200\r\nContent-Length:5\r\n\r\nhello", 200, "hello", true),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
                200,
                "ab",
                true,
            ),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", 404, "", true),
            ("HTTP/1.1 204 No Content\r\n\r\n", 204, "", true),
            ("HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n", 304, "", true),
            (
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nx",
                200,
                "x",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
                200,
                "abcde",
                true,
            ),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, Chunked\r\ncontent-length: 3\r\n\r\n1;x=y\r\na\r\n0\r\nT: 1\r\n\r\n",
                200,
                "a",
                true,
            ),
            ("HTTP/1.1 200 OK\r\n\r\nuntil the end", 200, "until the end", false),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\nzip", 200, "zip", false),
            (
                "HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 1\r\n\r\na",
                200,
                "a",
                false,
            ),
            ("HTTP/1.0 200 OK\r\ncontent-length: 1\r\n\r\na", 200, "a", false),
            (
                "HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 1\r\n\r\na",
                200,
                "a",
                true,
            ),
        ];
        for (bytes, status, body, reusable) in cases {
            for size in [1, 2, 3, 7, 1000] {
                let expected = (
                    Ok(Reply { status: *status, body_bytes: body.len() as u64 }),
                    body.as_bytes().to_vec(),
                    *reusable,
                );
                assert_eq!(decode(bytes.as_bytes(), size), expected, "{bytes:?} by {size}");
            }
        }
    }

    #[test]
    fn what_is_no_reply_is_an_error_of_its_kind() {
        let endless = "x".repeat(3 * MAX_HEAD_BYTES);
        let cases: &[(String, ErrorKind)] = &[
            (String::new(), ErrorKind::Closed),
            ("HTTP/1.1 200 OK\r\ncontent-le".into(), ErrorKind::Closed),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhell".into(), ErrorKind::Closed),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nab".into(),
                ErrorKind::Closed,
            ),
            ("SSH-2.0-OpenSSH\r\n".into(), ErrorKind::Protocol),
            ("HTTP/2.0 200 OK\r\n\r\n".into(), ErrorKind::Protocol),
            ("HTTP/1.1 99 Low\r\n\r\n".into(), ErrorKind::Protocol),
            ("HTTP/1.1 099 Low\r\n\r\n".into(), ErrorKind::Protocol),
            ("HTTP/1.1 101 Switching Protocols\r\n\r\n".into(), ErrorKind::Protocol),
            ("HTTP/1.1 200 OK\r\ncontent-length: +5\r\n\r\nhello".into(), ErrorKind::Protocol),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5, 5\r\n\r\nhello".into(), ErrorKind::Protocol),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551616\r\n\r\n".into(),
                ErrorKind::Protocol,
            ),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".into(),
                ErrorKind::Protocol,
            ),
            ("HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".into(), ErrorKind::Protocol),
            (
                "HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n".into(),
                ErrorKind::Oversized,
            ),
            (format!("HTTP/1.1 200 OK\r\n{endless}"), ErrorKind::Protocol),
            (format!("HTTP/1.1 200 OK\r\nx: {endless}\r\n\r\n"), ErrorKind::Protocol),
            (format!("HTTP/1.1 200 OK\r\n{}\r\n", "a: b\r\n".repeat(200)), ErrorKind::Protocol),
            ("HTTP/1.1 100 Continue\r\n\r\n".repeat(4000), ErrorKind::Protocol),
        ];
        for (bytes, kind) in cases {
            let start = &bytes[..bytes.len().min(60)];
            for size in [1, 1000, MAX_HEAD_BYTES] {
                assert_eq!(decode(bytes.as_bytes(), size).0, Err(*kind), "{start:?} by {size}");
            }
        }
    }

    #[test]
    fn the_largest_body_is_read_and_one_byte_more_is_not() {
        let piece = vec![b'x'; 1 << 20];
        for (extra, whole) in [(0, true), (1, false)] {
            let mut decoder = Decoder::default();
            decoder.expect(false);
            decoder.feed(b"HTTP/1.1 200 OK\r\n\r\n", &mut |_| {}).expect("a head");
            (0..64).for_each(|_| {
                decoder.feed(&piece, &mut |_| {}).expect("within the limit");
            });
            let fed = decoder.feed(&piece[..extra], &mut |_| {});
            assert_eq!(fed.is_ok() && decoder.end().is_ok(), whole, "{extra}");
        }
    }

    #[test]
    fn a_reply_to_head_has_no_body_and_bytes_after_a_reply_spoil_the_connection() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n";
        let mut decoder = Decoder::default();
        decoder.expect(true);
        let fed = decoder.feed(head, &mut |_| {});
        assert_eq!(fed, Ok(Some(Reply { status: 200, body_bytes: 0 })));
        assert!(decoder.is_reusable());
        assert_eq!(decoder.feed(b"x", &mut |_| {}), Err(ErrorKind::Protocol));
        decoder.expect(true);
        assert!(decoder.feed(&[head, &b"hello"[..]].concat(), &mut |_| {}).is_ok());
        assert!(!decoder.is_reusable());
    }

    proptest! {
        // However the bytes of a reply are cut into pieces, the same comes of it.
        #[test]
        fn pieces_do_not_matter(
            head in prop::sample::select(vec![
                "", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n",
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
            ]),
            rest in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..300),
                prop::collection::vec(
                    prop::sample::select(b"0123456789abcdef\r\n;: HTTP/.-x".to_vec()), 0..300),
            ],
            size in 1_usize..50,
        ) {
            let bytes = [head.as_bytes(), &rest].concat();
            let (whole, body, _) = decode(&bytes, bytes.len().max(1));
            let (pieces, same_body, _) = decode(&bytes, size);
            prop_assert_eq!(pieces, whole);
            if whole.is_ok() {
                prop_assert_eq!(body.len() as u64, whole.map_or(0, |reply| reply.body_bytes));
                prop_assert_eq!(same_body, body);
            }
        }

        // Any body comes out as it went in, whatever the chunks it is cut into.
        #[test]
        fn a_chunked_body_is_the_body(
            body in prop::collection::vec(any::<u8>(), 0..500),
            chunk in 1_usize..100,
            size in 1_usize..100,
        ) {
            let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
            for piece in body.chunks(chunk) {
                bytes.extend(format!("{:X};ext=\"1\"\r\n", piece.len()).bytes());
                bytes.extend(piece);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\ntrailer: yes\r\n\r\n");
            let (decoded, out, reusable) = decode(&bytes, size);
            prop_assert_eq!(decoded, Ok(Reply { status: 200, body_bytes: body.len() as u64 }));
            prop_assert_eq!(out, body);
            prop_assert!(reusable);
        }
    }
}
