//! The site table, answered in whole call stacks: what each has allocated and what of it is alive.

use std::sync::Arc;

use super::profile::{OVERFLOW, unsigned};
use super::sites::{self, Site};
use super::stack::DEPTH;
use super::symbols::{Frame, SymbolError, Symbols};
use crate::tracker::Origin;

/// Return addresses kept of a stack; each may stand for several inlined calls.
pub const STACK_DEPTH: usize = DEPTH;

/// Named for stacks of which no frame has a name.
const UNKNOWN: &str = "unknown";

/// A call stack that has allocated, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStack {
    /// The calls, innermost first, without the tracker's own; never empty.
    pub frames: Vec<Arc<Frame>>,
    /// False if there were more callers than are kept.
    pub is_whole: bool,
    /// What was allocated there.
    pub tally: Tally,
}

/// What was allocated at one place; bytes are as the allocator handed them out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Blocks ever allocated; one that is reallocated counts again.
    pub allocated_count: u64,
    /// Their bytes.
    pub allocated_bytes: u64,
    /// Blocks alive.
    pub live_count: u64,
    /// Their bytes.
    pub live_bytes: u64,
}

impl CallStack {
    /// Reads the table and names every frame; costs what [`Profile::take`](super::Profile::take)
    /// costs. Nothing where attribution is off.
    pub fn take_all() -> Result<Vec<Self>, SymbolError> {
        if !super::recording() {
            return Ok(Vec::new());
        }
        // Read before symbols are, whose own allocations are nobody's question.
        let used: Vec<_> = sites::all().filter(|site| site.born.count > 0).collect();
        let mut symbols = Symbols::open()?;
        Ok(used.iter().map(|site| Self::name(site, &mut symbols)).collect())
    }

    fn name(site: &Site, symbols: &mut Symbols) -> Self {
        let tally = Tally::of(site);
        let Some(addresses) = sites::stack_of(site.number) else {
            return Self { frames: vec![stand_in(OVERFLOW)], is_whole: false, tally };
        };
        let mut frames = symbols.frames(&addresses);
        frames.retain(|frame| frame.origin != Origin::Tracker);
        if frames.is_empty() {
            frames.push(stand_in(UNKNOWN));
        }
        Self { frames, is_whole: addresses[DEPTH - 1] == 0, tally }
    }
}

impl Tally {
    fn of(site: &Site) -> Self {
        Self {
            allocated_count: unsigned(site.born.count),
            allocated_bytes: unsigned(site.born.bytes),
            live_count: unsigned(site.live.count),
            live_bytes: unsigned(site.live.bytes),
        }
    }
}

/// The frame of a stack that has none.
fn stand_in(name: &str) -> Arc<Frame> {
    let function = name.to_owned();
    Arc::new(Frame { origin: Origin::Dependency, function, file: String::new(), line: None })
}
