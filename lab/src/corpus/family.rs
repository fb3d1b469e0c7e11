//! The families of series: leaks, and what looks like one and is none.
//!
//! Each is a file below `family/` and joins by its line in [`FAMILIES`].

mod accelerating;
mod batch;
mod burst_retention;
mod cache_fill;
mod daily_load;
mod descriptors;
mod fragmentation;
mod gc_sawtooth;
mod idle;
mod late_onset;
mod leak_in_warm_up;
mod leak_under_load;
mod missing_data;
mod page_cache;
mod per_request;
mod pools;
mod random_walk;
mod restart_sawtooth;
mod rising_floor;
mod scale_out;
mod slow;
mod stairs;
mod steady;
mod step;
mod steps;
mod threads;
mod warm_up;

use super::draw::Draw;
use super::ranges::{DAYS, HOURS};
use super::scene::{Scene, Sketch};

/// Whether it leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keeps what it should release.
    Leak,
    /// Rises, or moves otherwise, and is no leak.
    Benign,
}

/// A kind of series.
pub struct Family {
    /// The name in files and results.
    pub name: &'static str,
    /// Whether it leaks.
    pub kind: Kind,
    /// One line: what goes on.
    pub says: &'static str,
    /// The samplings in which it occurs.
    pub samplings: &'static [usize],
    /// Draws what is special about it.
    pub sketch: Sketcher,
}

/// Draws one series of a family.
pub type Sketcher = fn(&mut Draw, &mut Scene) -> Sketch;

const ANY: &[usize] = &[0, 1, 2, 3, 4];

/// A line of the list.
const fn leak(name: &'static str, says: &'static str, sketch: Sketcher) -> Family {
    Family { name, kind: Kind::Leak, says, samplings: ANY, sketch }
}

/// A line of the list.
const fn benign(name: &'static str, says: &'static str, sketch: Sketcher) -> Family {
    Family { kind: Kind::Benign, ..leak(name, says, sketch) }
}

/// Every family. Leaks and the rest take turns, so that any number of traces holds both.
pub static FAMILIES: [Family; 27] = [
    leak("steady", "the same amount every second", steady::sketch),
    benign("idle", "nothing happens", idle::sketch),
    Family { samplings: &HOURS, ..leak("slow", ".5 to 5 % of the limit per hour", slow::sketch) },
    benign("warm_up", "rises to a level, with one or two time constants", warm_up::sketch),
    leak("per_request", "the same amount per request, under varying load", per_request::sketch),
    benign("cache_fill", "a bounded cache fills, then evicts", cache_fill::sketch),
    leak("accelerating", "faster and faster", accelerating::sketch),
    benign("gc_sawtooth", "garbage is collected back to the same floor", gc_sawtooth::sketch),
    leak("stairs", "in steps, the same again and again", stairs::sketch),
    benign("daily_load", "follows the load", daily_load::sketch),
    leak("rising_floor", "garbage is collected back to a floor that rises", rising_floor::sketch),
    benign(
        "burst_retention",
        "a burst of which the allocator keeps a part",
        burst_retention::sketch,
    ),
    leak("late_onset", "long well, then the same amount every second", late_onset::sketch),
    benign("step", "one step, up or down", step::sketch),
    leak(
        "restart_sawtooth",
        "grows to the limit, is killed, begins anew",
        restart_sawtooth::sketch,
    ),
    benign("steps", "several steps, up and down", steps::sketch),
    leak("descriptors", "descriptors that nobody closes", descriptors::sketch),
    benign("batch", "a job that takes memory and gives it back", batch::sketch),
    leak("threads", "threads that never end", threads::sketch),
    benign("page_cache", "mapped files are read; anonymous memory stays", page_cache::sketch),
    leak("leak_in_warm_up", "a leak under a warm-up", leak_in_warm_up::sketch),
    benign("fragmentation", "creeps to its share of what is in use", fragmentation::sketch),
    Family {
        samplings: &[DAYS],
        ..leak(
            "leak_under_load",
            "a leak under a load that follows the day",
            leak_under_load::sketch,
        )
    },
    benign("scale_out", "load is moved to and from other instances", scale_out::sketch),
    benign("random_walk", "wanders, and comes back to its mean", random_walk::sketch),
    benign("missing_data", "pieces of the window are not there", missing_data::sketch),
    benign("pools", "descriptors and threads follow the load", pools::sketch),
];
