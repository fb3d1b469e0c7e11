//! Can this process keep its books? Two questions, asked by doing it once.

use super::account::Account;
use super::allocator;
use super::sites;
use super::symbols::Symbols;

/// The file that the test allocation must be traced back to.
const THIS_FILE: &str = "leaky-service/src/tracker/self_test.rs";

/// Bytes of the test allocation; any would do.
const PROBE_BYTES: usize = 512;

/// Whether the global allocator is ours: an allocation made on an account shows up on it.
///
/// Says no as well if every account is taken, since then nothing can be charged either.
pub(super) fn allocator_is_installed() -> bool {
    let Ok(account) = Account::open() else { return false };
    let (probe, net_bytes) = account.measure(allocate_probe);
    drop(probe);
    net_bytes > 0
}

/// Whether an allocation made here is traced back to here; if not, what is missing.
///
/// Asked only where [`allocator_is_installed`].
pub(super) fn attribution() -> Result<(), String> {
    let probe = allocate_probe();
    #[expect(unsafe_code, reason = "reads the header before the probe")]
    // SAFETY: asked only where our allocator is the global one.
    let site = unsafe { allocator::site_of(&*probe) };
    let stack = sites::stack_of(site).filter(|stack| stack[0] != 0).ok_or_else(|| {
        "no frame pointers: build with RUSTFLAGS='-C force-frame-pointers=yes' \
         (an environment RUSTFLAGS replaces the one in .cargo/config.toml)"
            .to_owned()
    })?;
    drop(probe);
    let mut symbols = Symbols::open().map_err(|error| error.to_string())?;
    if symbols.frames(&stack).iter().any(|frame| frame.file == THIS_FILE) {
        return Ok(());
    }
    Err("a test allocation was not traced back to its source line: build with frame pointers \
         (-C force-frame-pointers=yes) and debug information (debug = 1), unstripped"
        .to_owned())
}

#[inline(never)]
fn allocate_probe() -> Box<[u8; PROBE_BYTES]> {
    std::hint::black_box(Box::new([1; PROBE_BYTES]))
}
