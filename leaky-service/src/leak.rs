//! The leaks: each a defect as it is found in the wild, in a file of its own, and a line here.

mod cache;
mod capacity;
mod children;
mod connections;
mod cycles;
mod files;
mod forgotten;
mod history;
mod labels;
mod listeners;
mod mappings;
mod native;
mod queue;
mod replies;
mod sessions;
mod slices;
mod tasks;
mod thread_locals;
mod threads;
mod timers;

use crate::pattern::Facts;

/// All leaks, in the order in which they are listed.
pub const ALL: &[&Facts] = &[
    &cache::FACTS,
    &listeners::FACTS,
    &history::FACTS,
    &cycles::FACTS,
    &queue::FACTS,
    &slices::FACTS,
    &labels::FACTS,
    &capacity::FACTS,
    &forgotten::FACTS,
    &files::FACTS,
    &connections::FACTS,
    &native::FACTS,
    &mappings::FACTS,
    &threads::FACTS,
    &children::FACTS,
    &tasks::FACTS,
    &timers::FACTS,
    &sessions::FACTS,
    &replies::FACTS,
    &thread_locals::FACTS,
];
