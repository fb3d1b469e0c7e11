//! What is switched on in the service, and what the catalogue knows of it.

use std::collections::BTreeMap;

use leaky_service::pattern::Facts;
use serde::{Deserialize, Serialize};

/// Whether the target is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Keeps what it should release.
    Leak,
    /// Rises and is no leak.
    Decoy,
}

/// A leak or a decoy of the service, with its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Target {
    /// Leak or decoy.
    pub kind: TargetKind,
    /// Its name in the service.
    pub name: String,
    /// What a request leaves behind; absent where that has a size of its own, or none.
    pub bytes_per_request: Option<u64>,
    /// The part of the requests that touch it, above 0 and at most 1.
    pub share: f64,
    /// How long the service works on each request, which is when clients may go away.
    pub delay_seconds: f64,
    /// The settings of its own, all of them, in the catalogue's units (counts, bytes,
    /// milliseconds).
    pub parameters: BTreeMap<String, u64>,
}

/// The leak that a request leaves behind only if its client goes away.
const LEAKS_WHEN_ABORTED: &str = "replies";

/// Whether what a pattern holds is sized by `bytes_per_request`.
pub(super) fn is_sized(facts: &Facts) -> bool {
    let has_own_size = facts.per_event.is_some_and(|outside| outside.bytes > 0);
    !has_own_size && facts.takes.iter().any(|taken| !taken.is_counted())
}

impl Target {
    /// What the catalogue knows of it; absent for a name that is in no catalogue.
    pub fn facts(&self) -> Option<&'static Facts> {
        leaky_service::leaks::find(&self.name)
    }

    /// Whether requests have a part in it; if not, it goes by the clock alone.
    pub fn is_fed_by_requests(&self) -> bool {
        self.facts().is_none_or(|facts| facts.per_event.is_some())
    }

    /// Why nothing that it holds can be dropped, where that is so.
    pub fn unclearable(&self) -> Option<&'static str> {
        self.facts()?.unclearable
    }

    /// Whether a request leaves something behind only if its client goes away.
    pub fn leaks_when_aborted(&self) -> bool {
        self.name == LEAKS_WHEN_ABORTED
    }

    /// Whether this is a look-alike that must be recognised as such.
    pub fn is_decoy(&self) -> bool {
        self.kind == TargetKind::Decoy
    }
}
