//! What the watch says on stderr while it runs; nothing, where it is a part of a program that narrates itself.

use std::fmt::Arguments;
use std::sync::atomic::{AtomicBool, Ordering};

/// Stderr belongs to the process, and so does this.
static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Says nothing from here on, whichever watch of this process has something to say.
pub(super) fn be_quiet() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Says a line; see [`narrate`].
pub(super) fn say(line: Arguments<'_>) {
    if !IS_QUIET.load(Ordering::Relaxed) {
        eprintln!("watch: {line}");
    }
}

/// Says a line, unless the watch is quiet; takes what `format!` takes.
macro_rules! narrate {
    ($($line:tt)*) => { $crate::service::voice::say(format_args!($($line)*)) };
}
pub(super) use narrate;
