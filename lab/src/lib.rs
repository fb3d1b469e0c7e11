//! The conductor: drills that leak, load, detect, fix and verify.
//!
//! The only crate that knows the others. A drill is data ([`drill`]); what to do next is decided
//! by a pure state machine ([`conductor`]) and done by one loop around it ([`session`]);
//! whatever happened stands in a [`journal`], and every [`report`] is a function of a journal.

pub mod admin;
mod bench;
pub mod cli;
mod client;
pub mod conductor;
mod corpus;
pub mod drill;
pub mod event;
mod exercise;
mod faults;
mod gameday;
pub mod interrupt;
pub mod journal;
pub mod load;
pub mod narrator;
mod prometheus;
pub mod proof;
pub mod quantity;
pub mod report;
pub mod sampling;
pub mod service;
pub mod session;
mod stats;
mod up;

/// An error with all its causes, on one line.
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = causes.map(ToString::to_string).collect();
    texts.join(": ").replace('\n', " ")
}
