//! Whose code a frame is, by its source file or the name of its function.

use std::path::Path;

/// Where this crate lay when it was compiled; the workspace is the directory around it.
const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// Directories whose code belongs to the standard library, as its paths appear in binaries.
const STANDARD: [&str; 3] = ["/rustc/", "/rust/deps/", "/lib/rustlib/src/rust/"];

/// Directories that cargo keeps dependencies in.
const DEPENDENCIES: [&str; 2] = ["/registry/src/", "/git/checkouts/"];

const TRACKER: &str = "leaky-service/src/tracker";

/// Whose code a frame is, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// This workspace's.
    Ours,
    /// A dependency's.
    Dependency,
    /// The standard library's.
    Standard,
    /// The way from an allocation to the tracker's books: part of every stack, and of no interest.
    Tracker,
}

/// Whose a function is, by the crate at the head of its path, as in `<tokio::Task as Future>::poll`.
pub(super) fn of_function(name: &str) -> Origin {
    let path = name.trim_start_matches(|first: char| !first.is_ascii_alphabetic() && first != '_');
    let head = path.split(':').next().unwrap_or_default();
    match head {
        "core" | "alloc" | "std" => Origin::Standard,
        _ if is_allocator_shim(name) => Origin::Tracker,
        _ => Origin::Dependency,
    }
}

/// Whether a function is one that the compiler puts between allocations and the allocator. Its
/// line is that of the `#[global_allocator]`, wherever that stands.
pub(super) fn is_allocator_shim(name: &str) -> bool {
    ["__rust_alloc", "__rust_realloc", "__rust_dealloc", "__rg_"]
        .iter()
        .any(|shim| name.contains(shim))
}

/// Whose a source file is, and its path as short as it can be told.
pub(super) fn of_file(path: &str) -> (Origin, String) {
    let after = |marker: &str| path.find(marker).map(|at| &path[at + marker.len()..]);
    if let Some(rest) = STANDARD.iter().find_map(|marker| after(marker)) {
        let library = rest.find("library/").map_or(rest, |at| &rest[at..]);
        return (Origin::Standard, library.to_owned());
    }
    if let Some(rest) = DEPENDENCIES.iter().find_map(|marker| after(marker)) {
        // The first component is the registry or checkout, the next one the crate.
        let rest = rest.split_once('/').map_or(rest, |(_, rest)| rest);
        return (Origin::Dependency, rest.to_owned());
    }
    let file = relative_to_workspace(path);
    let origin = if file.starts_with(TRACKER) { Origin::Tracker } else { Origin::Ours };
    (origin, file.to_owned())
}

fn relative_to_workspace(path: &str) -> &str {
    let root = Path::new(CRATE).parent().and_then(Path::to_str);
    let below = root.and_then(|root| path.strip_prefix(root));
    below.map_or(path, |rest| rest.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_path_tells_whose_code_it_is_and_is_shown_short() {
        let root = relative_root();
        let cases = [
            (
                "/rustc/59807616e/library/alloc/src/vec/mod.rs",
                Origin::Standard,
                Some("library/alloc/src/vec/mod.rs"),
            ),
            ("/rust/deps/hashbrown-0.16.0/src/raw.rs", Origin::Standard, None),
            (
                "/home/u/.rustup/t/lib/rustlib/src/rust/library/std/src/io.rs",
                Origin::Standard,
                None,
            ),
            (
                "/home/u/.cargo/registry/src/index-1949/tokio-1.54.1/src/task.rs",
                Origin::Dependency,
                Some("tokio-1.54.1/src/task.rs"),
            ),
            (
                &format!("{root}/leaky-service/src/leak/cache.rs"),
                Origin::Ours,
                Some("leaky-service/src/leak/cache.rs"),
            ),
            (&format!("{root}/leaky-service/src/tracker/sites.rs"), Origin::Tracker, None),
            ("/elsewhere/src/main.rs", Origin::Ours, Some("/elsewhere/src/main.rs")),
        ];
        for (path, origin, shown) in cases {
            let found = of_file(path);
            assert_eq!(found.0, origin, "{path}");
            if let Some(shown) = shown {
                assert_eq!(found.1, shown, "{path}");
            }
        }
    }

    #[test]
    fn a_function_name_tells_whose_code_it_is() {
        let cases = [
            ("<tokio::runtime::Task as core::future::Future>::poll", Origin::Dependency),
            ("hyper::proto::h1::dispatch::poll", Origin::Dependency),
            ("<alloc::vec::Vec<T> as core::clone::Clone>::clone", Origin::Standard),
            ("std::thread::spawn", Origin::Standard),
            ("__rustc::__rust_alloc", Origin::Tracker),
        ];
        for (name, origin) in cases {
            assert_eq!(of_function(name), origin, "{name}");
        }
    }

    fn relative_root() -> String {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        manifest.parent().and_then(Path::to_str).unwrap().to_owned()
    }
}
