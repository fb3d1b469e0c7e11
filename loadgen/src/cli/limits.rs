//! What the system allows this process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises the limit of open files as far as anybody may, as the usual 1024 are fewer connections than
/// a plan may have. Where that is refused it stays as it was, and connections that cannot be opened
/// say so.
pub(super) fn allow_many_connections() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}
