//! Who holds the heap: an allocator that knows, for every live block, the call site it came from
//! and the account it is charged to.
//!
//! [`TrackingAllocator`] is jemalloc with a 16-byte header on every block. A free or a
//! reallocation, on whichever thread, takes the block off the books that its header names, so
//! both sets of books hold exactly what is alive, never an estimate:
//!
//! - a **site** is a stack of return addresses, found by walking frame pointers (`stack`) and kept
//!   in a table (`sites`); every thread counts bytes and blocks for each (`counts`);
//! - an **account** is a name somebody asked for; whatever a thread allocates inside
//!   [`Account::measure`] is charged to it, the growth of a container included.
//!
//! Bytes are what jemalloc hands out: the size class it rounds a request up to, header included.
//! Memory that does not pass through the global allocator (stacks, mapped files, what C code
//! takes from `malloc`) is not seen, and nothing here pretends otherwise.
//!
//! Accounts are kept from the first instruction on. Sites are recorded only after [`start`],
//! which first asks whether they can be trusted at all; see [`Attribution`].

mod account;
mod allocator;
mod counts;
mod origin;
mod profile;
mod self_test;
mod sites;
mod stack;
mod stacks;
mod symbols;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::Serialize;

use crate::heap;

pub(crate) use account::net_bytes_here;
pub use account::{Account, NoAccountLeft};
pub use allocator::{TrackingAllocator, handed_out_bytes};
pub use origin::Origin;
pub use profile::{Baseline, Growth, Profile, Usage};
pub use stacks::{CallStack, STACK_DEPTH, Tally};
pub use symbols::{Frame, SymbolError};

/// Whether allocation sites are recorded; set once, by [`start`].
static RECORDING: AtomicBool = AtomicBool::new(false);

static ATTRIBUTION: OnceLock<Attribution> = OnceLock::new();

/// Whether live bytes can be attributed to source lines in this process, and if not, why.
#[derive(Clone, Debug, Serialize)]
pub struct Attribution {
    /// True when a test allocation was traced back to the very function that made it.
    pub enabled: bool,
    /// What is missing, and how to get it; `None` when attribution is on.
    pub reason: Option<String>,
}

/// Why this process cannot keep books at all.
#[derive(Debug, thiserror::Error)]
#[error(
    "this program does not allocate through leaky_service::TrackingAllocator; \
     declare it as the #[global_allocator] of the binary"
)]
pub struct NotInstalled;

/// Starts recording sites if that is `wanted` and they can be trusted, once per process; later
/// calls return what the first one found.
///
/// Attribution that cannot be trusted stays off and says so. A missing allocator is an error,
/// because then not even accounts are kept.
pub fn start(wanted: bool) -> Result<&'static Attribution, NotInstalled> {
    if !self_test::allocator_is_installed() {
        return Err(NotInstalled);
    }
    Ok(ATTRIBUTION.get_or_init(|| {
        if !wanted {
            let reason = Some("it is switched off (--attribution off)".to_owned());
            return Attribution { enabled: false, reason };
        }
        RECORDING.store(true, Ordering::Relaxed);
        let outcome = self_test::attribution();
        RECORDING.store(outcome.is_ok(), Ordering::Relaxed);
        // Reading symbols took tens of megabytes; what is measured from here on should not
        // contain them. A purge that is refused only delays that.
        let _ = heap::flush_thread_cache().and_then(|()| heap::purge());
        Attribution { enabled: outcome.is_ok(), reason: outcome.err() }
    }))
}

/// What [`start`] found, or that it has not been called.
pub fn attribution() -> Attribution {
    ATTRIBUTION.get().cloned().unwrap_or_else(|| Attribution {
        enabled: false,
        reason: Some("tracking has not been started".to_owned()),
    })
}

fn recording() -> bool {
    RECORDING.load(Ordering::Relaxed)
}
