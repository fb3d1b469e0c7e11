//! Judges from outside whether a process leaks.
//!
//! The decision core is a pure function of values: [`Observation`]s go in, [`Assessment`]s come
//! out, and time is a number among the others. A six-hour production window and a
//! thirty-second lab run are the same code at another scale, and a replayed trace gives the
//! verdicts that the live run gave. The feature `tool` adds what touches the world.

#[cfg(feature = "tool")]
pub mod cli;
#[cfg(feature = "tool")]
pub mod config;
#[cfg(feature = "tool")]
mod inspect;
#[cfg(feature = "tool")]
mod rules;
#[cfg(feature = "tool")]
mod service;
#[cfg(feature = "tool")]
pub mod source;
#[cfg(feature = "tool")]
pub mod target;
#[cfg(feature = "tool")]
pub mod trace;

mod assessment;
mod blocks;
mod cause;
mod explain;
mod incident;
mod judge;
mod lives;
mod observation;
mod reason;
#[cfg(test)]
mod reference;
mod segment;
mod settings;
mod stats;
pub mod threshold;
mod track;
mod watcher;

pub use assessment::{Assessment, State};
pub use observation::{BadObservation, Observation, Signal};
#[cfg(feature = "tool")]
pub use service::{Service as Watch, StartError as WatchError, TOKEN as WATCH_TOKEN};
pub use settings::Settings;
pub use watcher::Watcher;
