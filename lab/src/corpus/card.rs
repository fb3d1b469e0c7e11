//! The data card of a generated corpus: what it is, how it was made, and what it cannot tell.

use std::fmt::Write;

use super::Recipe;
use super::family::{FAMILIES, Kind};

/// The card, in Markdown.
pub fn text(recipe: &Recipe) -> String {
    let Recipe { seed, half, traces } = recipe;
    let mut text = format!(
        "# A corpus of {traces} generated traces, half `{half}`\n\n\
        Made by `leaklab corpus generate --seed {seed} --half {half} --traces {traces}`; the same \
        command gives the same bytes.\n\n\
        `NAME.csv.gz` is a trace (first column `t_seconds`; empty cells are missing), \
        `NAME.truth.yaml` what is true of it, `manifest.json` the list with checksums (CRC-32).\n\n\
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
