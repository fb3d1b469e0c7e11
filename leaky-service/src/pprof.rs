//! Heap profiles in the format of pprof, for `go tool pprof` and whatever else reads it.
//!
//! The messages are those of `profile.proto` (github.com/google/pprof/blob/main/proto), as far as
//! a heap profile with names of its own needs them: no addresses and so no mappings, one location
//! per source line. The sample types are those of Go's heap profiles, under the same names.

use std::collections::HashMap;
use std::io::{self, Write};
use std::time::{SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use prost::Message;

use crate::tracker::{CallStack, Frame, Origin, STACK_DEPTH, Tally};

/// Type and unit of the values of a sample, in their order.
const SAMPLE_TYPES: [(&str, &str); 4] = [
    ("alloc_objects", "count"),
    ("alloc_space", "bytes"),
    ("inuse_objects", "count"),
    ("inuse_space", "bytes"),
];

/// What a viewer shows first.
const DEFAULT_SAMPLE_TYPE: &str = "inuse_space";

/// A profile; numbers of locations and functions are their `id`s, texts are positions in
/// `string_table`.
#[derive(Clone, PartialEq, Message)]
pub struct Profile {
    /// What the values of samples mean.
    #[prost(message, repeated, tag = "1")]
    pub sample_type: Vec<ValueType>,
    /// The stacks.
    #[prost(message, repeated, tag = "2")]
    pub sample: Vec<Sample>,
    /// The source lines.
    #[prost(message, repeated, tag = "4")]
    pub location: Vec<Location>,
    /// The functions.
    #[prost(message, repeated, tag = "5")]
    pub function: Vec<Function>,
    /// Every text once; the first is empty.
    #[prost(string, repeated, tag = "6")]
    pub string_table: Vec<String>,
    /// When it was taken, in nanoseconds since the epoch.
    #[prost(int64, tag = "9")]
    pub time_nanos: i64,
    /// What a period counts.
    #[prost(message, optional, tag = "11")]
    pub period_type: Option<ValueType>,
    /// Bytes per sampled byte: 1, because nothing is sampled.
    #[prost(int64, tag = "12")]
    pub period: i64,
    /// Remarks for the reader.
    #[prost(int64, repeated, tag = "13")]
    pub comment: Vec<i64>,
    /// What a viewer shows first.
    #[prost(int64, tag = "14")]
    pub default_sample_type: i64,
}

/// A type of value and its unit.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct ValueType {
    /// For example `inuse_space`.
    #[prost(int64, tag = "1")]
    pub r#type: i64,
    /// For example `bytes`.
    #[prost(int64, tag = "2")]
    pub unit: i64,
}

/// One stack and its values.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Sample {
    /// The calls, innermost first.
    #[prost(uint64, repeated, tag = "1")]
    pub location_id: Vec<u64>,
    /// One value per sample type.
    #[prost(int64, repeated, tag = "2")]
    pub value: Vec<i64>,
}

/// A place in the program.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Location {
    /// From 1.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// The source line.
    #[prost(message, repeated, tag = "4")]
    pub line: Vec<Line>,
}

/// A line of a function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Line {
    /// The function.
    #[prost(uint64, tag = "1")]
    pub function_id: u64,
    /// From 1; 0 if unknown.
    #[prost(int64, tag = "2")]
    pub line: i64,
}

/// A function.
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Function {
    /// From 1.
    #[prost(uint64, tag = "1")]
    pub id: u64,
    /// Its path.
    #[prost(int64, tag = "2")]
    pub name: i64,
    /// Its path as the linker knows it; the same.
    #[prost(int64, tag = "3")]
    pub system_name: i64,
    /// The source file.
    #[prost(int64, tag = "4")]
    pub filename: i64,
}

/// The profile of all stacks at a moment, compressed as pprof wants it.
pub fn encode(stacks: &[CallStack], taken: SystemTime) -> io::Result<Vec<u8>> {
    let mut compressed = GzEncoder::new(Vec::new(), Compression::default());
    compressed.write_all(&profile(stacks, taken).encode_to_vec())?;
    compressed.finish()
}

fn profile(stacks: &[CallStack], taken: SystemTime) -> Profile {
    let mut tables = Tables::default();
    tables.text("");
    let sample_type = SAMPLE_TYPES.map(|(name, unit)| tables.value_type(name, unit));
    let comment = format!(
        "every allocation is counted, none is sampled; stacks keep their {STACK_DEPTH} innermost frames"
    );
    let sample = stacks.iter().map(|stack| tables.sample(stack)).collect();
    let since_epoch = taken.duration_since(UNIX_EPOCH).unwrap_or_default();
    Profile {
        sample_type: sample_type.to_vec(),
        sample,
        time_nanos: i64::try_from(since_epoch.as_nanos()).unwrap_or(0),
        period_type: Some(tables.value_type("space", "bytes")),
        period: 1,
        comment: vec![tables.text(&comment)],
        default_sample_type: tables.text(DEFAULT_SAMPLE_TYPE),
        location: tables.location,
        function: tables.function,
        string_table: tables.string_table,
    }
}

