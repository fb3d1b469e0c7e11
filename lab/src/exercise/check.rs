//! The check of each exercise, a file each.

pub(super) mod baseline;
pub(super) mod cache;
pub(super) mod capacity;
pub(super) mod connections;
pub(super) mod decoy;
pub(super) mod fix;
pub(super) mod line;
pub(super) mod out_of_memory;
pub(super) mod requests_and_time;
pub(super) mod rules;
pub(super) mod tasks;
pub(super) mod unseen;

/// Takes the page and the solution of an exercise into the program.
macro_rules! pages {
    ($file:literal) => {
        (
            include_str!(concat!("../../../../exercises/", $file, ".md")),
            include_str!(concat!("../../../../exercises/solutions/", $file, ".md")),
        )
    };
}
use pages;

use super::answers::{Answers, Form, Question};
use super::evidence::{Evidence, Standing};
use super::findings::Findings;
use super::{Exercise, Needs};
use crate::quantity::bytes;

/// Requests that a watch of some seconds must have seen to prove anything.
const ENOUGH_REQUESTS: f64 = 10.0;
/// By how much the heap in use rises and falls by itself: buffers of connections and scrapes.
const HEAP_NOISE_BYTES: f64 = 1024.0 * 1024.0;

/// What a pattern is doing, in words.
fn in_words(standing: &Standing) -> String {
    let switch = if standing.enabled { "on" } else { "off" };
    let patched = if standing.patched { ", patched" } else { "" };
    format!("{switch}{patched}, {} entries, {}", standing.entries, bytes(standing.held_bytes))
}

/// Asks that requests came while the check looked on: nothing is proved without load.
fn load_came(findings: &mut Findings, evidence: &Evidence) {
    let requests = evidence.requests_meanwhile();
    findings.fact(
        "requests came while the check looked on",
        requests >= ENOUGH_REQUESTS,
        format!("{requests:.0} in {:.0} s", evidence.watched_seconds),
        "the lab's own load is off: send requests to /api/data meanwhile, or start the lab with load",
    );
}

/// Asks that a leak is on and has taken at least so much.
fn leaks(findings: &mut Findings, evidence: &Evidence, name: &str, entries: f64) {
    let standing = evidence.last.standing(name);
    findings.fact(
        &format!("{name} leaks, {entries} entries or more"),
        standing.enabled && standing.entries >= entries,
        in_words(&standing),
        "switch it on with POST /admin/leaks/NAME, then send requests; a restart switches it off",
    );
}
