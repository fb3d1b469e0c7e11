//! What is sent: every request of the plan as bytes with holes, made before the clock starts. A
//! request is a copy of them with the holes filled; one without holes is not even copied.
//!
//! Which request of the mix an arrival gets, and what fills its holes, is decided by the seed and
//! the arrival's number alone.

mod keys;
mod template;

use std::ops::Range;

use hyper::{Method, http::HeaderName};

pub use self::keys::{Popularity, PopularityError};
pub(crate) use self::template::Template;
use self::{
    keys::Keys,
    template::{Hole, Piece},
};
use crate::draw::{Purpose, draw};

/// One request of a mix, checked.
pub(crate) struct Parts {
    pub(crate) weight: u32,
    pub(crate) method: Method,
    pub(crate) path: Template,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) body: Option<Template>,
}

/// All requests of a plan.
pub(crate) struct Requests {
    seed: u64,
    keys: Keys,
    mix: Vec<Prepared>,
    weights: u64,
}

/// One request of the mix as HTTP/1.1 writes it.
struct Prepared {
    /// Sum of the weights up to this one.
    up_to: u64,
    method: Method,
    bytes: Vec<u8>,
    holes: Vec<(usize, Hole)>,
    parts: Ranges,
}

/// Where the parts of a request stand in its bytes, for protocols that write them otherwise.
struct Ranges {
    path: Range<usize>,
    headers: Vec<(HeaderName, Range<usize>)>,
    body: Range<usize>,
}

/// The request of one arrival.
pub(crate) struct Request<'a> {
    prepared: &'a Prepared,
    /// The whole of it as HTTP/1.1 writes it.
    pub(crate) bytes: &'a [u8],
}

impl Requests {
    /// `space` is the number of keys that `{{key}}` stands for.
    pub(crate) fn new(mix: Vec<Parts>, seed: u64, space: u64, popularity: Popularity) -> Self {
        let mut weights = 0;
        let keys = Keys::new(space, popularity);
        let prepare = |parts: Parts| {
            weights += u64::from(parts.weight);
            Prepared::new(parts, weights, keys.digits())
        };
        let mix = mix.into_iter().map(prepare).collect();
        Self { seed, keys, mix, weights }
    }

    /// The request of arrival number `index`; `room` is where holes are filled.
    pub(crate) fn of<'a>(&'a self, index: u64, room: &'a mut Vec<u8>) -> Request<'a> {
        let prepared = self.choose(index);
        if prepared.holes.is_empty() {
            return Request { prepared, bytes: &prepared.bytes };
        }
        room.clear();
        room.extend_from_slice(&prepared.bytes);
        for (at, hole) in &prepared.holes {
            let hole_bytes = &mut room[*at..*at + hole.width(self.keys.digits())];
            match hole {
                Hole::Unique => write_hex(hole_bytes, draw(self.seed, index, Purpose::Unique)),
                Hole::Random => write_hex(hole_bytes, draw(self.seed, index, Purpose::Random)),
                Hole::Key => {
                    write_decimal(hole_bytes, self.keys.key(draw(self.seed, index, Purpose::Key)));
                }
            }
        }
        Request { prepared, bytes: room }
    }

    fn choose(&self, index: u64) -> &Prepared {
        if let [only] = &self.mix[..] {
            return only;
        }
        let number = draw(self.seed, index, Purpose::Choice);
        // The upper half of the product is evenly spread from 0 to below `weights`.
        let place = ((u128::from(number) * u128::from(self.weights)) >> 64) as u64;
        let nth = self.mix.partition_point(|prepared| prepared.up_to <= place);
        &self.mix[nth.min(self.mix.len() - 1)]
    }
}

impl Prepared {
    fn new(parts: Parts, up_to: u64, key_digits: usize) -> Self {
        let Parts { method, path, headers, body, .. } = parts;
        let mut bytes = Writing { bytes: Vec::new(), holes: Vec::new(), key_digits };
        bytes.text(method.as_str());
        bytes.text(" ");
        let path = bytes.template(&path);
        bytes.text(" HTTP/1.1\r\n");
        let mut header = |(name, value): (HeaderName, Template)| {
            bytes.text(name.as_str());
            bytes.text(": ");
            let value = bytes.template(&value);
            bytes.text("\r\n");
            (name, value)
        };
        let headers = headers.into_iter().map(&mut header).collect();
        let length = body.as_ref().map(|body| body.length(key_digits));
        // Whoever expects a body is told that there is none (RFC 9110, 8.6).
        let expected = [Method::POST, Method::PUT, Method::PATCH].contains(&method);
        if let Some(length) = length.or(expected.then_some(0)) {
            bytes.text(&format!("content-length: {length}\r\n"));
        }
        bytes.text("\r\n");
        let body = bytes.template(&body.unwrap_or_default());
        let Writing { bytes, holes, .. } = bytes;
        Self { up_to, method, bytes, holes, parts: Ranges { path, headers, body } }
    }
}

