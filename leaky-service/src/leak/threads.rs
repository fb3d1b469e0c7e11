//! Threads that never end: each request starts one to watch over it, and none is told to stop.
//!
//! The watcher is to give the alarm should the request hang, and ends when told that the request
//! is over. Nobody tells it, and nobody waits for it: a finished request leaves a thread asleep,
//! with its stack.

use std::collections::HashMap;
use std::io;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, JoinHandle};

use crate::pattern::{End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "threads",
    role: Role::Leak,
    description: "Threads that never end: one asleep per request, with its stack, never joined",
    page: include_str!("threads.md"),
    takes: &[Resource::Threads, Resource::Mappings],
    parameters: &[],
    unclearable: None,
    contract: None,
    fill: b'3',
    new: || Box::<Threads>::default(),
};

/// As it stands in `/proc/PID/task/TID/comm`.
const THREAD_NAME: &str = "watcher";

/// Address space for a stack; plenty for a thread that only waits.
const STACK_BYTES: usize = 64 << 10;

/// Mappings that a thread consists of: its stack, the one on which overflows of the stack are
/// handled, and a guard for each.
const MAPPINGS: usize = 4;

#[derive(Default)]
struct Threads {
    /// By the request that it watches.
    watchers: Mutex<HashMap<u64, Watcher>>,
}

/// A thread that sleeps until its request is over.
struct Watcher {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Watcher {
    fn start() -> io::Result<Self> {
        let (over, is_over) = channel();
        let builder = Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES);
        let thread = builder.spawn(move || watch(&is_over))?;
        Ok(Self { over: Some(over), thread: Some(thread) })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.over.take());
        // A watcher that panicked has ended as well.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn watch(is_over: &Receiver<()>) {
    // Nothing is ever sent: it is over when the sender is gone.
    let _ = is_over.recv();
}

impl Pattern for Threads {
    fn touch(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        let watcher = Watcher::start()?;
        lock(&self.watchers).insert(event.id, watcher);
        Ok(())
    }

    fn ended(&self, id: u64, _end: End, patched: bool) {
        // The defect: only the fix tells the watcher that its request is over.
        if patched {
            let watcher = lock(&self.watchers).remove(&id);
            drop(watcher);
        }
    }

    fn count(&self) -> usize {
        lock(&self.watchers).len()
    }

    fn outside(&self) -> Outside {
        let threads = self.count();
        let mappings = (threads * MAPPINGS) as u64;
        Outside { threads: threads as u64, mappings, ..Outside::default() }
    }

    fn clear(&self) -> usize {
        let mut watchers = std::mem::take(&mut *lock(&self.watchers));
        // All of them wake up before the first is waited for.
        for watcher in watchers.values_mut() {
            drop(watcher.over.take());
        }
        watchers.len()
    }
}
