//! A process of its own for each proof, because a second thread's allocations would blur the figures
//! of allocator and kernel: the test starts this same program again, for itself alone.

use std::any::type_name;
use std::env;
use std::process::Command;

/// Set in the process that is alone.
const ALONE: &str = "LEAKY_SERVICE_TEST_ALONE";

/// Runs the proof that is written in a test, in a process of its own.
pub fn alone<P: FnOnce()>(proof: P) {
    if env::var_os(ALONE).is_some() {
        return proof();
    }
    // The proof is a closure in the test, whose path is `exact::MODULE::TEST::{{closure}}`.
    let path = type_name::<P>().trim_end_matches("::{{closure}}");
    let (_, test) = path.split_once("::").expect("it is in this crate");
    let run = Command::new(env::current_exe().expect("this program is a file"))
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(ALONE, "")
        .output()
        .expect("this program can be started");
    let said = |output: &[u8]| String::from_utf8_lossy(output).into_owned();
    let (out, err) = (said(&run.stdout), said(&run.stderr));
    assert!(run.status.success() && out.contains("1 passed"), "{test}, alone: {out}{err}");
}