impl Request<'_> {
    /// Its reply has no body whatever its headers say.
    pub(crate) fn is_head(&self) -> bool {
        self.prepared.method == Method::HEAD
    }

    pub(crate) fn method(&self) -> &Method {
        &self.prepared.method
    }

    /// Path and query.
    pub(crate) fn path(&self) -> &[u8] {
        &self.bytes[self.prepared.parts.path.clone()]
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&HeaderName, &[u8])> {
        self.prepared.parts.headers.iter().map(|(name, value)| (name, &self.bytes[value.clone()]))
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.bytes[self.prepared.parts.body.clone()]
    }
}

/// Bytes with holes under construction.
struct Writing {
    bytes: Vec<u8>,
    holes: Vec<(usize, Hole)>,
    key_digits: usize,
}

impl Writing {
    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Says where it stands.
    fn template(&mut self, template: &Template) -> Range<usize> {
        let start = self.bytes.len();
        for piece in template.pieces() {
            match piece {
                Piece::Text(text) => self.bytes.extend_from_slice(text),
                Piece::Hole(hole) => {
                    self.holes.push((self.bytes.len(), *hole));
                    let end = self.bytes.len() + hole.width(self.key_digits);
                    self.bytes.resize(end, b'0');
                }
            }
        }
        start..self.bytes.len()
    }
}

fn write_hex(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 15) as usize];
        number >>= 4;
    }
}

fn write_decimal(room: &mut [u8], mut number: u64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn parts(weight: u32, method: Method, path: &str, body: Option<&str>) -> Parts {
        let template = |text: &str| Template::parse(text.as_bytes()).expect(text);
        let headers = vec![(HeaderName::from_static("x-id"), template("<{{unique}}>"))];
        let body = body.map(template);
        Parts { weight, method, path: template(path), headers, body }
    }

    fn requests(mix: Vec<Parts>, seed: u64) -> Requests {
        Requests::new(mix, seed, 1000, Popularity::Uniform)
    }

    fn text(requests: &Requests, index: u64) -> String {
        String::from_utf8(requests.of(index, &mut Vec::new()).bytes.to_vec()).expect("text")
    }

    #[test]
    fn a_request_is_written_with_its_holes_filled() {
        let post = parts(1, Method::POST, "/items/{{key}}", Some("{\"r\":\"{{random}}\"}"));
        let requests = requests(vec![post], 7);
        let written = text(&requests, 3);
        let lines: Vec<_> = written.split("\r\n").collect();
        assert!(
            lines[0].starts_with("POST /items/") && lines[0].ends_with(" HTTP/1.1"),
            "{written}"
        );
        assert_eq!(lines[0].len(), "POST /items/123 HTTP/1.1".len());
        assert!(lines[1].starts_with("x-id: <") && lines[1].len() == 6 + 18, "{written}");
        assert_eq!(lines[2..4], ["content-length: 24", ""]);
        assert_eq!(lines[4].len(), 24);
        let mut room = Vec::new();
        let request = requests.of(3, &mut room);
        assert_eq!(request.body(), lines[4].as_bytes());
        assert_eq!(request.path(), &lines[0].as_bytes()[5..15]);
        assert_eq!(request.headers().next().expect("one").1, &lines[1].as_bytes()[6..]);
    }

    #[test]
    fn the_seed_and_the_number_decide_a_request_and_ids_are_unique() {
        let mix = || vec![parts(1, Method::GET, "/{{key}}/{{random}}", None)];
        let (one, same, other) = (requests(mix(), 1), requests(mix(), 1), requests(mix(), 2));
        let all: HashSet<_> = (0..10_000).map(|index| text(&one, index)).collect();
        assert_eq!(all.len(), 10_000);
        assert!((0..100).all(|index| text(&one, index) == text(&same, index)));
        assert!((0..100).all(|index| text(&one, index) != text(&other, index)));
    }

    #[test]
    fn a_mix_keeps_its_weights() {
        let mix = [(1, "/rare"), (0, "/never"), (9, "/often")]
            .map(|(weight, path)| parts(weight, Method::GET, path, None));
        let requests = requests(mix.into(), 5);
        let mut counts = HashMap::new();
        for index in 0..100_000 {
            let mut room = Vec::new();
            *counts.entry(requests.of(index, &mut room).path().to_vec()).or_insert(0_u64) += 1;
        }
        // Six standard deviations of a binomial count.
        assert!(counts[&b"/rare"[..]].abs_diff(10_000) < 570, "{counts:?}");
        assert_eq!(counts.len(), 2);
    }
}