/// Whatever samples refer to by number, each thing once.
#[derive(Default)]
struct Tables<'a> {
    location: Vec<Location>,
    function: Vec<Function>,
    string_table: Vec<String>,
    locations: HashMap<&'a Frame, u64>,
    functions: HashMap<(&'a str, &'a str), u64>,
    texts: HashMap<String, i64>,
}

impl<'a> Tables<'a> {
    fn sample(&mut self, stack: &'a CallStack) -> Sample {
        let location_id = telling(stack).map(|frame| self.location(frame)).collect();
        Sample { location_id, value: values(&stack.tally) }
    }

    fn location(&mut self, frame: &'a Frame) -> u64 {
        if let Some(&id) = self.locations.get(frame) {
            return id;
        }
        let function_id = self.function(frame);
        let id = self.location.len() as u64 + 1;
        let line = Line { function_id, line: frame.line.unwrap_or(0).into() };
        self.location.push(Location { id, line: vec![line] });
        self.locations.insert(frame, id);
        id
    }

    fn function(&mut self, frame: &'a Frame) -> u64 {
        let key = (frame.function.as_str(), frame.file.as_str());
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let (name, filename) = (self.text(key.0), self.text(key.1));
        let id = self.function.len() as u64 + 1;
        self.function.push(Function { id, name, system_name: name, filename });
        self.functions.insert(key, id);
        id
    }

    fn value_type(&mut self, name: &str, unit: &str) -> ValueType {
        ValueType { r#type: self.text(name), unit: self.text(unit) }
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(&position) = self.texts.get(text) {
            return position;
        }
        let position = (self.string_table.len() as u64).cast_signed();
        self.string_table.push(text.to_owned());
        self.texts.insert(text.to_owned(), position);
        position
    }
}

/// The frames from the first one that is not the standard library's outwards, so that a viewer
/// puts bytes down to the code that asked for them: Go's profiles leave out its allocator, too.
fn telling(stack: &CallStack) -> impl Iterator<Item = &Frame> {
    let first = stack.frames.iter().position(|frame| frame.origin != Origin::Standard);
    stack.frames.iter().skip(first.unwrap_or(0)).map(AsRef::as_ref)
}

fn values(tally: &Tally) -> Vec<i64> {
    [tally.allocated_count, tally.allocated_bytes, tally.live_count, tally.live_bytes]
        .map(u64::cast_signed)
        .to_vec()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn frame(origin: Origin, function: &str, line: u32) -> Arc<Frame> {
        let file = format!("{function}.rs");
        Arc::new(Frame { origin, function: function.to_owned(), file, line: Some(line) })
    }

    fn stack(frames: &[Arc<Frame>]) -> CallStack {
        let tally =
            Tally { allocated_count: 3, allocated_bytes: 48, live_count: 2, live_bytes: 32 };
        CallStack { frames: frames.to_vec(), is_whole: true, tally }
    }

    #[test]
    fn frames_lines_functions_and_texts_appear_once_however_many_stacks_share_them() {
        let [vec, leak, main] = [
            frame(Origin::Standard, "vec", 1),
            frame(Origin::Ours, "leak", 2),
            frame(Origin::Ours, "main", 3),
        ];
        let other_line = frame(Origin::Ours, "leak", 4);
        let stacks = [
            stack(&[Arc::clone(&vec), leak, Arc::clone(&main)]),
            stack(&[vec, other_line, Arc::clone(&main)]),
            stack(&[main]),
        ];
        let profile = profile(&stacks, UNIX_EPOCH);
        assert_eq!((profile.location.len(), profile.function.len()), (3, 2));
        let calls: Vec<_> = profile.sample.iter().map(|sample| &sample.location_id[..]).collect();
        assert_eq!(calls, [&[1, 2][..], &[3, 2], &[2]]);
        assert!(profile.sample.iter().all(|sample| sample.value == [3, 48, 2, 32]));
        let mut texts = profile.string_table.clone();
        texts.sort();
        texts.dedup();
        assert_eq!((texts.len(), &*profile.string_table[0]), (profile.string_table.len(), ""));
    }

    #[test]
    fn a_stack_of_the_standard_library_alone_stays_whole() {
        let stacks =
            [stack(&[frame(Origin::Standard, "thread", 1), frame(Origin::Standard, "start", 2)])];
        assert_eq!(profile(&stacks, UNIX_EPOCH).sample[0].location_id, [1, 2]);
    }
}
