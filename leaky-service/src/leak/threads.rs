//! Threads that never end: each request starts one to watch over it, and none is told to stop.
//!
//! The watcher is to give the alarm should the request hang, and ends when told that the request
//! is over. Nobody tells it, and nobody waits for it: a finished request leaves a thread asleep,
//! with its stack.

mod stack;

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use crate::heap;
use crate::pattern::{End, Event, Facts, Pattern, Role, lock};
use crate::payload::Budget;
use crate::resource::{Outside, Resource};

pub const FACTS: Facts = Facts {
    name: "threads",
    role: Role::Leak,
    description: "Threads that never end: one asleep per request, with its stack, never joined",
    page: include_str!("threads.md"),
    takes: &[Resource::Threads, Resource::Mappings, Resource::OutsideMemory],
    per_event: Some(Outside {
        bytes: STACK_BYTES as u64,
        threads: 1,
        mappings: MAPPINGS as u64,
        ..Outside::NOTHING
    }),
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
    /// What is resident of the stacks of all of them.
    stacks: Arc<AtomicU64>,
}

/// A thread that sleeps until its request is over.
struct Watcher {
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// What is resident of its stack; a sleeping thread takes no more.
    stack_bytes: u64,
    stacks: Arc<AtomicU64>,
}

/// Where a watcher says how large its stack has become, when it is ready.
#[derive(Default)]
struct Ready {
    stack_bytes: Mutex<Option<u64>>,
    said: Condvar,
}

impl Ready {
    fn say(&self, stack_bytes: u64) {
        *lock(&self.stack_bytes) = Some(stack_bytes);
        self.said.notify_one();
    }

    fn wait(&self) -> u64 {
        let nothing_said = |stack_bytes: &mut Option<u64>| stack_bytes.is_none();
        let said = self.said.wait_while(lock(&self.stack_bytes), nothing_said);
        said.unwrap_or_else(PoisonError::into_inner).unwrap_or(0)
    }
}

impl Watcher {
    fn start(stacks: &Arc<AtomicU64>) -> io::Result<Self> {
        let ((over, is_over), ready) = (channel(), Arc::new(Ready::default()));
        let builder = Builder::new().name(THREAD_NAME.to_owned()).stack_size(STACK_BYTES);
        let says_ready = Arc::clone(&ready);
        let thread = builder.spawn(move || watch(&is_over, says_ready))?;
        let stack_bytes = ready.wait();
        stacks.fetch_add(stack_bytes, Ordering::Relaxed);
        let (over, thread, stacks) = (Some(over), Some(thread), Arc::clone(stacks));
        Ok(Self { over, thread, stack_bytes, stacks })
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.over.take());
        // A watcher that panicked has ended as well.
        let _ = self.thread.take().map(JoinHandle::join);
        self.stacks.fetch_sub(self.stack_bytes, Ordering::Relaxed);
    }
}

fn watch(is_over: &Receiver<()>, ready: Arc<Ready>) {
    // It allocates no more. With its cache kept, a thread's largest part would be the allocator's,
    // and known to nobody; a refusal leaves it there.
    let _ = heap::drop_thread_cache();
    // Waiting takes some of the stack as well.
    let _ = is_over.recv_timeout(Duration::from_nanos(1));
    ready.say(stack::resident_bytes());
    drop(ready);
    // Nothing is ever sent: it is over when the sender is gone.
    let _ = is_over.recv();
}

impl Pattern for Threads {
    fn touch(&self, event: &Event<'_>, _budget: &Budget) -> io::Result<()> {
        let watcher = Watcher::start(&self.stacks)?;
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
        let bytes = self.stacks.load(Ordering::Relaxed);
        Outside { bytes, threads: threads as u64, mappings, ..Outside::default() }
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
