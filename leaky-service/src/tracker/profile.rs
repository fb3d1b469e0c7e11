//! Questions to the site table, answered in source lines: what is alive, and what grew.

use std::collections::HashMap;

use super::counts::{self, Amount};
use super::sites::{self, Site};
use super::symbols::{Location, SymbolError, Symbols};

/// Named for stacks that found no room in the table of sites.
pub(super) const OVERFLOW: &str = "other sites (the table of call stacks is full)";

/// What is alive at one source line, or in one source file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// `file:line`, or `file` alone when grouped by file.
    pub location: String,
    /// Live bytes, as the allocator handed them out.
    pub bytes: u64,
    /// Live blocks.
    pub count: u64,
}

/// Everything alive whose allocation was recorded, largest first; nothing where attribution is
/// off.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Grouped by `file:line`.
    pub by_line: Vec<Usage>,
    /// Grouped by file.
    pub by_file: Vec<Usage>,
    /// All recorded live bytes.
    pub traced_bytes: u64,
    /// The most that `traced_bytes` has ever been, to 64 KiB for each thread.
    pub peak_traced_bytes: u64,
}

/// Live bytes and blocks of every site at one moment, to compare a later moment with; nothing
/// where attribution is off.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    /// In the order of the table, which keeps its sites for ever and adds new ones anywhere.
    sites: Vec<Site>,
    /// All recorded live bytes at that moment.
    pub traced_bytes: u64,
}

/// A source line that holds more than it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// `file:line`.
    pub location: String,
    /// Bytes held beyond the baseline.
    pub bytes_diff: i64,
    /// Blocks held beyond the baseline; may be negative when blocks grew instead.
    pub count_diff: i64,
    /// Bytes held now.
    pub bytes: u64,
}

impl Profile {
    /// Reads the table and names its sites; takes tens of milliseconds and, while it runs, tens
    /// of megabytes.
    pub fn take() -> Result<Self, SymbolError> {
        if !super::recording() {
            return Ok(Self::default());
        }
        let live: Vec<_> = sites::all().filter(|site| site.live.bytes > 0).collect();
        let traced_bytes = live_bytes(&live);
        let peak_traced_bytes = counts::peak_bytes().max(traced_bytes);
        let mut by_line: HashMap<_, Amount> = HashMap::new();
        let mut by_file: HashMap<_, Amount> = HashMap::new();
        for (site, location) in located(&live)? {
            *by_file.entry(location.file.clone()).or_default() += site.live;
            *by_line.entry(location).or_default() += site.live;
        }
        let (by_line, by_file) = (usages(by_line), usages(by_file));
        Ok(Self { by_line, by_file, traced_bytes, peak_traced_bytes })
    }
}

impl Baseline {
    /// Reads the table; cheap.
    pub fn take() -> Self {
        if !super::recording() {
            return Self::default();
        }
        let sites: Vec<_> = sites::all().collect();
        Self { traced_bytes: live_bytes(&sites), sites }
    }

    /// The lines that hold more at `later` than they do here, the one that grew most first.
    pub fn growth_until(&self, later: &Self) -> Result<Vec<Growth>, SymbolError> {
        let before: HashMap<_, _> =
            self.sites.iter().map(|site| (site.number, site.live)).collect();
        let mut sums: HashMap<Location, (Amount, Amount)> = HashMap::new();
        for (site, location) in located(&later.sites)? {
            let (now, change) = sums.entry(location).or_default();
            *now += site.live;
            *change += site.live - before.get(&site.number).copied().unwrap_or_default();
        }
        let grown = |(location, (now, change)): (Location, (Amount, Amount))| Growth {
            location: location.to_string(),
            bytes_diff: change.bytes,
            count_diff: change.count,
            bytes: unsigned(now.bytes),
        };
        let mut growth: Vec<_> = sums.into_iter().map(grown).collect();
        growth.retain(|growth| growth.bytes_diff > 0);
        growth.sort_by(|a, b| b.bytes_diff.cmp(&a.bytes_diff).then(a.location.cmp(&b.location)));
        Ok(growth)
    }
}

fn live_bytes(sites: &[Site]) -> u64 {
    unsigned(sites.iter().map(|site| site.live.bytes).sum())
}

/// Names sites after their source lines.
fn located(sites: &[Site]) -> Result<Vec<(Site, Location)>, SymbolError> {
    if sites.is_empty() {
        return Ok(Vec::new());
    }
    let mut symbols = Symbols::open()?;
    let locate = |site: &Site| {
        let location = match sites::stack_of(site.number) {
            Some(stack) => symbols.locate(&stack),
            None => Location::unknown(OVERFLOW),
        };
        (*site, location)
    };
    Ok(sites.iter().map(locate).collect())
}

fn usages<K: ToString>(sums: HashMap<K, Amount>) -> Vec<Usage> {
    let usage = |(location, live): (K, Amount)| Usage {
        location: location.to_string(),
        bytes: unsigned(live.bytes),
        count: unsigned(live.count),
    };
    let mut usages: Vec<_> = sums.into_iter().map(usage).collect();
    usages.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.location.cmp(&b.location)));
    usages
}

pub(super) fn unsigned(amount: i64) -> u64 {
    u64::try_from(amount).unwrap_or(0)
}
