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
use std::path::Path;

use addr2line::Loader;
use addr2line::gimli::DW_LANG_Rust;

/// The running program, also after its file has been replaced.
const PROGRAM: &str = "/proc/self/exe";

/// Where this crate lay when it was compiled; the workspace is the directory around it.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// Directories whose code belongs to the standard library, as its paths appear in binaries.
const STANDARD: [&str; 3] = ["/rustc/", "/rust/deps/", "/lib/rustlib/src/rust/"];

/// Directories that cargo keeps dependencies in.
const DEPENDENCIES: [&str; 2] = ["/registry/src/", "/git/checkouts/"];

const TRACKER: &str = "leaky-service/src/tracker";

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

/// Whose code a frame is; a stack is named after the smallest of its frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Ours,
    Dependency,
    Standard,
    Tracker,
}

/// A frame as the reader sees it.
#[derive(Clone, Debug)]
struct Place {
    origin: Origin,
    /// A path relative to the workspace or the registry, or the name of a function.
    file: String,
    line: Option<u32>,
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
    seen: HashMap<usize, Vec<Place>>,
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
        let mut best: Option<Place> = None;
        for &address in stack.iter().take_while(|&&address| address != 0) {
            for place in self.places(address) {
                if best.as_ref().is_none_or(|best| place.origin < best.origin) {
                    best = Some(place.clone());
                }
            }
            if best.as_ref().is_some_and(|best| best.origin == Origin::Ours) {
                break;
            }
        }
        best.map_or_else(
            || Location::unknown("unknown"),
            |place| Location { file: place.file, line: place.line },
        )
    }

    /// Every source file that the frames of a stack come from, the tracker's own included.
    pub fn files(&mut self, stack: &[usize]) -> Vec<String> {
        let frames = stack.iter().take_while(|&&address| address != 0);
        frames.flat_map(|&frame| self.places(frame).to_vec()).map(|place| place.file).collect()
    }

    /// The frames at one return address, innermost inlined one first.
    fn places(&mut self, return_address: usize) -> &[Place] {
        // The call lies before the address it returns to, perhaps on another line.
        let probe = (return_address as u64 - 1).wrapping_sub(self.load_bias);
        let loader = &self.loader;
        self.seen.entry(return_address).or_insert_with(|| {
            let mut places = by_line(loader, probe);
            if places.is_empty() {
                places.extend(by_function(loader, probe));
            }
            places
        })
    }
}

fn by_line(loader: &Loader, probe: u64) -> Vec<Place> {
    let mut places = Vec::new();
    let Ok(mut frames) = loader.find_frames(probe) else { return places };
    while let Ok(Some(frame)) = frames.next() {
        let Some(location) = frame.location else { continue };
        let Some(file) = location.file else { continue };
        let (mut origin, file) = classify(file);
        let name = frame.function.as_ref().and_then(|function| function.raw_name().ok());
        if name.is_some_and(|name| is_allocator_shim(&name)) {
            origin = Origin::Tracker;
        }
        places.push(Place { origin, file, line: location.line });
    }
    places
}

fn by_function(loader: &Loader, probe: u64) -> Option<Place> {
    let symbol = loader.find_symbol(probe)?;
    let name = addr2line::demangle(symbol, DW_LANG_Rust)?;
    Some(Place { origin: origin_of_function(&name), file: name, line: None })
}

/// Whose a function is, by the crate at the head of its path, as in `<tokio::Task as Future>::poll`.
fn origin_of_function(name: &str) -> Origin {
    let path = name.trim_start_matches(|first: char| !first.is_ascii_alphabetic() && first != '_');
    let head = path.split(':').next().unwrap_or_default();
    match head {
        "core" | "alloc" | "std" => Origin::Standard,
        _ if is_allocator_shim(name) => Origin::Tracker,
        _ => Origin::Dependency,
    }
}

/// Whether a function is one that the compiler puts between allocations and the allocator. Its
/// line is that of the `#[global_allocator]`, wherever that stands.
fn is_allocator_shim(name: &str) -> bool {
    ["__rust_alloc", "__rust_realloc", "__rust_dealloc", "__rg_"]
        .iter()
        .any(|shim| name.contains(shim))
}

/// Whose a source file is, and its path as short as it can be told.
fn classify(path: &str) -> (Origin, String) {
    let after = |marker: &str| path.find(marker).map(|at| &path[at + marker.len()..]);
    if let Some(rest) = STANDARD.iter().find_map(|marker| after(marker)) {
        let library = rest.find("library/").map_or(rest, |at| &rest[at..]);
        return (Origin::Standard, library.to_owned());
    }
    if let Some(rest) = DEPENDENCIES.iter().find_map(|marker| after(marker)) {
        // The first component is the registry or checkout, the next one the crate.
        let rest = rest.split_once('/').map_or(rest, |(_, rest)| rest);
        return (Origin::Dependency, rest.to_owned());
    }
    let file = relative_to_workspace(path);
    let origin = if file.starts_with(TRACKER) { Origin::Tracker } else { Origin::Ours };
    (origin, file.to_owned())
}

fn relative_to_workspace(path: &str) -> &str {
    let root = Path::new(CRATE).parent().and_then(Path::to_str);
    let below = root.and_then(|root| path.strip_prefix(root));
    below.map_or(path, |rest| rest.trim_start_matches('/'))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_path_tells_whose_code_it_is_and_is_shown_short() {
        let root = relative_root();
        let cases = [
            (
                "/rustc/59807616e/library/alloc/src/vec/mod.rs",
                Origin::Standard,
                Some("library/alloc/src/vec/mod.rs"),
            ),
            ("/rust/deps/hashbrown-0.16.0/src/raw.rs", Origin::Standard, None),
            (
                "/home/u/.rustup/t/lib/rustlib/src/rust/library/std/src/io.rs",
                Origin::Standard,
                None,
            ),
            (
                "/home/u/.cargo/registry/src/index-1949/tokio-1.54.1/src/task.rs",
                Origin::Dependency,
                Some("tokio-1.54.1/src/task.rs"),
            ),
            (
                &format!("{root}/leaky-service/src/leak/cache.rs"),
                Origin::Ours,
                Some("leaky-service/src/leak/cache.rs"),
            ),
            (&format!("{root}/leaky-service/src/tracker/sites.rs"), Origin::Tracker, None),
            ("/elsewhere/src/main.rs", Origin::Ours, Some("/elsewhere/src/main.rs")),
        ];
        for (path, origin, shown) in cases {
            let found = classify(path);
            assert_eq!(found.0, origin, "{path}");
            if let Some(shown) = shown {
                assert_eq!(found.1, shown, "{path}");
            }
        }
    }

    #[test]
    fn a_function_name_tells_whose_code_it_is() {
        let cases = [
            ("<tokio::runtime::Task as core::future::Future>::poll", Origin::Dependency),
            ("hyper::proto::h1::dispatch::poll", Origin::Dependency),
            ("<alloc::vec::Vec<T> as core::clone::Clone>::clone", Origin::Standard),
            ("std::thread::spawn", Origin::Standard),
            ("__rustc::__rust_alloc", Origin::Tracker),
        ];
        for (name, origin) in cases {
            assert_eq!(origin_of_function(name), origin, "{name}");
        }
    }

    fn relative_root() -> String {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        manifest.parent().and_then(Path::to_str).unwrap().to_owned()
    }
}
