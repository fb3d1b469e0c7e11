//! From return addresses to `file:line`, by the debug information of the running program.
//!
//! Reading debug information takes tens of megabytes, so [`Symbols`] is made for one question
//! and dropped. A stack is named after its first frame in this workspace; the tracker's own
//! frames are passed over. Where no frame is ours, the first frame of a dependency names it (by
//! function, since dependencies are built without debug information), else one of the standard
//! library.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use addr2line::Loader;
use addr2line::gimli::DW_LANG_Rust;

use super::origin::{self, Origin};

/// The running program, also after its file has been replaced.
const PROGRAM: &str = "/proc/self/exe";

/// Why the program's debug information cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SymbolError {
    /// The program's own file or its memory map cannot be read.
    #[error("cannot read the running program at {PROGRAM}")]
    Program(#[source] std::io::Error),
    /// The process's memory map cannot be read.
    #[error("cannot tell where the running program is loaded")]
    Map(#[source] procfs::ProcError),
    /// The file was read but holds no usable debug information.
    #[error("cannot read the debug information of {PROGRAM}: {0}")]
    Debug(String),
}

/// A call as the reader sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Frame {
    /// Whose code it is.
    pub origin: Origin,
    /// The function, by its path; empty where debug information names none.
    pub function: String,
    /// Relative to the workspace or the registry; empty where debug information names none.
    pub file: String,
    /// The line of the call, from 1.
    pub line: Option<u32>,
}

/// A source position.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Location {
    pub file: String,
    pub line: Option<u32>,
}

/// An open view of the program's debug information.
pub(super) struct Symbols {
    loader: Loader,
    /// What to take off a run-time address to get the address in the file.
    load_bias: u64,
    seen: HashMap<usize, Vec<Arc<Frame>>>,
}

impl Location {
    /// Stands for stacks that cannot be named.
    pub fn unknown(what: &str) -> Self {
        Self { file: what.to_owned(), line: None }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}", self.file),
            None => out.write_str(&self.file),
        }
    }
}

impl Symbols {
    pub fn open() -> Result<Self, SymbolError> {
        let loader = Loader::new(PROGRAM).map_err(|error| SymbolError::Debug(error.to_string()))?;
        Ok(Self { loader, load_bias: load_bias()?, seen: HashMap::new() })
    }

    /// The position a stack is named after.
    pub fn locate(&mut self, stack: &[usize]) -> Location {
        let mut best: Option<Arc<Frame>> = None;
        for address in addresses(stack) {
            for frame in self.frames_at(address) {
                if best.as_ref().is_none_or(|best| frame.origin < best.origin) {
                    best = Some(Arc::clone(frame));
                }
            }
            if best.as_ref().is_some_and(|best| best.origin == Origin::Ours) {
                break;
            }
        }
        best.map_or_else(|| Location::unknown("unknown"), |frame| frame.location())
    }

    /// The calls of a stack, innermost first, the tracker's own included.
    pub fn frames(&mut self, stack: &[usize]) -> Vec<Arc<Frame>> {
        addresses(stack).flat_map(|address| self.frames_at(address).to_vec()).collect()
    }

    /// The calls at one return address, innermost inlined one first.
    fn frames_at(&mut self, return_address: usize) -> &[Arc<Frame>] {
        // The call lies before the address it returns to, perhaps on another line.
        let probe = (return_address as u64 - 1).wrapping_sub(self.load_bias);
        let loader = &self.loader;
        self.seen.entry(return_address).or_insert_with(|| {
            let mut frames = by_line(loader, probe);
            if frames.is_empty() {
                frames.extend(by_function(loader, probe));
            }
            frames.into_iter().map(Arc::new).collect()
        })
    }
}

impl Frame {
    fn location(&self) -> Location {
        let file = if self.file.is_empty() { &self.function } else { &self.file };
        Location { file: file.clone(), line: self.line }
    }
}

fn addresses(stack: &[usize]) -> impl Iterator<Item = usize> {
    stack.iter().copied().take_while(|&address| address != 0)
}

fn by_line(loader: &Loader, probe: u64) -> Vec<Frame> {
    let mut found = Vec::new();
    let Ok(mut frames) = loader.find_frames(probe) else { return found };
    while let Ok(Some(frame)) = frames.next() {
        let Some(location) = frame.location else { continue };
        let Some(file) = location.file else { continue };
        let (mut origin, file) = origin::of_file(file);
        let function = frame.function.as_ref().and_then(|function| function.demangle().ok());
        let function = function.unwrap_or_default().into_owned();
        if origin::is_allocator_shim(&function) {
            origin = Origin::Tracker;
        }
        found.push(Frame { origin, function, file, line: location.line });
    }
    found
}

fn by_function(loader: &Loader, probe: u64) -> Option<Frame> {
    let symbol = loader.find_symbol(probe)?;
    let function = addr2line::demangle(symbol, DW_LANG_Rust)?;
    Some(Frame {
        origin: origin::of_function(&function),
        function,
        file: String::new(),
        line: None,
    })
}

/// The distance between where the program is loaded and where its file says it should be.
fn load_bias() -> Result<u64, SymbolError> {
    // A program of this ELF type is loaded where its file says.
    const FIXED: u8 = 2;
    let mut header = [0; 18];
    File::open(PROGRAM)
        .and_then(|mut file| file.read_exact(&mut header))
        .map_err(SymbolError::Program)?;
    let kind = header[16];
    if kind == FIXED {
        return Ok(0);
    }
    let myself = procfs::process::Process::myself().map_err(SymbolError::Map)?;
    let program = myself.exe().map_err(SymbolError::Map)?;
    let maps = myself.maps().map_err(SymbolError::Map)?;
    let is_program = |path: &procfs::process::MMapPath| matches!(path, procfs::process::MMapPath::Path(path) if *path == program);
    let first = maps.iter().find(|map| map.offset == 0 && is_program(&map.pathname));
    first
        .map(|map| map.address.0)
        .ok_or_else(|| SymbolError::Debug("the program is not in its own memory map".to_owned()))
}
