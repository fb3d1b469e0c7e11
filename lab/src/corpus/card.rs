//! The data card of a corpus: what it is, how it was made, and what it cannot tell.

use std::fmt::Write;

use super::Recipe;
use super::family::{FAMILIES, Kind};

/// What the files of every corpus are.
const FILES: &str = "`NAME.csv.gz` (or `NAME.csv`) is a trace: first column `t_seconds`, empty \
    cells are missing. `NAME.truth.yaml` is what is true of it, `manifest.json` the list with \
    checksums (SHA-256), halves and licence. `leaklab corpus check` verifies them.";

/// The card of a generated corpus, in Markdown.
pub fn generated(recipe: &Recipe) -> String {
    let Recipe { seed, half, traces } = recipe;
    let mut text = format!(
        "# A corpus of {traces} generated traces, half `{half}`\n\n\
        Made by `leaklab corpus generate --seed {seed} --half {half} --traces {traces}`; the same \
        command gives the same bytes. Licence: CC0-1.0.\n\n{FILES}\n\n\
        Each trace is a level, what its family does, a leak or none, noise (white and \
        autocorrelated) and a grain. `difficulty` is the growth of the leak over the time that it \
        leaks, in standard deviations of everything else over that time. The ranges of the \
        halves `tune` and `test` share no value and cover the same span; details of a shape, such as by how \
        much one tooth differs from the next, are drawn alike for both.\n\n\
        What it cannot tell: how often each family occurs where you work. Real series do all of \
        this at once, and things that nobody thought of.\n\n\
        | family | leaks | what goes on |\n|---|---|---|\n"
    );
    for family in &FAMILIES {
        let leaks = if family.kind == Kind::Leak { "yes" } else { "no" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {} | {leaks} | {} |", family.name, family.says);
    }
    text
}

/// The card of a corpus that was recorded from the service.
pub fn recorded(command: &str) -> String {
    format!(
        "# A corpus recorded from the leaky service\n\n\
        Made by `{command}`. Licence: CC0-1.0.\n\n{FILES}\n\n\
        Each trace is one leak or decoy of the real service, a process of its own under real load, \
        sampled from outside in real time: load from the first sample on, the leak or decoy \
        switched on at the onset by the clock (no detector decides when), and fixed by the clock if it \
        is a leak. The truth is the service's own word just before the fix: bytes held, bytes per \
        entry, and the gauges that count it. `growth` is what was held then; `residual_sd` is the \
        deviation of the signal before the onset.\n\n\
        What it cannot tell: how a leak looks that takes hours, or in another allocator or language. \
        A recording depends on the machine and what else it did, so two recordings differ in their \
        noise; their truths differ by the requests that were served.\n"
    )
}

/// The card of a corpus of somebody's own series.
pub fn imported(command: &str, licence: &str) -> String {
    format!(
        "# A corpus of imported series\n\n\
        Made by `{command}`. Licence: {licence}.\n\n{FILES}\n\n\
        The samples are as they were read; what is true of them is the word of whoever imported \
        them.\n\n\
        What it cannot tell: whether a truth is right. `leaklab corpus check` finds a leak that does not \
        grow; a leak that nobody knew of it cannot find.\n"
    )
}

/// The card of a corpus in which leaks were added to somebody's own series.
pub fn injected(command: &str, licence: &str) -> String {
    format!(
        "# A corpus of real series with added leaks\n\n\
        Made by `{command}`. Licence: {licence}.\n\n{FILES}\n\n\
        Noise and load are real, the leak is added to them, and its truth is exact. The series that \
        it was added to is taken as leak-free.\n\n\
        What it cannot tell: how the rest of a system answers to a leak (garbage collection that runs \
        more often, caches that are dropped, a restart).\n"
    )
}
